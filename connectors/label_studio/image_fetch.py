"""The images of tasks, wherever their addresses point.

/data/local-files/?d=...   files that Label Studio serves from its disk
/data/upload/...           files that people uploaded
http(s)://...              any web server, checked and bounded by connectors/images/download.py
data:image/png;base64,...  pictures that stand in the data of their task
s3://..., gs://..., az://  cloud storage: through Label Studio where the project has a storage for
                           it, else through fsspec with the daemon's own credentials
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import parse_qs, quote, unquote, urlsplit

from connectors.images.addresses import Allowed, resolve
from connectors.images.cache import MAX_BYTES
from connectors.images.cloud_storage import Storage, is_stored
from connectors.images.data_urls import is_inline, name_of_inline
from connectors.images.download import Downloader, Fetched
from connectors.label_studio.api import Api, certificates, refusal
from daemon.domain import FoundImage
from daemon.domain.errors import ConnectorUnavailable, ImageRefused

LOCAL_FILES = "/data/local-files"
UPLOADS = "/data/upload/"
_BUSY = (429, 502, 503, 504)


class Pictures:
    """Reads the images of one Label Studio server.

    allowed: what images may be fetched from beside the public internet and Label Studio itself.
    max_bytes: of one image.
    """

    def __init__(
        self, api: Api, allowed: Allowed | None = None, max_bytes: int = MAX_BYTES
    ) -> None:
        self._api, self._max_bytes = api, max_bytes
        self._storage = Storage()
        self._web = Downloader(
            allowed=allowed or Allowed(),
            home=api.url,
            credentials=api.credentials,
            verify=certificates(),
        )

    def close(self) -> None:
        """Free the connections."""
        self._web.close()

    def read(self, image: FoundImage) -> bytes:
        """The bytes of an image. Raises ImageRefused, naming it."""
        try:
            if is_stored(image.uri):
                return self._of_storage(image)
            return self._of_web(image.uri)
        except ImageRefused as exc:
            raise exc.at(f"image {shown(image.uri)}") from exc

    def fingerprint(self, image: FoundImage) -> str:
        """What the server tells about an image's bytes without sending them; "" where it tells
        nothing, or where the image lies in the data of its task or in cloud storage."""
        if is_stored(image.uri) or is_inline(image.uri):
            return ""
        try:
            for uri in self._places(image.uri):
                fetched = self._web.validators(self._address(uri))
                if fetched.status == 200:
                    return fetched.content.decode()
        except ImageRefused as exc:
            raise exc.at(f"image {shown(image.uri)}") from exc
        return ""

    def _of_storage(self, image: FoundImage) -> bytes:
        if image.task is not None:
            coded = base64.urlsafe_b64encode(image.uri.encode()).decode()
            fetched = self._fetched(f"/tasks/{image.task}/resolve/?fileuri={quote(coded)}")
            if fetched.status == 200:
                return fetched.content
        return self._storage.read(image.uri, self._max_bytes)

    def _of_web(self, uri: str) -> bytes:
        *home, own = self._places(uri)
        for place in home:
            fetched = self._fetched(place)
            if fetched.status == 200:
                return fetched.content
        try:
            fetched = self._fetched(own)
        except ImageRefused as exc:
            if own_path(uri) is None:
                raise
            raise ImageRefused(f"{exc}; {self._another_name(uri)}") from exc
        if fetched.status == 200:
            return fetched.content
        cure = "is the file there, and may everybody fetch it without signing in?"
        if fetched.at_home:
            cure = "is the file there, and is its folder registered as storage in Label Studio?"
        elif own_path(uri) is not None:
            cure = self._another_name(uri)
        raise ImageRefused(got=f"HTTP {fetched.status}", expected="its bytes", cure=cure)

    def _places(self, uri: str) -> list[str]:
        """Where to look for an image: at this address, and before that under our own name for
        Label Studio where the address is one of its own under another name.

        Our own server is asked with our token, and no other. An upload has a random part in its
        path, so what our server has under it is that file; the path of a local file does not tell
        which server it is of, so it is looked for only on the same machine.
        """
        inner = own_path(uri)
        parts = urlsplit(uri) if inner else None
        if inner is None or parts is None or not parts.netloc:
            return [uri]
        home = urlsplit(self._api.url)
        if (parts.scheme, parts.netloc.lower()) == (home.scheme, home.netloc.lower()):
            return [uri]
        is_upload = inner.startswith(UPLOADS)
        if is_upload or are_one_machine(parts.hostname or "", home.hostname or ""):
            return [inner, uri]
        return [uri]

    def _another_name(self, uri: str) -> str:
        parts = urlsplit(uri)
        place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        return (
            f"this is an address of a Label Studio; the token is shown to {self._api.url} only: "
            f'if both are the same server, write [label_studio] url = "{place}" into config.toml, '
            f"or start Label Studio with LABEL_STUDIO_HOST={self._api.url} and import the tasks "
            f"anew; if it is another server, copy its images to where everybody may fetch them"
        )

    def _fetched(self, uri: str) -> Fetched:
        """An answer; one that says 401 is believed at the second time."""
        address = self._address(uri)
        fetched = self._web.fetch(address, self._max_bytes)
        if fetched.at_home and fetched.status == 401:
            self._api.forget_access()
            fetched = self._web.fetch(address, self._max_bytes)
        if fetched.at_home and fetched.status == 401:
            raise refusal(f"GET {shown(uri)}", 401, "the image was not served")
        if fetched.at_home and fetched.status in _BUSY:
            raise ConnectorUnavailable(f"GET {shown(uri)}: got HTTP {fetched.status}")
        return fetched

    def _address(self, uri: str) -> str:
        """A path belongs to Label Studio, which may itself live below a path."""
        if kind_of(uri) is None:
            raise ImageRefused(
                got="an address of another kind",
                expected="/data/..., http(s)://... or cloud storage as s3://bucket/name",
                cure="serve the image through Label Studio",
            )
        if not uri.startswith("/"):
            return uri
        prefix = urlsplit(self._api.url).path
        inner = uri.removeprefix(prefix) if prefix and uri.startswith(f"{prefix}/") else uri
        return f"{self._api.url}/{inner.lstrip('/')}"


def own_path(uri: str) -> str | None:
    """The path under which a Label Studio serves an upload or a local file, with its query, where
    an http(s) address is one; None for other addresses."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https"):
        return None
    for kind in (UPLOADS, f"{LOCAL_FILES}/"):
        _, found, rest = parts.path.partition(kind)
        if found and ".." not in rest:
            return f"{kind}{rest}{'?' if parts.query else ''}{parts.query}"
    return None


def are_one_machine(host: str, other: str) -> bool:
    """Whether two names lead to the same address, or both to this machine itself."""
    try:
        one, two = set(resolve(host, 0)), set(resolve(other, 0))
    except (OSError, UnicodeError):
        return False
    local = all(address.is_loopback for address in one | two)
    return bool(one & two) or local


def kind_of(uri: str) -> str | None:
    """Where an address points, in words; None for one that cannot be fetched."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if is_inline(uri):
        return "pictures in the tasks' data"
    if is_stored(uri):
        return f"{parts.scheme} storage"
    if parts.path.startswith(LOCAL_FILES):
        return "local files of Label Studio"
    if parts.path.startswith(UPLOADS):
        return "uploads to Label Studio"
    if parts.scheme in ("http", "https"):
        return "web addresses"
    return "paths of Label Studio" if uri.startswith("/") else None


def name_of(uri: str) -> str:
    """What people call an image: the file's name, also where Label Studio hides it in a query."""
    if is_inline(uri):
        return name_of_inline(uri)
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    inner = parse_qs(parts.query).get("d", [""])[0] if parts.path.startswith(LOCAL_FILES) else ""
    return PurePosixPath(inner or unquote(parts.path)).name or uri


def kinds(images: Iterable[FoundImage]) -> dict[str, int]:
    """How many images there are of each kind, most first."""
    counted = Counter(kind_of(image.uri) or "addresses of another kind" for image in images)
    return dict(counted.most_common())


def shown(uri: str) -> str:
    """An address for people: without a password or a signature in it."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    if parts.scheme not in ("http", "https"):
        return uri
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

"""The images of tasks, wherever their addresses point.

/data/local-files/?d=...   files that Label Studio serves from its disk
/data/upload/...           files that people uploaded
http(s)://...              any web server, checked and bounded by connectors/download.py
s3://..., gs://..., az://  cloud storage: through Label Studio where the project has a storage for
                           it, else through fsspec with the daemon's own credentials
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import parse_qs, quote, unquote, urlsplit

from connectors.addresses import Allowed
from connectors.download import Downloader, Fetched
from connectors.images import MAX_BYTES
from connectors.label_studio.api import Api, certificates, refusal
from connectors.storage import Storage, is_stored
from daemon.domain import FoundImage
from daemon.errors import ConnectorUnavailable, ImageRefused

LOCAL_FILES = "/data/local-files"
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
            raise ImageRefused(f"image {shown(image.uri)}: {exc}") from exc

    def _of_storage(self, image: FoundImage) -> bytes:
        if image.task is not None:
            coded = base64.urlsafe_b64encode(image.uri.encode()).decode()
            fetched = self._fetched(f"/tasks/{image.task}/resolve/?fileuri={quote(coded)}")
            if fetched.status == 200:
                return fetched.content
        return self._storage.read(image.uri, self._max_bytes)

    def _of_web(self, uri: str) -> bytes:
        fetched = self._fetched(uri)
        if fetched.status == 200:
            return fetched.content
        cure = "is the file there, and may everybody fetch it without signing in?"
        if fetched.at_home:
            cure = "is the file there, and is its folder registered as storage in Label Studio?"
        raise ImageRefused(f"got HTTP {fetched.status}; expected its bytes; {cure}")

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
                "got an address of another kind; expected /data/..., http(s)://... or cloud "
                "storage as s3://bucket/name; serve the image through Label Studio"
            )
        if not uri.startswith("/"):
            return uri
        prefix = urlsplit(self._api.url).path
        inner = uri.removeprefix(prefix) if prefix and uri.startswith(f"{prefix}/") else uri
        return f"{self._api.url}/{inner.lstrip('/')}"


def kind_of(uri: str) -> str | None:
    """Where an address points, in words; None for one that cannot be fetched."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if is_stored(uri):
        return f"{parts.scheme} storage"
    if parts.path.startswith(LOCAL_FILES):
        return "local files of Label Studio"
    if parts.path.startswith("/data/upload/"):
        return "uploads to Label Studio"
    if parts.scheme in ("http", "https"):
        return "web addresses"
    return "paths of Label Studio" if uri.startswith("/") else None


def name_of(uri: str) -> str:
    """What people call an image: the file's name, also where Label Studio hides it in a query."""
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

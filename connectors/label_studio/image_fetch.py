"""Fetches the images of tasks from wherever their addresses point.

/data/local-files/?d=...   files that Label Studio serves from its disk
/data/upload/...           files that people uploaded
http(s)://...              any web server, checked and bounded by connectors/images/download.py
data:image/png;base64,...  images that are embedded in the data of their task
s3://..., gs://..., az://  cloud storage: through Label Studio where the project has a storage for
                           it, else through fsspec with the daemon's own credentials
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import parse_qs, quote, unquote, urlsplit

from connectors.images.addresses import AllowedHosts, resolve
from connectors.images.cache import MAX_BYTES
from connectors.images.cloud_storage import CloudStorage, is_cloud_address
from connectors.images.data_urls import is_inline, name_of_inline
from connectors.images.download import Downloader, FetchResult
from connectors.label_studio.api import Api, tls_context
from connectors.label_studio.api_errors import refusal
from daemon.domain import FoundImage
from daemon.domain.errors import ConnectorUnavailable, ImageRefused

LOCAL_FILES = "/data/local-files"
UPLOADS = "/data/upload/"
_UNAVAILABLE = (429, 502, 503, 504)


class ImageFetcher:
    """Reads the images of one Label Studio server.

    allowed: hosts beside the public internet and Label Studio itself. max_bytes: of one image.
    """

    def __init__(
        self, api: Api, allowed: AllowedHosts | None = None, max_bytes: int = MAX_BYTES
    ) -> None:
        self._api, self._max_bytes = api, max_bytes
        self._storage = CloudStorage()
        self._web = Downloader(
            allowed=allowed or AllowedHosts(),
            label_studio_url=api.url,
            credentials=api.credentials,
            verify=tls_context(),
        )

    def close(self) -> None:
        """Close the connections."""
        self._web.close()

    def read(self, image: FoundImage) -> bytes:
        """The bytes of an image. Raises ImageRefused, naming it."""
        try:
            if is_cloud_address(image.uri):
                return self._from_storage(image)
            return self._from_web(image.uri)
        except ImageRefused as exc:
            raise exc.at(f"image {redacted(image.uri)}") from exc

    def fingerprint(self, image: FoundImage) -> str:
        """ETag, time of change and size as the server sends them without the bytes; "" where it
        sends neither of the first two, and for embedded images and cloud storage."""
        if is_cloud_address(image.uri) or is_inline(image.uri):
            return ""
        try:
            for uri in self._candidates(image.uri):
                fetched = self._web.validators(self._address(uri))
                if fetched.status == 200:
                    return fetched.content.decode()
        except ImageRefused as exc:
            raise exc.at(f"image {redacted(image.uri)}") from exc
        return ""

    def _from_storage(self, image: FoundImage) -> bytes:
        if image.task is not None:
            coded = base64.urlsafe_b64encode(image.uri.encode()).decode()
            fetched = self._fetch(f"/tasks/{image.task}/resolve/?fileuri={quote(coded)}")
            if fetched.status == 200:
                return fetched.content
        return self._storage.read(image.uri, self._max_bytes)

    def _from_web(self, uri: str) -> bytes:
        *ours, given = self._candidates(uri)
        for candidate in ours:
            fetched = self._fetch(candidate)
            if fetched.status == 200:
                return fetched.content
        try:
            fetched = self._fetch(given)
        except ImageRefused as exc:
            if label_studio_path(uri) is None:
                raise
            cure = f"{exc.cure}; {self._url_advice(uri)}"
            raise ImageRefused(got=exc.got, expected=exc.expected, cure=cure) from exc
        if fetched.status == 200:
            return fetched.content
        cure = "is the file there, and may everybody fetch it without signing in?"
        if fetched.authenticated:
            cure = "is the file there, and is its folder registered as storage in Label Studio?"
        elif label_studio_path(uri) is not None:
            cure = self._url_advice(uri)
        raise ImageRefused(got=f"HTTP {fetched.status}", expected="its bytes", cure=cure)

    def _candidates(self, uri: str) -> list[str]:
        """The addresses to try: the given one, and before it the same path on our own Label
        Studio, where the address may be one of it under another host name.

        Only our own server gets our token. The path of an upload has a random part, so a file with
        that path on our server is the same file; the path of a local file may exist on any server,
        so it is tried only where both names are the same machine.
        """
        inner = label_studio_path(uri)
        parts = urlsplit(uri) if inner else None
        if inner is None or parts is None or not parts.netloc:
            return [uri]
        ours = urlsplit(self._api.url)
        if (parts.scheme, parts.netloc.lower()) == (ours.scheme, ours.netloc.lower()):
            return [uri]
        is_upload = inner.startswith(UPLOADS)
        if is_upload or is_same_machine(parts.hostname or "", ours.hostname or ""):
            return [inner, uri]
        return [uri]

    def _url_advice(self, uri: str) -> str:
        """A cure for an address of a Label Studio that is not the configured one."""
        parts = urlsplit(uri)
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        return (
            f"this is an address of a Label Studio; the token is sent to {self._api.url} only: "
            f'if both are the same server, write [label_studio] url = "{origin}" into config.toml, '
            f"or start Label Studio with LABEL_STUDIO_HOST={self._api.url} and import the tasks "
            f"again; if it is another server, copy its images to where everybody may fetch them"
        )

    def _fetch(self, uri: str) -> FetchResult:
        """The answer of a server; after a 401 of our own, once more with a new session."""
        address = self._address(uri)
        fetched = self._web.fetch(address, self._max_bytes)
        if fetched.authenticated and fetched.status == 401:
            self._api.forget_session()
            fetched = self._web.fetch(address, self._max_bytes)
        if fetched.authenticated and fetched.status == 401:
            raise refusal(f"GET {redacted(uri)}", 401, "the image was not served")
        if fetched.authenticated and fetched.status in _UNAVAILABLE:
            raise ConnectorUnavailable(f"GET {redacted(uri)}: got HTTP {fetched.status}")
        return fetched

    def _address(self, uri: str) -> str:
        """The full address; a path alone is of Label Studio, whose url may have a path itself."""
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


def label_studio_path(uri: str) -> str | None:
    """Path and query of an http(s) address that is an upload or a local file of some Label
    Studio; None for any other address."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https"):
        return None
    for prefix in (UPLOADS, f"{LOCAL_FILES}/"):
        _, found, rest = parts.path.partition(prefix)
        if found and ".." not in rest:
            return f"{prefix}{rest}{'?' if parts.query else ''}{parts.query}"
    return None


def is_same_machine(host: str, other: str) -> bool:
    """Whether two names lead to the same address, or both to this machine itself."""
    try:
        one, two = set(resolve(host, 0)), set(resolve(other, 0))
    except (OSError, UnicodeError):
        return False
    local = all(address.is_loopback for address in one | two)
    return bool(one & two) or local


def kind_of(uri: str) -> str | None:
    """The kind of storage that an address points to, in words; None where it cannot be fetched."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if is_inline(uri):
        return "images embedded in the tasks' data"
    if is_cloud_address(uri):
        return f"{parts.scheme} storage"
    if parts.path.startswith(LOCAL_FILES):
        return "local files of Label Studio"
    if parts.path.startswith(UPLOADS):
        return "uploads to Label Studio"
    if parts.scheme in ("http", "https"):
        return "web addresses"
    return "paths of Label Studio" if uri.startswith("/") else None


def name_of(uri: str) -> str:
    """The file name of an image, also where Label Studio has it in the query."""
    if is_inline(uri):
        return name_of_inline(uri)
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    inner = parse_qs(parts.query).get("d", [""])[0] if parts.path.startswith(LOCAL_FILES) else ""
    return PurePosixPath(inner or unquote(parts.path)).name or uri


def count_by_kind(images: Iterable[FoundImage]) -> dict[str, int]:
    """How many images there are of each kind of address, most first."""
    counts = Counter(kind_of(image.uri) or "addresses of another kind" for image in images)
    return dict(counts.most_common())


def redacted(uri: str) -> str:
    """An address for messages: without user, password and query."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    if parts.scheme not in ("http", "https"):
        return uri
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

"""Images over HTTP from any host: which hosts, how many bytes, how many seconds.

connectors/images/addresses.py resolves and checks every host, and the connection goes to the very
address that it checked, so a name that resolves differently a moment later cannot get around the
check. Redirects are followed here, five at most, and each is checked again. The credentials of
Label Studio are sent to its own origin only, and not after a redirect has left it. Nothing is
decompressed: an answer with a Content-Encoding is refused. Proxies of the environment are not used:
they would resolve the name. All this is written by hand on purpose: httpx checks none of it.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpcore
import httpx

from connectors.images.addresses import AllowedHosts
from connectors.images.checked_backend import CheckedBackend
from daemon.domain.errors import ConnectorUnavailable, ImageRefused
from daemon.pixels import too_large

TOTAL_S = 120.0  # an image, with all its redirects
CONNECT_S = 10.0
READ_S = 30.0  # between two chunks
REDIRECTS = 5
BACKOFF_S = 300.0  # for a host that did not answer: the loop waits for each try
_REDIRECT_CODES = (301, 302, 303, 307, 308)
_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


@dataclass(frozen=True, kw_only=True)
class FetchResult:
    """The last answer. content: empty unless status is 200. authenticated: whether the credentials
    were sent with its request."""

    status: int
    content: bytes
    authenticated: bool


class Downloader:
    """Fetches images. Not to be shared between threads.

    allowed: hosts beside the public internet. label_studio_url: its host may always be reached.
    credentials: returns the headers for it, called before each request. verify: TLS settings.
    connect_s, read_s, total_s: seconds for a connection, between two chunks, and for one image
    with its redirects. monotonic: a clock in seconds.
    """

    def __init__(
        self,
        *,
        allowed: AllowedHosts,
        label_studio_url: str,
        credentials: Callable[[], Mapping[str, str]],
        verify: ssl.SSLContext,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
        total_s: float = TOTAL_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label_studio = _origin(_parsed(label_studio_url))
        self._credentials = credentials
        self._timeouts = {"connect": connect_s, "read": read_s, "write": read_s, "pool": connect_s}
        self._total_s, self._monotonic = total_s, monotonic
        self._retry_at: dict[Origin, float] = {}  # origin -> time of the clock
        self._backend = CheckedBackend(allowed.with_host(*self._label_studio[1:]), monotonic)
        self._pool = httpcore.ConnectionPool(ssl_context=verify, network_backend=self._backend)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def fetch(self, address: str, max_bytes: int) -> FetchResult:
        """The image at an http(s) address, or the status that came instead.

        Raises ImageRefused for an image that may not or cannot be fetched, and
        ConnectorUnavailable when Label Studio does not answer.
        """
        return self._follow(address, lambda response: _body(response, max_bytes))

    def validators(self, address: str) -> FetchResult:
        """ETag, time of change and size of an image as the content, without its bytes; empty where
        the server sends no more than the size. Raises as `fetch` does."""
        return self._follow(address, _validators)

    def _follow(self, address: str, take: Callable[[httpcore.Response], bytes]) -> FetchResult:
        self._backend.deadline = self._monotonic() + self._total_s
        url = _parsed(address)
        authenticated = True  # no other origin was involved so far
        for _ in range(REDIRECTS + 1):
            authenticated = authenticated and _origin(url) == self._label_studio
            answer = self._request(url, take, authenticated)
            if isinstance(answer, FetchResult):
                return answer
            url = answer
        raise ImageRefused(
            got=f"more than {REDIRECTS} redirects",
            expected="at most that many",
            cure="write the address it ends at into the task",
        )

    def _request(
        self, url: httpx.URL, take: Callable[[httpcore.Response], bytes], authenticated: bool
    ) -> FetchResult | httpx.URL:
        """The answer of one server, or the address that it redirects to."""
        origin = _origin(url)
        self._check_backoff(origin)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "Maskloop"}
        if authenticated:
            headers |= self._credentials()
        try:
            with self._pool.stream(
                "GET",
                _on_the_wire(url),
                headers=list(headers.items()),
                extensions={"timeout": self._timeouts},
            ) as response:
                if response.status in _REDIRECT_CODES:
                    return _target(url, response)
                content = take(response) if response.status == 200 else b""
                return FetchResult(
                    status=response.status, content=content, authenticated=authenticated
                )
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as exc:
            raise self._failure(exc, origin) from exc

    def _check_backoff(self, origin: Origin) -> None:
        left = self._retry_at.get(origin, 0.0) - self._monotonic()
        if left > 0:
            raise ImageRefused(
                got=f"no answer of {origin[1]} a while ago",
                expected="the image",
                cure=f"it is asked again in {left:.0f} s",
            )

    def _failure(self, exc: Exception, origin: Origin) -> Exception:
        words = f"{origin[1]}: {str(exc) or type(exc).__name__}"
        if origin == self._label_studio:
            return ConnectorUnavailable(f"{words}; start Label Studio, or correct its address")
        if not isinstance(exc, httpcore.ProtocolError):
            self._retry_at[origin] = self._monotonic() + BACKOFF_S
        return ImageRefused(
            got=words,
            expected="the image",
            cure="is that server up, and can this machine reach it?",
        )


def _parsed(address: str) -> httpx.URL:
    """One parser for everything: two that disagree about the host would be a hole."""
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, TypeError) as exc:
        raise ImageRefused(
            got=f"an address that cannot be read: {exc}",
            expected="http://... or https://...",
            cure="correct it in the task",
        ) from exc
    if url.scheme not in _PORTS or not url.host:
        raise ImageRefused(
            got="an address of another kind",
            expected="http://... or https://...",
            cure="correct it in the task",
        )
    return url


def _origin(url: httpx.URL) -> Origin:
    return url.scheme, url.raw_host.decode().lower(), url.port or _PORTS[url.scheme]


def _on_the_wire(url: httpx.URL) -> httpcore.URL:
    """Without a user name and password: they would go to whom the address names."""
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )


def _target(url: httpx.URL, response: httpcore.Response) -> httpx.URL:
    location = _header(response, b"location")
    if not location:
        raise ImageRefused(
            got=f"HTTP {response.status} without a Location",
            expected="one",
            cure="correct that server",
        )
    try:
        return _parsed(str(url.join(location)))
    except (httpx.InvalidURL, ImageRefused) as exc:
        raise ImageRefused(
            got=f"a redirect that cannot be followed: {exc}",
            expected="one to http(s)",
            cure="write the address it ends at into the task",
        ) from exc


def _body(response: httpcore.Response, max_bytes: int) -> bytes:
    """The whole body; the connection is dropped as soon as it proves too long."""
    encoding = _header(response, b"content-encoding").lower()
    if encoding not in ("", "identity"):
        raise ImageRefused(
            got=f"bytes packed with {encoding}",
            expected="the image as it is",
            cure="turn off compression of images on that server",
        )
    announced = _header(response, b"content-length")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise too_large("the server", max_bytes)
    content = bytearray()
    for chunk in response.iter_stream():
        content += chunk
        if len(content) > max_bytes:
            raise too_large("the server", max_bytes)
    return bytes(content)


def _validators(response: httpcore.Response) -> bytes:
    etag, changed = _header(response, b"etag"), _header(response, b"last-modified")
    if not etag and not changed:
        return b""
    return f"{etag} {changed} {_header(response, b'content-length')}".encode()


def _header(response: httpcore.Response, name: bytes) -> str:
    found = [value for key, value in response.headers if key.lower() == name]
    return found[-1].decode("latin-1").strip() if found else ""

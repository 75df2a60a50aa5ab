"""Images over HTTP from anywhere: who may be asked, how much, and for how long.

connectors/images/addresses.py resolves and checks every host, and the connection goes to the very
address that it checked, so a name that resolves differently a moment later is of no use. This
module follows redirects itself, five at most, and checks each again. The credentials of Label
Studio ("home") travel to its origin only, and no more once a redirect has led away. Nothing is
unpacked on the way: an answer with a Content-Encoding is refused. Proxies of the environment are
not used: they would resolve.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from connectors.images.addresses import Allowed, resolve
from connectors.images.cache import too_large
from daemon.domain.errors import ConnectorUnavailable, ImageRefused

TOTAL_S = 120.0  # an image, with all its redirects
CONNECT_S = 10.0
READ_S = 30.0  # between two pieces
REDIRECTS = 5
REST_S = 300.0  # a host that did not answer is left alone so long: the loop waits for each try
_MOVED = (301, 302, 303, 307, 308)
_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """The last answer. content: empty unless status is 200. at_home: whether the credentials
    were shown to it."""

    status: int
    content: bytes
    at_home: bool


class Downloader:
    """Fetches images. Not to be shared between threads.

    allowed: what may be reached beside the public internet. home: address of Label Studio, which
    may be anywhere. credentials: headers for home, asked for before each request. verify: TLS
    settings. monotonic: a clock in seconds.
    """

    def __init__(
        self,
        *,
        allowed: Allowed,
        home: str,
        credentials: Callable[[], Mapping[str, str]],
        verify: ssl.SSLContext,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
        total_s: float = TOTAL_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._home, self._credentials = _origin(_parsed(home)), credentials
        self._waits = {"connect": connect_s, "read": read_s, "write": read_s, "pool": connect_s}
        self._total_s, self._monotonic = total_s, monotonic
        self._resting: dict[Origin, float] = {}  # until when
        self._wires = _Wires(allowed.with_place(*self._home[1:]), monotonic)
        self._pool = httpcore.ConnectionPool(ssl_context=verify, network_backend=self._wires)

    def close(self) -> None:
        """Free the connections."""
        self._pool.close()

    def fetch(self, address: str, max_bytes: int) -> Fetched:
        """The image at an http(s) address, or the status that came instead.

        Raises ImageRefused for what may not or cannot be fetched, and ConnectorUnavailable when
        home does not answer.
        """
        return self._follow(address, lambda response: _body(response, max_bytes))

    def validators(self, address: str) -> Fetched:
        """What the server tells about an image without sending it: its ETag, time of change and
        size as the content, empty where it tells no more than the size. Raises as `fetch` does."""
        return self._follow(address, _validators)

    def _follow(self, address: str, take: Callable[[httpcore.Response], bytes]) -> Fetched:
        self._wires.until = self._monotonic() + self._total_s
        url = _parsed(address)
        known = True  # no other origin was involved so far
        for _ in range(REDIRECTS + 1):
            known = known and _origin(url) == self._home
            answer = self._ask(url, take, known)
            if isinstance(answer, Fetched):
                return answer
            url = answer
        raise ImageRefused(f"got more than {REDIRECTS} redirects; expected at most that")

    def _ask(
        self, url: httpx.URL, take: Callable[[httpcore.Response], bytes], known: bool
    ) -> Fetched | httpx.URL:
        """The answer of one server, or the address that it sends us to."""
        place = _origin(url)
        self._let_rest(place)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "Maskloop"}
        if known:
            headers |= self._credentials()
        try:
            with self._pool.stream(
                "GET",
                _on_the_wire(url),
                headers=list(headers.items()),
                extensions={"timeout": self._waits},
            ) as response:
                if response.status in _MOVED:
                    return _target(url, response)
                content = take(response) if response.status == 200 else b""
                return Fetched(status=response.status, content=content, at_home=known)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as exc:
            raise self._failure(exc, place) from exc

    def _let_rest(self, place: Origin) -> None:
        left = self._resting.get(place, 0.0) - self._monotonic()
        if left > 0:
            raise ImageRefused(
                f"{place[1]} did not answer a while ago; it is asked again in {left:.0f} s"
            )

    def _failure(self, exc: Exception, place: Origin) -> Exception:
        words = f"{place[1]}: {str(exc) or type(exc).__name__}"
        if place == self._home:
            return ConnectorUnavailable(f"{words}; start Label Studio, or correct its address")
        if not isinstance(exc, httpcore.ProtocolError):
            self._resting[place] = self._monotonic() + REST_S
        return ImageRefused(f"{words}; is that server up, and can this machine reach it?")


class _Wires(httpcore.NetworkBackend):
    """Opens connections to checked addresses; everything ends at `until`, however slowly the
    other side drips."""

    def __init__(self, allowed: Allowed, monotonic: Callable[[], float]) -> None:
        self._allowed, self._monotonic = allowed, monotonic
        self._plain = httpcore.SyncBackend()
        self.until = 0.0

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that answers; all of them are checked."""
        try:
            addresses = resolve(host, port)
        except (OSError, UnicodeError) as exc:
            raise httpcore.ConnectError(f"no address is known for it: {exc}") from exc
        self._allowed.check(host, port, addresses)
        fault: Exception = httpcore.ConnectError("no address is known for it")
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(str(address), port, self.left(timeout))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                fault = exc
            else:
                return _Wire(stream, self)
        raise fault

    def left(self, timeout: float | None) -> float:
        """Seconds that one step may take. Raises httpcore.ReadTimeout when there are none."""
        left = self.until - self._monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("still not there after the time that one image may take")
        return left if timeout is None else min(timeout, left)


class _Wire(httpcore.NetworkStream):
    """A connection whose every step is bounded by the same moment."""

    def __init__(self, stream: httpcore.NetworkStream, wires: _Wires) -> None:
        self._stream, self._wires = stream, wires

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes."""
        return self._stream.read(max_bytes, self._wires.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        self._stream.write(buffer, self._wires.left(timeout))

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """The same connection with TLS; the certificate must be the host's."""
        left = self._wires.left(timeout)
        return _Wire(self._stream.start_tls(ssl_context, server_hostname, left), self._wires)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore wants to know about the socket."""
        return self._stream.get_extra_info(info)


def _parsed(address: str) -> httpx.URL:
    """One parser for everything: two that disagree about the host would be a hole."""
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, TypeError) as exc:
        raise ImageRefused(f"got an address that cannot be read: {exc}") from exc
    if url.scheme not in _PORTS or not url.host:
        raise ImageRefused("got an address of another kind; expected http://... or https://...")
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
        raise ImageRefused(f"got HTTP {response.status} without a Location; expected one")
    try:
        return _parsed(str(url.join(location)))
    except (httpx.InvalidURL, ImageRefused) as exc:
        raise ImageRefused(f"got a redirect that cannot be followed: {exc}") from exc


def _body(response: httpcore.Response, max_bytes: int) -> bytes:
    """The whole body; the connection is dropped as soon as it proves too long."""
    packed = _header(response, b"content-encoding").lower()
    if packed not in ("", "identity"):
        raise ImageRefused(f"got bytes packed with {packed}; expected the image as it is")
    announced = _header(response, b"content-length")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise too_large("the server", max_bytes)
    content = bytearray()
    for piece in response.iter_stream():
        content += piece
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

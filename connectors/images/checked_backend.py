"""Connections to checked addresses only, bounded by one deadline: the network layer of download.py.

Written by hand on purpose: httpcore resolves a name by itself, and limits each step, not their sum.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from connectors.images.addresses import AllowedHosts, resolve


class CheckedBackend(httpcore.NetworkBackend):
    """Opens connections to checked addresses; every step ends at `deadline`, however slowly the
    other side sends."""

    def __init__(self, allowed: AllowedHosts, monotonic: Callable[[], float]) -> None:
        self._allowed, self._monotonic = allowed, monotonic
        self._unchecked = httpcore.SyncBackend()
        self.deadline = 0.0

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
        error: Exception = httpcore.ConnectError("no address is known for it")
        for address in addresses:
            try:
                stream = self._unchecked.connect_tcp(str(address), port, self.left(timeout))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                error = exc
            else:
                return _BoundedStream(stream, self)
        raise error

    def left(self, timeout: float | None) -> float:
        """Seconds that one step may take. Raises httpcore.ReadTimeout when there are none."""
        left = self.deadline - self._monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("still not there after the time that one image may take")
        return left if timeout is None else min(timeout, left)


class _BoundedStream(httpcore.NetworkStream):
    """A connection whose steps all end at the deadline of its backend."""

    def __init__(self, stream: httpcore.NetworkStream, backend: CheckedBackend) -> None:
        self._stream, self._backend = stream, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes."""
        return self._stream.read(max_bytes, self._backend.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        self._stream.write(buffer, self._backend.left(timeout))

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
        left = self._backend.left(timeout)
        return _BoundedStream(
            self._stream.start_tls(ssl_context, server_hostname, left), self._backend
        )

    def get_extra_info(self, info: str) -> Any:
        """What httpcore wants to know about the socket."""
        return self._stream.get_extra_info(info)

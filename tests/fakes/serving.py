"""A server in a thread, from the beginning of a `with` to its end."""

from __future__ import annotations

import socketserver
import threading
from typing import Self


class Serving:
    """What serves `server` while it is entered."""

    def __init__(self, server: socketserver.BaseServer) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def close(self) -> None:
        """Free the address of a server that never served."""
        self._server.server_close()

"""A proxy that passes requests on to a real server and can lose the answers on the way back."""

from __future__ import annotations

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.fakes.faulty import Faulty
from tests.fakes.pages import Request
from tests.fakes.serving import Serving


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Clients that end in the middle of a request are ordinary here."""


class LossyProxy(Serving):
    """Closes the connection instead of answering requests whose path matches `lose`."""

    def __init__(self, upstream: str) -> None:
        self.lose: str | None = None
        self.lost: list[str] = []
        self._upstream = httpx.Client(base_url=upstream, timeout=60, trust_env=False)
        server = _Quiet(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{server.server_port}"
        super().__init__(server)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._upstream.close()

    def forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> httpx.Response:
        answer = self._upstream.request(method, path, headers=headers, content=body)
        if self.lose and re.search(self.lose, f"{method} {path}"):
            self.lost.append(path)
            raise ConnectionAbortedError
        return answer


class FaultyProxy(Faulty, LossyProxy):
    """Lets requests go wrong as a plan says; see faults.py. Nobody sets the server's clock."""

    def __init__(self, upstream: str) -> None:
        Faulty.__init__(self)
        LossyProxy.__init__(self, upstream)

    def forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> httpx.Response:
        status, answer = self.answer(Request(method, path, headers, body))
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(status, json=answer)

    def done(self, request: Request) -> tuple[int, Any]:
        answer = self._upstream.request(
            request.method, request.target, headers=request.headers, content=request.raw
        )
        return answer.status_code, answer

    def jump(self, seconds: float) -> None:
        pass


def _handler(proxy: LossyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def log_message(self, *_: object) -> None:
            pass

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = ("authorization", "content-type", "cookie", "x-csrftoken")
            headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
            try:
                answer = proxy.forward(self.command, self.path, headers, body)
            except ConnectionAbortedError:
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("content-type", "text/plain"))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = do_DELETE = _do

    return Handler

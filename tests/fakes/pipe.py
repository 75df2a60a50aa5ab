"""Requests through a pipe instead of a socket: from a forked child to the process that forked it.

The client is the real one, down to the bytes; only the socket is replaced, so that the server
stands still between requests, sees the child end, and can end it in the middle of a request.
"""

from __future__ import annotations

from email.message import Message
from http.client import HTTPMessage
from multiprocessing.connection import Connection
from typing import Any

import httpx

from tests.fakes.faults import Unanswered
from tests.fakes.faulty import Faulty, content_of
from tests.fakes.pages import Request

ERRORS: dict[str, type[httpx.TransportError]] = {
    "refused": httpx.ConnectError,
    "closed": httpx.RemoteProtocolError,
    "timed out": httpx.ReadTimeout,
}


class PipeTransport(httpx.BaseTransport):
    """The client's end."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode("ascii")
        self._pipe.send((request.method, target, list(request.headers.items()), request.read()))
        answer = self._pipe.recv()
        if isinstance(answer, str):
            raise ERRORS[answer](answer, request=request)
        status, headers, content = answer
        return httpx.Response(status, headers=headers, content=content, request=request)


def answered(server: Faulty, sent: tuple[str, str, Any, bytes]) -> Any:
    """The server's end: what to send back for what came."""
    try:
        status, body = server.answer(received(sent))
    except Unanswered as exc:
        return exc.how
    return status, server.headers(), content_of(status, body)


def received(sent: tuple[str, str, Any, bytes]) -> Request:
    method, target, headers, body = sent
    message: Message = HTTPMessage()
    for name, value in headers:
        message[name] = value
    return Request(method, target, message, body)

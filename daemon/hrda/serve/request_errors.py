"""What a client is told when a request cannot be answered: always the same JSON.

{"error": {"code": ..., "message": ..., "got": ..., "expected": ..., "cure": ...}}
"""

from __future__ import annotations

import json
import logging

from flask import Response
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from daemon.domain.errors import ImageRefused, RunFailed
from daemon.hrda.serve.work_queue import QueueFull, Stopping, TooLate
from daemon.runs.model_requests import ServeLimits

log = logging.getLogger(__name__)

JSON = "application/json"
RETRY_S = "2"  # after which a client may try again


class RequestRefused(Exception):
    """A request that is not done. status: of HTTP. code: for programs. got, expected, cure: in
    words."""

    def __init__(self, status: int, code: str, *, got: str, expected: str, cure: str) -> None:
        super().__init__(f"got {got}; expected {expected}; {cure}")
        self.status, self.code = status, code
        self.got, self.expected, self.cure = got, expected, cure


def error_body(code: str, message: str, **facts: str) -> bytes:
    """The JSON of an error. facts: got, expected, cure where they are known."""
    return json.dumps({"error": {"code": code, "message": message, **facts}}).encode()


def json_error(status: int, code: str, message: str, **facts: str) -> Response:
    """The answer of an error."""
    return Response(error_body(code, message, **facts), status=status, mimetype=JSON)


def error_response(error: Exception, limits: ServeLimits) -> Response:
    """The answer to whatever a request raised, without a traceback."""
    if isinstance(error, RequestRefused):
        return json_error(error.status, error.code, str(error), **_facts(error))
    if isinstance(error, ImageRefused):
        return json_error(422, "image", str(error), **_facts(error))
    if isinstance(error, QueueFull | Stopping):
        words = f"{limits.queue} requests wait" if isinstance(error, QueueFull) else "it stops"
        response = json_error(503, "busy", f"the server takes no more: {words}; try again later")
        response.headers["Retry-After"] = RETRY_S
        return response
    if isinstance(error, TooLate):
        words = f"no result within {limits.seconds:g} s; send smaller pictures, or fewer at once"
        return json_error(504, "late", words)
    if isinstance(error, RequestEntityTooLarge):
        most = f"{limits.body_megabytes:g} megabytes and {limits.images} files"
        words = f"the request is too large; expected at most {most}"
        return json_error(413, "request_entity_too_large", words)
    if isinstance(error, HTTPException):
        name = error.name.lower().replace(" ", "_")
        return json_error(error.code or 500, name, error.description or error.name)
    log.error("a request failed", exc_info=error)
    if isinstance(error, RunFailed):
        return json_error(503, "failed", str(error))
    return json_error(500, "unexpected", "an error of the server; its log says more")


def _facts(error: RequestRefused | ImageRefused) -> dict[str, str]:
    return {"got": error.got, "expected": error.expected, "cure": error.cure}

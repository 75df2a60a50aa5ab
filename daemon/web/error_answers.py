"""What the pages answer where they cannot answer what was asked: a page for people, which says what
happened and what to do, JSON for programs, and a line of text for all others.

Never the inside of a fault: what was raised is in the log alone. The page needs neither store nor
settings, and asks for the style sheets of this server only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from flask import Flask, Response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from daemon.domain import HINT_PATH, SMART_TOOL_PATH
from daemon.domain.errors import MaskloopError

API_PATHS = "/api/"
_TEXT, _HTML, _JSON = "text/plain", "text/html", "application/json"


@dataclass(frozen=True, kw_only=True)
class ErrorWords:
    """title: a few words. happened, cure: a sentence each."""

    title: str
    happened: str
    cure: str


_OVERVIEW = "Check the address, or begin at the overview."
_AGAIN = "Go back to the page that you came from, load it again and try it once more."
WORDS = {
    403: ErrorWords(
        title="Not allowed",
        happened="Maskloop refused this request.",
        cure="Open Maskloop at the address that `maskloop open` prints.",
    ),
    404: ErrorWords(
        title="Not found", happened="Maskloop has nothing at this address.", cure=_OVERVIEW
    ),
    405: ErrorWords(
        title="Not possible here",
        happened="This address does not take requests of this kind.",
        cure="Open it from a page of Maskloop; /api/v1 lists the addresses for programs.",
    ),
    413: ErrorWords(
        title="Too large",
        happened="The request is larger than Maskloop takes.",
        cure="Ask for fewer images at once.",
    ),
    500: ErrorWords(
        title="A fault of Maskloop",
        happened="Maskloop could not make this page; its log says why.",
        cure="Load the page again. If it stays so, `maskloop doctor` gathers what a report needs.",
    ),
    503: ErrorWords(
        title="Not available now",
        happened="Maskloop cannot show this now.",
        cure="Load the page again when that is mended.",
    ),
}
_OTHER = ErrorWords(
    title="Not understood", happened="Maskloop cannot answer this request.", cure=_AGAIN
)


def error_answers(app: Flask) -> None:
    """Have the application answer errors this way, but where Label Studio calls."""

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> ResponseReturnValue:
        if request.path == HINT_PATH or request.path.startswith(f"{SMART_TOOL_PATH}/"):
            return error
        status = error.code or 500
        usual = error.description == type(error).description
        answer = error_answer(status, "" if usual or status >= 500 else error.description or "")
        for name, value in error.get_headers():
            if name not in ("Content-Type", "Content-Length"):
                answer.headers[name] = value  # Allow, of a 405
        return answer

    @app.errorhandler(MaskloopError)
    def unavailable(error: MaskloopError) -> ResponseReturnValue:
        return error_answer(503, str(error))


def error_answer(status: int, detail: str = "") -> Response:
    """The answer to the present request. detail: what exactly is wrong, made for people; "" for
    nothing beyond the usual words of the status."""
    words, mimetype = WORDS.get(status, _OTHER), _wanted()
    if mimetype == _HTML:
        page = render_template("error.html", words=words, detail=detail)
        return Response(page, status=status, mimetype=_HTML)
    text = detail or f"{words.happened} {words.cure}"
    if mimetype == _JSON:
        return Response(json.dumps({"error": text}), status=status, mimetype=_JSON)
    return Response(f"{text}\n", status=status, mimetype=_TEXT)


def wants_page() -> bool:
    """Whether a person reads the answer to the present request."""
    return _wanted() == _HTML


def _wanted() -> str:
    """How the client reads answers. A browser asks for HTML, our scripts for anything."""
    if request.path.startswith(API_PATHS):
        return _JSON
    best = request.accept_mimetypes.best_match((_TEXT, _JSON, _HTML), default=_TEXT)
    return _JSON if best == _HTML and request.path.endswith(".json") else best

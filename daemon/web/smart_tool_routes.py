"""The addresses that Label Studio calls for clicks of people.

    GET  /smart-tool/health     whether somebody is there
    POST /smart-tool/setup      when it connects
    POST /smart-tool/predict    at every click
    POST /smart-tool/webhook    what happened in the project, which we do not need

All but the last ask for the password that Label Studio was given. Whatever else is wrong, the
answer is 200 with a valid body: Label Studio hides every other answer from people.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any, Protocol

from flask import Blueprint, Response, request

from daemon.domain import SMART_TOOL_PATH, SMART_TOOL_USER
from daemon.insight.smart_tool_figures import SmartToolFigures

LARGEST_CLICK_BYTES = 64 * 2**20  # it carries every mask that the task holds


class AnswersClicks(Protocol):
    """The smart tool, as the pages know it (daemon/smart_tool). secret: Label Studio's password."""

    secret: str

    def setup(self) -> Mapping[str, Any]:
        """The answer to `/setup`."""

    def predict(self, content: bytes) -> Mapping[str, Any]:
        """The answer to the body of a `/predict`. Never raises."""

    def figures(self) -> SmartToolFigures:
        """What became of the clicks so far."""


def smart_tool_routes(tool: AnswersClicks) -> Blueprint:
    """The addresses of the smart tool."""
    routes = Blueprint("smart_tool", __name__, url_prefix=SMART_TOOL_PATH)

    @routes.before_request
    def enter() -> Response | None:
        if request.endpoint == "smart_tool.webhook" or _may_enter(tool.secret):
            return None
        refusal = _json({"error": "the password is missing or wrong"}, 401)
        refusal.headers["WWW-Authenticate"] = 'Basic realm="Maskloop"'
        return refusal

    @routes.get("/")
    @routes.get("/health")
    def health() -> Response:
        return _json({"status": "UP"})

    @routes.post("/setup")
    def setup() -> Response:
        return _json(tool.setup())

    @routes.post("/predict")
    def predict() -> Response:
        return _json(tool.predict(request.get_data(cache=False)))

    @routes.get("/versions")
    def versions() -> Response:
        return _json({"versions": []})

    @routes.post("/webhook")
    def webhook() -> Response:
        return Response(status=204)

    return routes


def _may_enter(secret: str) -> bool:
    given = request.authorization
    if given is None or given.type != "basic":
        return False
    user, password = str(given.username or ""), str(given.password or "")
    is_user = hmac.compare_digest(user.encode(), SMART_TOOL_USER.encode())
    return hmac.compare_digest(password.encode(), secret.encode()) and is_user


def _json(value: Mapping[str, Any], status: int = 200) -> Response:
    text = json.dumps(value, allow_nan=False)
    return Response(text, status=status, mimetype="application/json")

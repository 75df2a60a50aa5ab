"""The addresses of the model server: /v1/predict, /v1/model, /healthz. Torch is behind `Engine`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue

from daemon.hrda.serve.answers import Answer, Form, answer_of, part_of
from daemon.hrda.serve.bearer_token import Access
from daemon.hrda.serve.engine import Engine
from daemon.hrda.serve.posted_pictures import (
    Posted,
    posted_pictures,
    require_answer_fits,
    wanted_form,
)
from daemon.hrda.serve.request_errors import JSON, error_response, json_error
from daemon.hrda.serve.work_queue import WorkQueue
from daemon.runs.model_requests import ServeLimits

HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
OPEN = "/healthz"  # needs no token, and says nothing of the model


def create_app(engine: Engine, work: WorkQueue, access: Access, limits: ServeLimits) -> Flask:
    """The application. The engine is called in the thread of `work` only."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = most_bytes(limits)
    app.config["MAX_FORM_PARTS"] = limits.images + 1  # so that one too many is counted
    card = engine.card.model_dump_json().encode()

    @app.before_request
    def check_access() -> ResponseReturnValue | None:
        why = access.refusal(request.headers.get("Authorization", ""), request.host)
        if request.path == OPEN or not why:
            return None
        return _refused(why)

    @app.get(OPEN)
    def health() -> ResponseReturnValue:
        return {"status": "ok", "requests": work.count}

    @app.get("/v1/model")
    def model() -> ResponseReturnValue:
        return Response(card, mimetype=JSON)

    @app.post("/v1/predict")
    def predict() -> ResponseReturnValue:
        answer = _answer(engine, work, limits)
        response = Response(answer.body, mimetype=answer.media_type)
        response.headers["X-Model-SHA256"] = engine.digest
        return response

    @app.after_request
    def secure(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    app.register_error_handler(Exception, lambda error: error_response(error, limits))
    return app


def most_bytes(limits: ServeLimits) -> int:
    """The largest body of a request."""
    return round(limits.body_megabytes * 1e6)


def _answer(engine: Engine, work: WorkQueue, limits: ServeLimits) -> Answer:
    """The answer to the request at hand."""
    started_s = time.monotonic()
    pictures, batch = posted_pictures(request, limits)
    form = wanted_form(request.args, list(request.accept_mimetypes), batch=batch)
    require_answer_fits(form, pictures, len(engine.classes), limits)
    left_s = limits.seconds - (time.monotonic() - started_s)
    return work.run(
        lambda: _predicted(engine, pictures, form, limits, batch=batch), max(0.0, left_s)
    )


def _predicted(
    engine: Engine, pictures: Sequence[Posted], form: Form, limits: ServeLimits, *, batch: bool
) -> Answer:
    """The whole answer; runs in the worker."""
    parts: list[tuple[str, Any]] = []
    for number, one in enumerate(pictures):
        where = f"image {number}" if batch else "image"
        prediction = engine.predict(
            one.content, where=where, max_pixels=round(limits.megapixels * 1e6)
        )
        parts.append((one.name, part_of(form, prediction, engine.classes)))
    return answer_of(form, engine.digest, parts, batch=batch)


def _refused(why: str) -> Response:
    if why == "host":
        words = "the Host header names another machine; expected 127.0.0.1, ::1 or localhost"
        return json_error(403, "host", words)
    response = json_error(401, "token", "expected the header `Authorization: Bearer TOKEN`")
    response.headers["WWW-Authenticate"] = "Bearer"
    return response

"""The page and its JSON twin, made from one dict. Reads only; nothing comes from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flask import Flask, Response, render_template, send_file
from flask.typing import ResponseReturnValue

from daemon.domain.errors import MaskloopError
from daemon.insight import curve
from daemon.web import formatting
from daemon.web.hints import Hints, receiver

Snapshot = Callable[[], Mapping[str, Any]]

# The two <style> elements that plotly.js adds: an empty one that it fills by script, and the sheet
# of its maps. We draw no maps: when a newer plotly changes that sheet, a browser only logs it.
PLOTLY_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' "
    "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='"
)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        f"style-src 'self' {PLOTLY_STYLES}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
WORDS = (
    formatting.fraction,
    formatting.interval,
    formatting.percent,
    formatting.count,
    formatting.signed,
    formatting.duration,
    formatting.moment,
    formatting.headline,
    formatting.steps,
)


def create_app(snapshot: Snapshot, hints: Hints | None = None) -> Flask:
    """Build the page over `snapshot`, which says where the loop stands (daemon/status/snapshot.py).

    GET / is the page, GET /status.json the same dict. A MaskloopError of `snapshot` is a 503
    with its message: the page goes on polling. With `hints`, POST /hint wakes the daemon.
    """
    app = Flask(__name__)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if hints is not None:
        app.register_blueprint(receiver(hints))
    app.jinja_env.filters |= {word.__name__: word for word in WORDS}

    @app.get("/")
    def page() -> ResponseReturnValue:
        status = snapshot()
        drawn = [vars(line) for line in curve.lines(status["evaluations"], status["classes"])]
        newest = curve.standing(status["evaluations"])
        text = render_template("page.html", status=status, lines=drawn, newest=newest)
        return _alternate(Response(text), "/status.json", "application/json")

    @app.get("/status.json")
    def status_json() -> ResponseReturnValue:
        text = json.dumps(snapshot(), indent=1, allow_nan=False)
        return _alternate(Response(text, mimetype="application/json"), "/", "text/html")

    @app.get("/plotly.js")
    def plotly() -> ResponseReturnValue:
        return send_file(_plotly_file(), mimetype="text/javascript", max_age=86_400)

    @app.errorhandler(MaskloopError)
    def refused(error: MaskloopError) -> ResponseReturnValue:
        return Response(f"{error}\n", status=503, mimetype="text/plain")

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return app


def _alternate(response: Response, address: str, kind: str) -> Response:
    response.headers["Link"] = f'<{address}>; rel="alternate"; type="{kind}"'
    return response


def _plotly_file() -> Path:
    found = find_spec("plotly")  # looked up, not imported: the daemon's process stays small
    if found is None or found.origin is None:
        raise MaskloopError("plotly is not installed; run `make setup`")
    return Path(found.origin).parent / "package_data" / "plotly.min.js"

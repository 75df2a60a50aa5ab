"""The web application: all pages, plotly.js and the security headers. It only reads, but for
commands, and nothing comes from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from flask import Flask, Response, send_file
from flask.typing import ResponseReturnValue

from daemon.domain.clock import Clock, steady_s, utc_now
from daemon.web.access.gate import access_of, guard
from daemon.web.access.sign_in import sign_in_routes
from daemon.web.api_index import index_routes
from daemon.web.command_routes import command_routes
from daemon.web.error_answers import error_answers
from daemon.web.hints import Hints, receiver
from daemon.web.image_routes import image_routes
from daemon.web.page import Page, ReadConfig, ReadStatus, Sources, blueprint
from daemon.web.pages import PAGES
from daemon.web.smart_tool_routes import AnswersClicks, smart_tool_routes
from daemon.web.template_filters import FILTERS

# plotly.js-basic-dist-min of npm, unchanged: `make plotly` fetches it again, a test has its digest
PLOTLY = Path(__file__).parent / "static" / "plotly-basic.min.js"
# The two <style> elements that it adds: an empty one that it fills by script, and a sheet of maps.
PLOTLY_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' "
    "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        f"frame-src 'self'; style-src 'self' {PLOTLY_STYLES}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_app(
    read_status: ReadStatus,
    hints: Hints | None = None,
    pages: Sequence[Page] = PAGES,
    read_config: ReadConfig | None = None,
    wake: Callable[[], None] = lambda: None,
    now: Clock = utc_now,
    smart_tool: AnswersClicks | None = None,
) -> Flask:
    """Build the application over `read_status` (daemon/status/snapshot.py), called once a request.

    read_config: the settings in force, for what reads or writes the store; without it pages say
    that nothing is there. A MaskloopError that they raise is answered by a 503 with its message:
    pages go on polling. hints: makes POST /hint wake the daemon. wake: does so for a new command.
    smart_tool: answers clicks in Label Studio under /smart-tool.
    """
    app = Flask(__name__)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= FILTERS
    app.jinja_env.globals["pages"] = tuple(pages)
    sources = Sources(read_status=read_status, read_config=read_config)
    access = None if read_config is None else access_of(read_config(), now, steady_s)
    guard(app, access)
    always = [
        image_routes(sources),
        command_routes(sources, access, wake, now),
        index_routes(pages),
    ]
    if access is not None:
        always.append(sign_in_routes(access))
    for routes in (*(blueprint(page, sources) for page in pages), *always):
        app.register_blueprint(routes)
    if hints is not None:
        app.register_blueprint(receiver(hints))
    if smart_tool is not None:
        app.register_blueprint(smart_tool_routes(smart_tool))

    _add_common_answers(app)
    return app


def _add_common_answers(app: Flask) -> None:
    """plotly.js, the answers to errors, and the headers of every answer."""
    error_answers(app)

    @app.get("/plotly.js")
    def plotly() -> ResponseReturnValue:
        return send_file(PLOTLY, mimetype="text/javascript", max_age=86_400)

    @app.after_request
    def secure(response: Response) -> Response:
        for header in (*SECURITY_HEADERS.items(), ("Cache-Control", "no-store")):
            response.headers.setdefault(*header)  # the frame of the map has a policy of its own
        return response

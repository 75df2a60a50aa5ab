"""Looks at every request before a page does: host, origin, who makes it, whether they may."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlsplit

from flask import Flask, Request, Response, g, redirect, request
from flask.typing import ResponseReturnValue

from daemon.config.loading import Config
from daemon.config.web_tokens import WebTokens, needs_sign_in, web_tokens
from daemon.domain import HINT_PATH, SMART_TOOL_PATH, Clock
from daemon.web.access.rate_limit import RateLimit
from daemon.web.access.requests import SAFE_METHODS, host_fault, origin_fault
from daemon.web.access.sessions import Sessions, Visitor
from daemon.web.error_answers import error_answer, wants_page

SIGN_IN_PATH = "/sign-in"
SESSION_PATH = "/api/v1/session"
CSRF_HEADER = "X-CSRF-Token"
ATTEMPTS, ACTIONS, WINDOW_S = 20, 60, 60.0  # sign-ins of an address, commands of a session
LARGEST_BODY_BYTES = 262_144  # of a request: a command about 20,000 images
_OPEN_TO_ALL = (SIGN_IN_PATH, SESSION_PATH)  # and the files of `static`
_BEHIND_PROXY = ("Forwarded", "X-Forwarded-For", "X-Real-IP")  # a proxy adds one of them


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may see and do what. config: as it was at the start, since [web] needs a restart.

    attempts: to sign in, by address. actions: by session.
    """

    config: Config
    sessions: Sessions
    attempts: RateLimit
    actions: RateLimit

    @property
    def names(self) -> Collection[str]:
        """The names of this server, in lower case."""
        web = self.config.web
        return {name.lower().rstrip(".") for name in (web.host, *web.names)}

    @property
    def cookie(self) -> str:
        """The name of the cookie: another one for every state folder, since all ports of a host
        share their cookies. By https a browser takes it from this very host only."""
        digest = hashlib.sha256(str(self.config.state.absolute()).encode()).hexdigest()
        return f"{'__Host-' if self.config.web.https else ''}maskloop-{digest[:8]}"

    def must_sign_in(self, incoming: Request) -> bool:
        """Whether this request is answered only for people who signed in."""
        return needs_sign_in(self.config) or any(name in incoming.headers for name in _BEHIND_PROXY)


def access_of(config: Config, now: Clock, steady_s: Callable[[], float]) -> Access:
    """The access of a configuration. steady_s: a monotonic clock in seconds."""

    def read_tokens() -> WebTokens:
        return web_tokens(config)

    lifetime = timedelta(hours=config.web.session_hours)
    return Access(
        config=config,
        sessions=Sessions(read_tokens, now, lifetime),
        attempts=RateLimit(ATTEMPTS, WINDOW_S, steady_s),
        actions=RateLimit(ACTIONS, WINDOW_S, steady_s),
    )


def guard(app: Flask, access: Access | None) -> None:
    """Let every request through the gate. access: None where no settings are known, so that nobody
    can sign in and pages only read."""

    @app.before_request
    def enter() -> ResponseReturnValue | None:
        g.visitor = Visitor()
        if request.path.startswith(f"{SMART_TOOL_PATH}/"):
            return None  # it has a password of its own, and shows no page
        if (request.content_length or 0) > LARGEST_BODY_BYTES:
            return refused("that is too large", 413)
        if request.path == HINT_PATH:
            return None  # it has a secret of its own, and shows nothing
        known = access.names if access else ()
        if fault := host_fault(request.headers.get("Host", ""), known):
            return refused(fault, 403)
        if request.method not in SAFE_METHODS and (fault := _origin_fault(known)):
            return refused(fault, 403)
        if access is None:
            return None
        g.visitor = access.sessions.visitor(request.cookies.get(access.cookie, ""))
        return _sign_in_first() if _is_closed(access) else None

    @app.context_processor
    def visitor_of_templates() -> dict[str, object]:
        return {"visitor": visitor(), "can_sign_in": access is not None}

    @app.after_request
    def vary(response: Response) -> Response:
        response.headers["Vary"] = "Cookie"
        return response


def visitor() -> Visitor:
    """Who makes the present request."""
    found: Visitor = g.get("visitor", Visitor())
    return found


def action_fault(access: Access | None) -> Response | None:
    """Why the visitor may not ask for an action now; None where they may."""
    who = visitor()
    if who.role is None or access is None:
        return refused("sign in first", 401)
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), who.csrf.encode()):
        return refused("load the page again: it belongs to another session", 403)
    if not access.actions.allows(who.session):
        return refused("that is too often; wait a minute", 429)
    return None


def refused(words: str, status: int) -> Response:
    """A refusal: JSON, as scripts and programs read it, and a page for a person."""
    if wants_page():
        return error_answer(status, words)
    text = json.dumps({"error": words})
    return Response(text, status=status, mimetype="application/json")


def _origin_fault(known: Collection[str]) -> str:
    headers = request.headers
    host = headers.get("Host", "")
    return origin_fault(headers.get("Origin"), headers.get("Sec-Fetch-Site"), host, known)


def _is_closed(access: Access) -> bool:
    """Whether this address is for people who signed in, and the visitor has not."""
    is_open = request.path in _OPEN_TO_ALL or request.path.startswith("/static/")
    if visitor().role is not None or is_open:
        return False
    return access.must_sign_in(request)


def _sign_in_first() -> ResponseReturnValue:
    is_program = request.path.startswith("/api/") or request.path.endswith(".json")
    if is_program or request.method not in SAFE_METHODS:
        return refused("sign in first", 401)
    wanted = urlsplit(request.full_path)
    back = wanted.path + (f"?{wanted.query}" if wanted.query else "")
    return redirect(f"{SIGN_IN_PATH}?next={quote(back, safe='/')}", code=303)

"""Signing in and out: a page for people, and the session as an address for its script."""

from __future__ import annotations

import json
import logging
import shlex
import sys
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from daemon.config.loading import Config
from daemon.domain.commands import AccessRole
from daemon.web.access.gate import (
    SESSION_PATH,
    SIGN_IN_PATH,
    Access,
    action_fault,
    refused,
    visitor,
)

MOST_BYTES = 16_384  # of the body of a sign-in

log = logging.getLogger(__name__)


def sign_in_routes(access: Access) -> Blueprint:
    """GET /sign-in is the page. POST /api/v1/session with {"token": ...}, or the {"code": ...} of a
    one-time link, begins a session, DELETE ends it, and GET says who is signed in."""
    routes = Blueprint("sign_in", __name__)

    @routes.get(SIGN_IN_PATH)
    def page() -> ResponseReturnValue:
        is_local = not access.must_sign_in(request)  # paths are nothing for others
        command = sign_in_command(access.config) if is_local else "maskloop open"
        return render_template("sign_in.html", command=command)

    @routes.get(SESSION_PATH)
    def session() -> ResponseReturnValue:
        return _session_json(visitor().role)

    @routes.post(SESSION_PATH)
    def begin() -> ResponseReturnValue:
        address = request.remote_addr or ""
        if not access.attempts.allows(address):
            return refused("too many attempts; wait a minute", 429)
        role = _role_of(access, _given())
        if role is None:
            log.warning("somebody at %s could not sign in to the page", address)
            return refused("that is no token or link of this server, or the link was used", 401)
        log.info("a %s at %s signed in to the page", role, address)
        response = _session_json(role)
        _set_cookie(access, response, access.sessions.begin(role))
        return response

    @routes.delete(SESSION_PATH)
    def end() -> ResponseReturnValue:
        if fault := action_fault(access):
            return fault
        access.sessions.end(visitor())
        response = _session_json(None)
        _set_cookie(access, response, "")
        return response

    return routes


def sign_in_command(config: Config) -> str:
    """What to type on this machine for a link that signs in, as a line of a shell."""
    program = Path(sys.executable).with_name("maskloop")
    file = config.home / "config.toml"
    name = str(file) if file.exists() else "FILE"
    return shlex.join([str(program) if program.exists() else "maskloop", "--config", name, "open"])


def _given() -> dict[str, Any]:
    """The JSON object of a sign-in; empty for anything else."""
    if request.mimetype != "application/json" or (request.content_length or 0) > MOST_BYTES:
        return {}
    try:
        given = json.loads(request.get_data())
    except (ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


def _role_of(access: Access, given: dict[str, Any]) -> AccessRole | None:
    token, code = given.get("token"), given.get("code")
    if isinstance(token, str):
        return access.sessions.role_of_token(token.strip())
    return access.sessions.role_of_link(code) if isinstance(code, str) else None


def _session_json(role: AccessRole | None) -> Response:
    return Response(json.dumps({"role": role}), mimetype="application/json")


def _set_cookie(access: Access, response: Response, value: str) -> None:
    """The cookie of a session; an empty one removes it."""
    web = access.config.web
    response.set_cookie(
        access.cookie,
        value,
        max_age=int(web.session_hours * 3600) if value else 0,
        secure=web.https,
        httponly=True,
        samesite="Strict",
    )

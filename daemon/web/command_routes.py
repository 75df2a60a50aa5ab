"""Actions of pages: commands that the next tick carries out, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from daemon.domain.clock import Clock
from daemon.domain.commands import AccessRole
from daemon.domain.errors import CommandRefused
from daemon.insight.asked_commands import asked_command
from daemon.store import FILE
from daemon.store.commands import command_writer
from daemon.web.access.gate import Access, action_fault, refused, visitor
from daemon.web.page import API, Sources, json_response

PATH = f"{API}/commands"
MOST_VERB_CHARACTERS = 64


def command_routes(
    sources: Sources, access: Access | None, wake: Callable[[], None], now: Clock
) -> Blueprint:
    """POST /api/v1/commands keeps a command and answers 202 with its id; GET of its id reads it.
    The page of the commands answers GET of the newest.

    access: None where nobody can sign in, so that nobody may ask. wake: makes the daemon look now;
    must return at once.
    """
    routes = Blueprint("asked", __name__)

    @routes.post(PATH)
    def ask() -> ResponseReturnValue:
        if fault := action_fault(access):
            return fault
        try:
            command_id = _keep(sources, now)
        except CommandRefused as exc:
            return refused(str(exc), 400)
        wake()
        return _json({"id": command_id}, 202)

    @routes.get(f"{PATH}/<int:command_id>")
    def one(command_id: int) -> ResponseReturnValue:
        with sources.store() as store:
            command = store.command(command_id)
        if command is None:
            return refused("no such command", 404)
        return json_response(sources.visible(asked_command(command)))

    return routes


def _keep(sources: Sources, now: Clock) -> int:
    """Keep the command of the present request; returns its id. Raises CommandRefused."""
    verb, arguments = _asked(request.get_data())
    role = visitor().role or AccessRole.VIEWER
    with command_writer(sources.state() / FILE) as store:
        return store.add_command(
            verb, arguments, asked_by=f"a {role} on a page", role=role, at=now()
        )


def _asked(body: bytes) -> tuple[str, dict[str, Any]]:
    """(verb, arguments) of a request. Raises CommandRefused where it is no such JSON."""
    expected = 'expected JSON like {"verb": "pause", "arguments": {}}'
    if request.mimetype != "application/json":
        raise CommandRefused(f"got the content type {request.mimetype[:80]!r}; {expected}")
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise CommandRefused(f"the body is no JSON; {expected}") from exc
    if not isinstance(asked, dict) or set(asked) - {"verb", "arguments"}:
        raise CommandRefused(f"got other fields; {expected}")
    verb, arguments = asked.get("verb"), asked.get("arguments", {})
    if not isinstance(verb, str) or not 0 < len(verb) <= MOST_VERB_CHARACTERS:
        raise CommandRefused(f"verb: got no short text; {expected}")
    if not isinstance(arguments, dict):
        raise CommandRefused(f"arguments: got no object; {expected}")
    return verb, arguments


def _json(value: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(value, indent=1), status=status, mimetype="application/json")

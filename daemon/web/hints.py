"""The receiver of webhooks: a hint makes the daemon look sooner; its content is not trusted."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, request

from daemon.domain import HINT_HEADER, HINT_PATH


@dataclass(frozen=True, kw_only=True)
class Hints:
    """secret: what the sender has to send. wake: called for each hint; must return at once."""

    secret: str
    wake: Callable[[], None]


def receiver(hints: Hints) -> Blueprint:
    """POST /hint wakes the daemon and answers 204; without the secret it only answers 403.

    The body is not read: a duplicated, late or forged hint costs one tick.
    """
    routes = Blueprint("hints", __name__)

    @routes.post(HINT_PATH)
    def hint() -> Response:
        given = request.headers.get(HINT_HEADER, "")
        if not hmac.compare_digest(given.encode(), hints.secret.encode()):
            return Response(status=403)
        hints.wake()
        return Response(status=204)

    return routes

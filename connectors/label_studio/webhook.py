"""A webhook of the project: Label Studio says "something happened" so that we look sooner.

It posts once, waits one second, and forgets a post that failed (measured); so it is only a hint to
look, and the loop relies on polling.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.label_studio.api import Api
from connectors.label_studio.api_errors import ApiRefused
from daemon.domain import HINT_HEADER

_BLOCKED = (
    "no webhook: Label Studio refuses addresses of private networks; start it with "
    "LABEL_STUDIO_SSRF_PROTECTION_ENABLED=false where that is wanted; polling needs no webhook"
)


def register_webhook(
    *, url: str, token: Callable[[], str], project: int, target: str, secret: str
) -> Sequence[str]:
    """Let the project post to `target` with `secret` in a header; returns what was done, in words.

    Running it again changes nothing but an outdated secret. The posts have no payload.
    """
    with Api(url, token) as api:
        return _register(api, project, target, secret)


def _register(api: Api, project: int, target: str, secret: str) -> Sequence[str]:
    body = {
        "project": project,
        "url": target,
        "headers": {HINT_HEADER: secret},
        "send_payload": False,
        "send_for_all_actions": True,
        "is_active": True,
    }
    rows = api.get("api/webhooks/", project=project)
    known = [row for row in rows if (row["project"], row["url"]) == (project, target)]
    try:
        if not known:
            api.post("api/webhooks/", body)
            return [f"registered the webhook {target}"]
        if any(known[0].get(name) != value for name, value in body.items()):
            api.patch(f"api/webhooks/{known[0]['id']}/", body)
            return [f"brought the webhook {target} up to date"]
    except ApiRefused as exc:
        if exc.status != 403:
            raise
        return [_BLOCKED]
    return []

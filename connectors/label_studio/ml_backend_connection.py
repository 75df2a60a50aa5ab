"""The project's connection to our smart tool: made, brought up to date, kept single.

Label Studio 1.23.2 makes more than was asked for (measured, and read in its source): a webhook
that posts every annotation with all its masks while people wait for Submit, which we remove; and
where no prediction is in force yet it takes the title of the connection for the version in force,
which would replace our order by chance, so we set it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.label_studio.api import Api
from connectors.label_studio.api_errors import ApiRefused
from connectors.unreadable import typed
from daemon.domain import SMART_TOOL_USER
from daemon.domain.errors import ConnectorRefused

TITLE = "Maskloop smart tool"  # never the version of a prediction
_CONNECTED = "CO"


def connect_ml_backend(api: Api, project: int, target: str, password: str) -> Sequence[str]:
    """Let the project send clicks to `target`; returns what was done, in words.

    Running it again changes nothing. Raises ConnectorRefused where Label Studio may not, or cannot,
    reach the target.
    """
    rows = api.get("api/ml/", project=project)  # it asks each backend whether it lives
    if not isinstance(rows, list):
        raise ConnectorRefused(f"GET {api.url}/api/ml/: got {typed(rows)}; expected a list")
    own = [row for row in rows if _is_ours(row, target)]
    done = []
    for row in own[1:]:
        api.delete(f"api/ml/{row['id']}", None)
        done.append("removed a second connection to the smart tool")
    body = _body(project, target, password)
    try:
        if not own:
            api.post("api/ml/", body)
            done.append(f"connected the smart tool {target}")
        elif not _is_current(own[0], body):
            api.patch(f"api/ml/{own[0]['id']}", body)
            done.append(f"connected the smart tool {target} again")
    except ApiRefused as exc:
        _remove_webhooks(api, project, target)  # a 403 comes after both were made
        raise _refused(target, exc) from exc
    _remove_webhooks(api, project, target)
    _restore_version(api, project)
    return done


def _body(project: int, target: str, password: str) -> dict[str, Any]:
    return {
        "project": project,
        "url": target,
        "title": TITLE,
        "is_interactive": True,
        "auth_method": "BASIC_AUTH",
        "basic_auth_user": SMART_TOOL_USER,
        "basic_auth_pass": password,
    }


def _is_ours(row: object, target: str) -> bool:
    return isinstance(row, dict) and (row.get("title") == TITLE or row.get("url") == target)


def _is_current(row: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether Label Studio reached us with its password, and the rest is as we set it."""
    shown = {name: value for name, value in body.items() if name != "basic_auth_pass"}
    return row.get("state") == _CONNECTED and all(row.get(n) == v for n, v in shown.items())


def _remove_webhooks(api: Api, project: int, target: str) -> None:
    for row in api.get("api/webhooks/", project=project):
        if (row.get("project"), row.get("url")) == (project, f"{target}/webhook"):
            api.delete(f"api/webhooks/{row['id']}/", None)


def _restore_version(api: Api, project: int) -> None:
    found = api.get(f"api/projects/{project}/")
    if isinstance(found, dict) and found.get("model_version") == TITLE:
        api.patch(f"api/projects/{project}/", {"model_version": ""})


def _refused(target: str, exc: ApiRefused) -> ConnectorRefused:
    """Why there is no connection, and what to do."""
    if exc.status == 403:
        return ConnectorRefused(
            f"the smart tool: Label Studio refuses {target}, an address of a private network; "
            f"start it with LABEL_STUDIO_ML_BLOCK_LOCAL_IP=false and "
            f"LABEL_STUDIO_SSRF_PROTECTION_ENABLED=false where that is wanted, or give the page an "
            f"address that it may call in [smart_tool] url"
        )
    return ConnectorRefused(
        f"the smart tool: Label Studio cannot connect to {target}: {exc.got}; expected that it "
        f"reaches this page there; correct [smart_tool] url"
    )

"""ML backends as Label Studio 1.23.2 keeps them: it asks them whether they live at each listing,
makes a webhook for each, and lets a new one be the version in force where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from tests.fakes.labeling import Answer

if TYPE_CHECKING:
    from tests.fakes.label_studio import FakeLabelStudio
    from tests.fakes.pages import Request

PATIENCE_S = 10.0


def _listed(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    project = int(request.query["project"])
    rows = [row for row in server.backends.values() if row["project"] == project]
    for row in rows:
        row["state"] = "CO" if _status(row, project) == 200 else "DI"
    return 200, [_public(row) for row in rows]


def _added(server: FakeLabelStudio, request: Request) -> tuple[int, Any]:
    body = request.body
    is_private = server.blocks_private and "//127." in body["url"]
    if not is_private:
        _require_life(body)
    made = {**body, "id": max(server.backends, default=0) + 1, "state": "CO"}
    server.backends[made["id"]] = made
    if is_private:  # the row is there all the same
        raise Answer(403, {"detail": "URL resolves to a reserved network address"})
    hook = {"project": body["project"], "url": f"{body['url']}/webhook", "headers": {}}
    number = max(server.webhooks, default=0) + 1
    server.webhooks[number] = {**hook, "id": number, "send_payload": True}
    project = server.labeling.projects[body["project"]]
    if not project["model_version"]:
        project["model_version"] = body["title"]
    return 201, _public(made)


def _changed(server: FakeLabelStudio, request: Request, number: int) -> tuple[int, Any]:
    _require_life(request.body)
    server.backends[number].update(request.body, state="CO")
    return 200, _public(server.backends[number])


def _removed(server: FakeLabelStudio, request: Request, number: int) -> tuple[int, Any]:
    del server.backends[number]
    return 204, None


def _hook_removed(server: FakeLabelStudio, request: Request, number: int) -> tuple[int, Any]:
    del server.webhooks[number]
    return 204, None


def _public(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name != "basic_auth_pass"}
    return {**kept, "basic_auth_pass_is_set": bool(row.get("basic_auth_pass"))}


def _require_life(row: dict[str, Any]) -> None:
    found = _status(row, row["project"])
    if found == 401:
        words = "Able to connect to ML Server, but authentication parameters were incorrect."
        raise Answer(400, {"validation_errors": {"non_field_errors": [words]}})
    if found != 200:
        words = f"Can't connect to ML backend {row['url']}, health check failed."
        raise Answer(400, {"validation_errors": {"non_field_errors": [words]}})


def _status(row: dict[str, Any], project: int) -> int:
    """The worse answer of /health and /setup; 0 for none."""
    known = (row.get("basic_auth_user", ""), row.get("basic_auth_pass", ""))
    setup = {"project": f"{project}.1795340471", "access_token": "a token"}
    try:
        with httpx.Client(trust_env=False, timeout=PATIENCE_S, auth=known) as web:
            health = web.get(f"{row['url']}/health")
            return max(health.status_code, web.post(f"{row['url']}/setup", json=setup).status_code)
    except httpx.HTTPError:
        return 0


ML_ROUTES = (
    ("GET", r"/api/ml/", _listed),
    ("POST", r"/api/ml/", _added),
    ("PATCH", r"/api/ml/(\d+)", _changed),
    ("DELETE", r"/api/ml/(\d+)", _removed),
    ("DELETE", r"/api/webhooks/(\d+)/", _hook_removed),
)

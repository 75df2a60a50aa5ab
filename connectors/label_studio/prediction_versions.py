"""Deleting predictions that another version replaced.

Label Studio deletes a version in one transaction, some 6 s for 1000 predictions (measured), and
nobody can submit meanwhile: a large version is deleted in parts. An annotation keeps its regions,
whose ids encode their prediction (provenance.py), and loses its `parent_prediction`. A page that
shows a deleted prediction cannot submit any more (HTTP 400, measured).
"""

from __future__ import annotations

from connectors.label_studio import tasks
from connectors.label_studio.api import Api
from connectors.label_studio.api_errors import ApiRefused
from connectors.unreadable import typed
from daemon.domain.errors import ConnectorRefused

ONE_REQUEST = 500  # the largest version that is deleted by one request
TASKS_PER_TICK = 50  # of a larger version, whose predictions one tick deletes: some seconds


def count_of(api: Api, project: int, version: str) -> int:
    """How many predictions of this version the project holds. Raises ConnectorRefused for an
    answer without a count."""
    path = f"api/projects/{project}/model-versions/"
    answer = api.get(path, extended="true")
    try:
        rows = answer["static"]
        return sum(int(row["count"]) for row in rows if row["model_version"] == version)
    except (TypeError, KeyError, ValueError, OverflowError) as exc:
        raise ConnectorRefused(
            f"GET {api.url}/{path}: got {typed(answer)}; expected the count of each version; see "
            f"Label Studio's log"
        ) from exc


def delete_some(api: Api, project: int, version: str) -> bool:
    """Delete predictions of this version, which must not be in force; whether none is left."""
    path = f"api/projects/{project}/"
    count = count_of(api, project, version)
    if not count:
        return True
    if api.get(path)["model_version"] == version:
        return False
    if count <= ONE_REQUEST:
        api.delete(f"{path}model-versions/", {"model_version": version})
        return True
    _delete_page(api, project, version)
    return False


def _delete_page(api: Api, project: int, version: str) -> None:
    page = tasks.find_page(
        api,
        project,
        [tasks.has_prediction_of(version)],
        ["predictions"],
        order="tasks:id",
        page=1,
        page_size=TASKS_PER_TICK,
    )
    for task in page.tasks:
        for prediction in task["predictions"]:
            if prediction["model_version"] == version:
                _delete_one(api, int(prediction["id"]))


def _delete_one(api: Api, prediction: int) -> None:
    try:
        api.delete(f"api/predictions/{prediction}/", None)
    except ApiRefused as exc:
        if exc.status != 404:  # deleted already
            raise

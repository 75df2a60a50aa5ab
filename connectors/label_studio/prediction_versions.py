"""Deleting predictions that another version replaced.

Label Studio deletes a version in one transaction, some 6 s for 1000 predictions (measured), and
nobody can submit meanwhile: a large one goes piece by piece. An annotation keeps its regions, whose
ids say which prediction they came from (shown.py), and loses its `parent_prediction`. A page that
shows a prediction which is gone cannot submit any more (HTTP 400, measured).
"""

from __future__ import annotations

from connectors.label_studio import tasks
from connectors.label_studio.api import Api, Refused
from connectors.refusals import kind
from daemon.domain.errors import ConnectorRefused

WHOLE = 500  # predictions that one request deletes
PIECE = 50  # tasks of a larger version whose predictions one look deletes, some seconds


def count_of(api: Api, project: int, version: str) -> int:
    """How many predictions of this version the project holds. Raises ConnectorRefused for an
    answer that does not tell."""
    path = f"api/projects/{project}/model-versions/"
    answer = api.get(path, extended="true")
    try:
        rows = answer["static"]
        return sum(int(row["count"]) for row in rows if row["model_version"] == version)
    except (TypeError, KeyError, ValueError, OverflowError) as exc:
        raise ConnectorRefused(
            f"GET {api.url}/{path}: got {kind(answer)}; expected the count of each version; see "
            f"Label Studio's log"
        ) from exc


def forget(api: Api, project: int, version: str) -> bool:
    """Delete predictions of this version; whether none is left. The one in force stays."""
    path = f"api/projects/{project}/"
    count = count_of(api, project, version)
    if not count:
        return True
    if api.get(path)["model_version"] == version:
        return False
    if count <= WHOLE:
        api.delete(f"{path}model-versions/", {"model_version": version})
        return True
    _delete_some(api, project, version)
    return False


def _delete_some(api: Api, project: int, version: str) -> None:
    page = tasks.find_page(
        api,
        project,
        [tasks.has_prediction_of(version)],
        ["predictions"],
        order="tasks:id",
        page=1,
        page_size=PIECE,
    )
    for task in page.tasks:
        for prediction in task["predictions"]:
            if prediction["model_version"] == version:
                _delete(api, int(prediction["id"]))


def _delete(api: Api, prediction: int) -> None:
    try:
        api.delete(f"api/predictions/{prediction}/", None)
    except Refused as exc:
        if exc.status != 404:  # gone already
            raise

"""A report on the Label Studio server and its project. Changes nothing, raises nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from connectors.label_studio import label_config
from connectors.label_studio import project as projects
from connectors.label_studio.api import Api, tls_context
from connectors.label_studio.image_fetch import count_by_kind
from connectors.label_studio.image_source import FolderSource, ProjectSource
from connectors.label_studio.project_images import ProjectImages
from daemon.domain import ClassSet, Fault
from daemon.domain.errors import MaskloopError

TIMEOUT_S = 10.0
# What reading an answer of an unknown server may raise.
_UNEXPECTED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError)
_PROJECT_FIELDS = (
    *("id", "title", "task_number", "finished_task_number", "total_annotations_number"),
    *("skipped_annotations_number", "num_tasks_with_annotations", "sampling", "model_version"),
    *("show_collab_predictions", "maximum_annotations", "skip_queue", "is_draft", "is_published"),
    *("created_at", "description"),
)


def describe(
    *,
    url: str,
    project: int,
    token: Callable[[], str],
    classes: ClassSet,
    source: FolderSource | None,
    version: str | None,
) -> dict[str, Any]:
    """The server, the project's settings, and where they differ from what the loop needs.

    version: of the predictions in force, None before the first rerank.
    """
    report: dict[str, Any] = {"address": url, **_health(url)}
    if "fault" in report:
        return report
    with Api(url, token, connect_s=TIMEOUT_S, read_s=TIMEOUT_S, sleep=lambda seconds: None) as api:
        try:
            _add_project(report, api, project, classes, source, version)
        except MaskloopError as exc:
            report["fault"] = str(exc)
        except _UNEXPECTED as exc:  # a report goes on where a daemon would not
            report["fault"] = f"unexpected {type(exc).__name__}: {exc}"
    return report


def _add_project(
    report: dict[str, Any],
    api: Api,
    project: int,
    classes: ClassSet,
    source: FolderSource | None,
    version: str | None,
) -> None:
    """Add the entries one by one, so that those before a failure stay in the report."""
    report["release"] = api.get("api/version").get("release", "unknown")
    report["signed in as user"] = api.get("api/current-user/whoami").get("id")
    found = api.get(f"api/projects/{project}/")
    report["project"] = {name: found[name] for name in _PROJECT_FIELDS if name in found}
    report["label config"] = str(found["label_config"])
    report["locks"] = projects.LOCK_ADVICE
    report["notes"] = list(label_config.notes(report["label config"]))
    report["mismatches"] = _mismatches(api, found, classes, source, version)
    report["local storages"] = [
        {name: row.get(name) for name in ("id", "path", "use_blob_urls")}
        for row in api.get("api/storages/localfiles/", project=project)
    ]
    report["images"] = _images(api, project, found, source)


def _health(url: str) -> dict[str, Any]:
    """Whether the server answers, how fast, and what its clock says. No token is sent."""
    sent_at, started = datetime.now(UTC), time.monotonic()
    try:
        with httpx.Client(timeout=TIMEOUT_S, verify=tls_context()) as http:
            response = http.get(f"{url.rstrip('/')}/health")
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        words = str(exc) or type(exc).__name__
        return {"fault": f"does not answer: {words}; start it, or correct [label_studio] url"}
    seconds = time.monotonic() - started
    report: dict[str, Any] = {
        "health": f"HTTP {response.status_code}",
        "answered in s": round(seconds, 3),
    }
    with suppress(ValueError):
        server_time = parsedate_to_datetime(response.headers.get("date", ""))
        middle = sent_at.timestamp() + seconds / 2
        report["its clock is ahead by s"] = round(server_time.timestamp() + 0.5 - middle, 1)
    return report


def _mismatches(
    api: Api,
    found: dict[str, Any],
    classes: ClassSet,
    source: FolderSource | None,
    version: str | None,
) -> list[str]:
    faults = [*projects.version_fault(api), *projects.config_faults(found, classes)]
    required = projects.required_settings(source) | ({"model_version": version} if version else {})
    differing = [
        f"{name} is {found.get(name)!r}; expected {value!r}; the daemon sets it at its next tick"
        for name, value in required.items()
        if found.get(name) != value
    ]
    return [*map(str, faults), *differing]


def _images(
    api: Api, number: int, found: dict[str, Any], source: FolderSource | None
) -> dict[str, int] | str:
    if source is not None:
        return f"from the folder {source.root}"
    parsed = label_config.parse(str(found["label_config"]))
    if isinstance(parsed, Fault):
        return "not counted: the label config cannot be read"
    images = ProjectImages(api, number, lambda: datetime.now(UTC))
    return count_by_kind(images.images(ProjectSource(parsed.image_field), found["task_number"]))

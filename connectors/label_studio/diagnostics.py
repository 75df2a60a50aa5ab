"""Label Studio and its project as they are now, for a report. Changes nothing, raises nothing."""

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
from connectors.label_studio.api import Api, certificates
from connectors.label_studio.image_fetch import kinds
from connectors.label_studio.image_source import FolderSource, ProjectSource
from connectors.label_studio.project_images import Listing
from daemon.domain import ClassSet, Fault
from daemon.domain.errors import MaskloopError

WAIT_S = 10.0
# What an answer of an unknown server may do to code that reads it.
_SURPRISES = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError)
_SHOWN = (
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
    report: dict[str, Any] = {"address": url, **_reach(url)}
    if "fault" in report:
        return report
    api = Api(url, token, connect_s=WAIT_S, read_s=WAIT_S, sleep=lambda seconds: None)
    try:
        report["release"] = api.get("api/version").get("release", "unknown")
        report["signed in as user"] = api.get("api/current-user/whoami").get("id")
        found = api.get(f"api/projects/{project}/")
        report["project"] = {name: found[name] for name in _SHOWN if name in found}
        report["label config"] = str(found["label_config"])
        report["locks"] = projects.LOCKS
        report["notes"] = list(label_config.notes(report["label config"]))
        report["mismatches"] = _mismatches(api, found, classes, source, version)
        report["local storages"] = [
            {name: row.get(name) for name in ("id", "path", "use_blob_urls")}
            for row in api.get("api/storages/localfiles/", project=project)
        ]
        report["images"] = _kinds(api, project, found, source)
    except MaskloopError as exc:
        report["fault"] = str(exc)
    except _SURPRISES as exc:  # a report goes on where a daemon would not
        report["fault"] = f"unexpected {type(exc).__name__}: {exc}"
    finally:
        api.close()
    return report


def _reach(url: str) -> dict[str, Any]:
    """Whether anything answers there, how fast, and by which clock. No token is sent."""
    before, started = datetime.now(UTC), time.monotonic()
    try:
        with httpx.Client(timeout=WAIT_S, verify=certificates()) as http:
            answer = http.get(f"{url.rstrip('/')}/health")
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        words = str(exc) or type(exc).__name__
        return {"fault": f"does not answer: {words}; start it, or correct [label_studio] url"}
    seconds = time.monotonic() - started
    report: dict[str, Any] = {
        "health": f"HTTP {answer.status_code}",
        "answered in s": round(seconds, 3),
    }
    with suppress(ValueError):
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
        middle = before.timestamp() + seconds / 2
        report["its clock is ahead by s"] = round(theirs.timestamp() + 0.5 - middle, 1)
    return report


def _mismatches(
    api: Api,
    found: dict[str, Any],
    classes: ClassSet,
    source: FolderSource | None,
    version: str | None,
) -> list[str]:
    faults = [*projects.version_fault(api), *projects.config_faults(found, classes)]
    wanted = projects.settings(source) | ({"model_version": version} if version else {})
    differing = [
        f"{name} is {found.get(name)!r}; expected {value!r}; the daemon sets it at its next tick"
        for name, value in wanted.items()
        if found.get(name) != value
    ]
    return [*map(str, faults), *differing]


def _kinds(
    api: Api, number: int, found: dict[str, Any], source: FolderSource | None
) -> dict[str, int] | str:
    if source is not None:
        return f"from the folder {source.root}"
    read = label_config.read(str(found["label_config"]))
    if isinstance(read, Fault):
        return "not counted: the label config cannot be read"
    listing = Listing(api, number, lambda: datetime.now(UTC))
    return kinds(listing.images(ProjectSource(read.image_field), found["task_number"]))

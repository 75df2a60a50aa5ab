"""Which columns the data manager of a new project shows first.

Label Studio shows every field of a task's data, in the order of the first task: our keys and
numbers would stand before the reason, which is all that people want to read. Hidden columns are
kept in a view, and the first view of a project is shared by everybody (seen in 1.23.2). People may
change it: we create a view in a new project only.
"""

from __future__ import annotations

from connectors.label_studio.api import Api
from connectors.label_studio.api_errors import ApiRefused
from connectors.label_studio.image_source import KEY_FIELD
from connectors.label_studio.label_config import REASON_FIELD
from connectors.label_studio.push import CYCLE_FIELD, PUSH_FIELD, RANK_FIELD
from daemon.domain.errors import OutcomeUnknown

REASON_PX = 420
_OURS = tuple(f"data.{name}" for name in (CYCLE_FIELD, RANK_FIELD, KEY_FIELD, PUSH_FIELD))
# What Label Studio itself hides of the list, and beside a task that is open.
_LIST = (
    *("inner_id", "annotations_results", "annotations_ids", "predictions_score"),
    *("predictions_model_versions", "predictions_results", "file_upload", "storage_filename"),
    *("created_at", "updated_at", "updated_by", "avg_lead_time", "draft_exists"),
)
_BESIDE = (
    *("id", "completed_at", "cancelled_annotations", "total_predictions", "annotators"),
    f"data.{REASON_FIELD}",
)


def hide_our_columns(api: Api, project: int) -> list[str]:
    """Create the first view of a project that has none yet; returns what was done, in words. A
    server that refuses it keeps its own view: the loop does not need ours."""
    try:
        if api.get("api/dm/views", project=project):
            return []
        api.post("api/dm/views", {"project": project, "data": _view()})
    except (ApiRefused, OutcomeUnknown) as exc:
        return [f"the data manager shows all columns: {exc}"]
    return ["the data manager shows why an image is asked, and hides the loop's own columns"]


def _view() -> dict[str, object]:
    reason = f"tasks:data.{REASON_FIELD}"
    return {
        "title": "Default",
        "type": "list",
        "target": "tasks",
        "hiddenColumns": {
            "explore": [f"tasks:{name}" for name in (*_OURS, *_LIST)],
            "labeling": [f"tasks:{name}" for name in (*_OURS, *_LIST, *_BESIDE)],
        },
        "columnsWidth": {reason: REASON_PX},
        "filters": {"conjunction": "and", "items": []},
    }

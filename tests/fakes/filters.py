"""The Data Manager's filters, as far as they are used."""

from __future__ import annotations

from datetime import datetime

from tests.fakes.labeling import TIME, Answer, Labeling, Row


def meets(labeling: Labeling, task: Row, condition: Row) -> bool:
    name = condition["filter"].removeprefix("filter:tasks:")
    value, operator = condition["value"], condition["operator"]
    if name == "predictions_model_versions":
        mine = [row for row in labeling.predictions.values() if row["task"] == task["id"]]
        return any(part in row["model_version"] for row in mine for part in value)
    if name == "annotations_ids":  # asked as "not_in_list"
        return not any(row["id"] in value for row in labeling.of_task(task["id"]))
    if name == "updated_at":
        try:
            datetime.strptime(value, TIME)  # noqa: DTZ007 - Label Studio's own check
        except ValueError as exc:
            raise Answer(500, {"detail": str(exc)}) from exc
    has = task["data"].get(name[5:]) if name.startswith("data.") else task[name]
    return {
        "equal": lambda: has == value,
        "in_list": lambda: has in value,
        "greater": lambda: has > value,
        "greater_or_equal": lambda: has >= value,
    }[operator]()

"""Deleted predictions, as the fake has them: an annotation keeps its regions, not its parent."""

from __future__ import annotations

from tests.fakes.labeling import Answer, Labeling, Row


def forget_version(labeling: Labeling, project: int, version: str) -> Row:
    """All predictions of a version, by one request."""
    if labeling.projects[project]["model_version"] == version:
        labeling.projects[project]["model_version"] = None
    own = {task["id"] for task in labeling.of(project)}
    gone = [
        row["id"]
        for row in labeling.predictions.values()
        if row["task"] in own and row["model_version"] == version
    ]
    for number in gone:
        forget_prediction(labeling, number)
    return {"deleted_predictions": len(gone)}


def forget_prediction(labeling: Labeling, number: int) -> None:
    if labeling.predictions.pop(number, None) is None:
        raise Answer(404, {"detail": "No Prediction matches the given query."})
    for row in labeling.annotations.values():
        if row["parent_prediction"] == number:
            row["parent_prediction"] = None

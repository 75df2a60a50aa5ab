"""Which prediction a person began with, where the regions do not tell.

A region of ours tells it by its id (`shown.py`). Where none is left, or where the prediction had
none, as before there is a model, Label Studio is asked: once for some tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connectors.label_studio import tasks
from connectors.label_studio.api import Api, Refused
from connectors.label_studio.shown import Shown

TASKS = 10  # asked for at once: all predictions of a task come with their masks


class Begun:
    """What is known of the predictions of one project."""

    def __init__(self, api: Api, project: int) -> None:
        self._api, self._project = api, project
        self._known: dict[int, Shown | None] = {}  # by prediction

    def learn(self, changed: Iterable[tasks.Task]) -> None:
        """Ask for the predictions of these tasks' annotations that `of` would not know."""
        wanted = {
            given["parent_prediction"]: task["id"]
            for task in changed
            for given in task["annotations"]
            if not given["was_cancelled"] and self._is_unknown(given)
        }
        numbers = sorted(set(wanted.values()))
        for start in range(0, len(numbers), TASKS):
            some = numbers[start : start + TASKS]
            for task in tasks.find_each(self._api, self._project, "id", some, ["predictions"]):
                self._known |= {one["id"]: _shown(one) for one in task["predictions"]}
        for prediction in wanted:
            self._known.setdefault(prediction, None)  # it was cleaned up meanwhile

    def of(self, regions: Iterable[str], prediction: int | None) -> Shown | None:
        """What the person saw; None for nothing, and for a prediction that is gone.

        regions: ids of the submitted ones. prediction: that the annotation names.
        """
        if told := Shown.of(regions):  # also where the prediction was deleted since
            return told
        if prediction is None:
            return None
        if prediction not in self._known:
            self._known[prediction] = self._look_up(prediction)
        return self._known[prediction]

    def _is_unknown(self, given: Mapping[str, Any]) -> bool:
        prediction = given["parent_prediction"]
        if prediction is None or prediction in self._known:
            return False
        return Shown.of(_ids(given["result"])) is None

    def _look_up(self, prediction: int) -> Shown | None:
        try:
            return _shown(self._api.get(f"api/predictions/{prediction}/"))
        except Refused as exc:
            if exc.status == 404:
                return None
            raise


def _shown(prediction: Mapping[str, Any]) -> Shown:
    return Shown(version=str(prediction["model_version"]), regions=len(prediction["result"]))


def _ids(result: object) -> Iterator[str]:
    for region in result if isinstance(result, list) else []:
        if isinstance(region, dict):
            yield str(region.get("id"))

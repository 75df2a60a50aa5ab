"""Which prediction a person began with, where the regions do not tell.

A region of ours tells it by its id (`shown.py`). Where none is left, or where the prediction had
none, as before there is a model, Label Studio is asked: once for some tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connectors.label_studio import tasks
from connectors.label_studio.api import Api, Refused
from connectors.label_studio.fields import number_of
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
            prediction: task["id"]
            for task in changed
            for given in _objects(task.get("annotations"))
            if (prediction := self._unknown(given)) is not None
        }
        numbers = sorted(set(wanted.values()))
        for start in range(0, len(numbers), TASKS):
            some = numbers[start : start + TASKS]
            for task in tasks.find_each(self._api, self._project, "id", some, ["predictions"]):
                self._known |= {
                    number: _shown(one)
                    for one in _objects(task.get("predictions"))
                    if (number := number_of(one.get("id"))) is not None
                }
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

    def _unknown(self, given: Mapping[str, Any]) -> int | None:
        """The prediction that this annotation names, where only Label Studio can tell it."""
        prediction = number_of(given.get("parent_prediction"))
        if prediction is None or prediction in self._known or given.get("was_cancelled"):
            return None
        regions = (str(region.get("id")) for region in _objects(given.get("result")))
        return prediction if Shown.of(regions) is None else None

    def _look_up(self, prediction: int) -> Shown | None:
        try:
            return _shown(self._api.get(f"api/predictions/{prediction}/"))
        except Refused as exc:
            if exc.status == 404:
                return None
            raise


def _shown(prediction: object) -> Shown | None:
    """None for what is no prediction as Label Studio writes it."""
    if not isinstance(prediction, dict):
        return None
    version, regions = prediction.get("model_version"), prediction.get("result")
    if not isinstance(version, str | None) or not isinstance(regions, list):
        return None
    return Shown(version=version or "", regions=len(regions))


def _objects(listed: object) -> Iterator[Mapping[str, Any]]:
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict):
            yield one

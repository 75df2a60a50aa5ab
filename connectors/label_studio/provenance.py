"""Which prediction a person was shown, and so corrected.

Label Studio copies a prediction's regions with their ids when a person opens a task, and keeps the
id of a region that is drawn on (seen in a browser with 1.23.2, tests/browser/test_correction.py).
So a region id of ours names the prediction and no request has to ask. Where no such region is
left, or where the prediction had none, as before there is a model, Label Studio is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from connectors.label_studio import tasks
from connectors.label_studio.api import Api, Refused
from connectors.label_studio.task_fields import number_of

TASKS = 10  # asked for at once: all predictions of a task come with their masks
_VERSION = r"\d{1,9}\.\d{1,9}(?:-[0-9a-f]{1,16})?"  # as daemon.domain.PredictionVersion names it
_ID = re.compile(rf"({_VERSION})-(\d{{1,5}})-\d{{1,5}}")
# As it was written at first: so long that the page's panel of a region broke.
_LONG_ID = re.compile(r"[0-9a-f]{32}-(\d{1,5})-((?:[0-9a-f]{2}){1,100})")


@dataclass(frozen=True, kw_only=True)
class ShownPrediction:
    """A prediction that a person saw. version: its name. regions: how many it had."""

    version: str
    regions: int

    def region_id(self, place: int) -> str:
        """The id of the region at this place of this prediction: VERSION-REGIONS-PLACE.

        No other region of an annotation has it: Label Studio gives those that people draw ten
        letters and digits of its own.
        """
        return f"{self.version}-{self.regions}-{place}"

    @classmethod
    def of(cls, region_ids: Iterable[str]) -> Self | None:
        """What the first of these ids tells; None where they are all of other makers."""
        for text in region_ids:
            if found := _ID.fullmatch(text):
                return cls(version=found[1], regions=int(found[2]))
            if found := _LONG_ID.fullmatch(text):
                version = bytes.fromhex(found[2]).decode(errors="replace")
                return cls(version=version, regions=int(found[1]))
        return None


class Provenance:
    """What is known of the predictions of one project."""

    def __init__(self, api: Api, project: int) -> None:
        self._api, self._project = api, project
        self._known: dict[int, ShownPrediction | None] = {}  # by prediction

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

    def of(self, regions: Iterable[str], prediction: int | None) -> ShownPrediction | None:
        """What the person saw; None for nothing, and for a prediction that is gone.

        regions: ids of the submitted ones. prediction: that the annotation names.
        """
        if told := ShownPrediction.of(regions):  # also where the prediction was deleted since
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
        return prediction if ShownPrediction.of(regions) is None else None

    def _look_up(self, prediction: int) -> ShownPrediction | None:
        try:
            return _shown(self._api.get(f"api/predictions/{prediction}/"))
        except Refused as exc:
            if exc.status == 404:
                return None
            raise


def _shown(prediction: object) -> ShownPrediction | None:
    """None for what is no prediction as Label Studio writes it."""
    if not isinstance(prediction, dict):
        return None
    version, regions = prediction.get("model_version"), prediction.get("result")
    if not isinstance(version, str | None) or not isinstance(regions, list):
        return None
    return ShownPrediction(version=version or "", regions=len(regions))


def _objects(listed: object) -> Iterator[Mapping[str, Any]]:
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict):
            yield one

"""Which prediction a person was shown, and so corrected.

Label Studio copies a prediction's regions with their ids when a person opens a task, and keeps the
id of a region that is drawn on (seen in a browser with 1.23.2, tests/browser/test_correction.py).
So the id of a region that we wrote encodes its prediction, and no request is needed. Where no such
region is left, or where the prediction had none, as before there is a model, Label Studio is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from connectors.label_studio import tasks
from connectors.label_studio.api import Api
from connectors.label_studio.api_errors import ApiRefused
from connectors.label_studio.task_fields import parse_id

TASKS_PER_REQUEST = 10  # all predictions of a task come with their masks
_VERSION = r"\d{1,9}\.\d{1,9}(?:-[0-9a-f]{1,16})?"  # as daemon.domain.PredictionVersion writes it
REVIEW = "review"  # in the place of a version: the label of another person, shown for a review
_ID = re.compile(rf"({_VERSION}|{REVIEW})-(\d{{1,5}})-\d{{1,5}}")
# The first format of these ids, too long for the region panel of the page.
_LONG_ID = re.compile(r"[0-9a-f]{32}-(\d{1,5})-((?:[0-9a-f]{2}){1,100})")


@dataclass(frozen=True, kw_only=True)
class SourcePrediction:
    """The prediction that an annotation started from. regions: how many the prediction had."""

    version: str
    regions: int

    def region_id(self, position: int) -> str:
        """The id of the region at this position (0-based): VERSION-REGIONS-POSITION.

        No other region of an annotation has it: Label Studio gives those that people draw ten
        letters and digits of its own.
        """
        return f"{self.version}-{self.regions}-{position}"

    @classmethod
    def from_region_ids(cls, region_ids: Iterable[str]) -> Self | None:
        """The prediction that the first of our region ids encodes; None where no id is ours."""
        for text in region_ids:
            if found := _ID.fullmatch(text):
                return cls(version=found[1], regions=int(found[2]))
            if found := _LONG_ID.fullmatch(text):
                version = bytes.fromhex(found[2]).decode(errors="replace")
                return cls(version=version, regions=int(found[1]))
        return None


class SourcePredictions:
    """Finds the source prediction of annotations, and remembers what Label Studio answered."""

    def __init__(self, api: Api, project: int) -> None:
        self._api, self._project = api, project
        self._known: dict[int, SourcePrediction | None] = {}  # by id of the prediction

    def prefetch(self, changed: Iterable[tasks.Task]) -> None:
        """Fetch the predictions of annotations whose region ids do not encode them."""
        wanted = {
            prediction: task["id"]
            for task in changed
            for annotation in _objects(task.get("annotations"))
            if (prediction := self._unknown_prediction(annotation)) is not None
        }
        numbers = sorted(set(wanted.values()))
        for start in range(0, len(numbers), TASKS_PER_REQUEST):
            chunk = numbers[start : start + TASKS_PER_REQUEST]
            for task in tasks.find_each(self._api, self._project, "id", chunk, ["predictions"]):
                self._known |= {
                    number: _source_of(prediction)
                    for prediction in _objects(task.get("predictions"))
                    if (number := parse_id(prediction.get("id"))) is not None
                }
        for prediction in wanted:
            self._known.setdefault(prediction, None)  # deleted meanwhile

    def find(self, region_ids: Iterable[str], prediction: int | None) -> SourcePrediction | None:
        """The prediction that the person saw; None for none, and for one that was deleted.

        region_ids: of the submitted annotation. prediction: its `parent_prediction`.
        """
        if encoded := SourcePrediction.from_region_ids(region_ids):  # also of a deleted prediction
            return encoded
        if prediction is None:
            return None
        if prediction not in self._known:
            self._known[prediction] = self._fetch(prediction)
        return self._known[prediction]

    def _unknown_prediction(self, annotation: Mapping[str, Any]) -> int | None:
        """The `parent_prediction` of an annotation, where only Label Studio knows it."""
        prediction = parse_id(annotation.get("parent_prediction"))
        if prediction is None or prediction in self._known or annotation.get("was_cancelled"):
            return None
        region_ids = (str(region.get("id")) for region in _objects(annotation.get("result")))
        return prediction if SourcePrediction.from_region_ids(region_ids) is None else None

    def _fetch(self, prediction: int) -> SourcePrediction | None:
        try:
            return _source_of(self._api.get(f"api/predictions/{prediction}/"))
        except ApiRefused as exc:
            if exc.status == 404:
                return None
            raise


def _source_of(prediction: object) -> SourcePrediction | None:
    """None for a value that is no prediction as Label Studio writes it."""
    if not isinstance(prediction, dict):
        return None
    version, regions = prediction.get("model_version"), prediction.get("result")
    if not isinstance(version, str | None) or not isinstance(regions, list):
        return None
    ids = [str(region.get("id")) for region in _objects(regions)]
    encoded = SourcePrediction.from_region_ids(ids)
    if encoded is not None and encoded.version == REVIEW:
        return encoded
    return SourcePrediction(version=version or "", regions=len(regions))


def _objects(values: object) -> Iterator[Mapping[str, Any]]:
    for value in values if isinstance(values, list) else []:
        if isinstance(value, dict):
            yield value

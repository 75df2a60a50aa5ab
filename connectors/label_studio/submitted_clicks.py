"""Clicks of the smart tool that annotations hold.

The tick and the cross below the image of Label Studio 1.23.2 take all clicks out of the annotation
(recorded for the tick in tests/contract/test_recorded_clicks.py, read in its source for the cross),
so clicks that are submitted mostly had a suggestion that nobody decided on: the mask is lost,
unless the daemon kept it. The tick beside a single region leaves its clicks (read in its source);
then the annotation holds the region too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connectors.label_studio.ml_backend import BOX, MAX_ENTRIES, MAX_ID_CHARS, POINT
from connectors.label_studio.task_fields import parse_id
from daemon.domain import AnswerId
from daemon.domain.unaccepted_masks import SubmittedClicks

MOST_POINTS = 1000  # of an annotation


def submitted_clicks(
    changed: Iterable[Mapping[str, Any]], keys: Mapping[int, str | None]
) -> Iterator[SubmittedClicks]:
    """The clicks of the annotations of these tasks, of those that hold any. keys: task -> key of
    its image. What cannot be read holds no clicks: reading the mask says what is wrong with it."""
    for task in changed:
        listed, key = task.get("annotations"), keys.get(task["id"])
        for given in listed if isinstance(listed, list) and key else ():
            number = parse_id(given.get("id")) if isinstance(given, dict) else None
            if number is None or given.get("was_cancelled"):
                continue
            answer = AnswerId(annotation=str(number), task=str(task["id"]), image_key=key or "")
            if points := tuple(_ids(given.get("result"), POINT, BOX))[:MOST_POINTS]:
                regions = frozenset(_ids(given.get("result")))
                yield SubmittedClicks(answer=answer, points=points, regions=regions)


def _ids(result: object, *types: str) -> Iterator[str]:
    """The ids of the regions of these types; of all without one."""
    for region in result[:MAX_ENTRIES] if isinstance(result, list) else ():
        name = region.get("id") if isinstance(region, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= MAX_ID_CHARS:
            continue
        if not types or region.get("type") in types:
            yield name

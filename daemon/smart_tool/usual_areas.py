"""How large the objects of each class usually are, by the labels of people."""

from __future__ import annotations

import sqlite3
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.clicks.mask_objects import objects_of
from daemon.domain import Mask
from daemon.domain.errors import MaskloopError
from daemon.store import FILE, Store, decode_png

MOST_LABELS = 64  # that are looked at, those of the highest image ids
MIN_AREA_PX = 60  # smaller parts of labels are no objects
MIN_OBJECTS = 5  # of a class, for a median


def usual_areas_px(state: Path, classes: Sequence[str]) -> Mapping[str, float]:
    """Class name -> median area in pixels of the objects that people labeled. Without classes that
    have fewer than MIN_OBJECTS, and empty before there are labels. state: the state folder."""
    areas: defaultdict[str, list[int]] = defaultdict(list)
    for mask in _labels(state):
        for one in objects_of(mask, len(classes), min_area_px=MIN_AREA_PX):
            areas[classes[one.label]].append(one.area)
    return {
        name: float(statistics.median(found))
        for name, found in areas.items()
        if len(found) >= MIN_OBJECTS
    }


def _labels(state: Path) -> list[Mask]:
    try:
        with Store(state / FILE, read_only=True) as store:
            labeled = sorted(store.informative_ids())[-MOST_LABELS:]
            return [decode_png(store.label_png(image_id)) for image_id in labeled]
    except (MaskloopError, sqlite3.Error):
        return []  # before the first tick, or of another version

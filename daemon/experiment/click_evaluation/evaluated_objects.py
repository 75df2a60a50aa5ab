"""Which objects of a labeled folder are clicked on: drawn by a seed, named by a hash."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from daemon.clicks.mask_objects import MaskObject, objects_of
from daemon.domain.errors import ExperimentRefused
from daemon.experiment.image_folders import Folders
from daemon.pixels.masks import MaskUnusable, read_mask
from daemon.runs.records import Record


class EvaluatedObject(Record):
    """An object of the image `name`. label: its class. area: pixels. row, column: its first pixel,
    by rows."""

    name: str
    label: int
    area: int
    row: int
    column: int

    def in_mask(self) -> MaskObject:
        """The object in the mask of its image."""
        return MaskObject(label=self.label, area=self.area, row=self.row, column=self.column)


def drawn_objects(
    folders: Folders,
    names: Sequence[str],
    classes: Sequence[str],
    *,
    per_class: int,
    min_area_px: int,
    seed: int,
) -> tuple[EvaluatedObject, ...]:
    """The objects of these images, class by class; per_class: 0 for all.

    An image gives one object, and more only where no other image has one of the class; the classes
    in the fewest images choose first. Raises ExperimentRefused where there is no object at all.
    """
    by_class: dict[int, dict[str, list[EvaluatedObject]]] = {}
    for name in names:
        for one in _objects(folders, name, len(classes), min_area_px):
            by_class.setdefault(one.label, {}).setdefault(name, []).append(one)
    if not by_class:
        raise ExperimentRefused(
            f"--masks {folders.masks}: no object of {min_area_px} pixels or more in "
            f"{len(names)} masks; lower --min-area"
        )
    used: Counter[str] = Counter()
    found: dict[int, list[EvaluatedObject]] = {}
    for label in sorted(by_class, key=lambda label: (len(by_class[label]), label)):
        found[label] = _drawn(
            by_class[label], used, per_class, np.random.default_rng([seed, label])
        )
    return tuple(one for label in sorted(found) for one in found[label])


def hash_of(objects: Sequence[EvaluatedObject]) -> str:
    """sha256 of the list, 64 hex digits: equal where the same objects are clicked on."""
    lines = "\n".join(one.model_dump_json() for one in objects)
    return hashlib.sha256(lines.encode()).hexdigest()


def _objects(folders: Folders, name: str, classes: int, min_area_px: int) -> list[EvaluatedObject]:
    try:
        mask = read_mask(folders.mask(name), classes=classes)
    except MaskUnusable as exc:
        raise ExperimentRefused(str(exc)) from exc
    return [
        EvaluatedObject(name=name, label=one.label, area=one.area, row=one.row, column=one.column)
        for one in objects_of(mask, classes, min_area_px=min_area_px)
    ]


def _drawn(
    by_image: Mapping[str, list[EvaluatedObject]],
    used: Counter[str],
    count: int,
    rng: np.random.Generator,
) -> list[EvaluatedObject]:
    """Objects of one class; `used` counts how many each image has given."""
    waiting = {name: list(rng.permutation(len(found))) for name, found in by_image.items()}
    order = {name: place for place, name in enumerate(rng.permutation(list(by_image)).tolist())}
    chosen: list[EvaluatedObject] = []
    while waiting and (not count or len(chosen) < count):
        name = min(waiting, key=lambda name: (used[name], order[name]))
        chosen.append(by_image[name][int(waiting[name].pop())])
        used[name] += 1
        if not waiting[name]:
            del waiting[name]
    return chosen

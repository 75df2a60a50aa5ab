"""What a format cannot hold of the labels of an export, counted: in export.json and printed."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class Loss(enum.StrEnum):
    """What is not in the files as it is in the store, and what stands for it."""

    NO_LABEL_CLASS = (
        "pixels without a label: the format has none, they are of a class of their own, which "
        "map.toml takes back"
    )
    NO_LABEL_CROWD = "pixels without a label: the format has none, they are crowd regions"
    NO_OBJECT = (
        "labels of background only in a list where no label has an object: `maskloop import` takes "
        "their images for unlabeled"
    )
    SPLIT = "labels of other lists than train: the format has no lists, splits.json has them"
    CLASS = "classes that no label holds: the format does not name them"


@dataclass(frozen=True, kw_only=True)
class Lost:
    """How many pixels, labels or classes a loss is about."""

    loss: Loss
    number: int

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"what": self.loss.value, "number": self.number}

    def __str__(self) -> str:
        return f"{self.number} {self.loss.value}"


def listed(counts: Counter[Loss]) -> tuple[Lost, ...]:
    """The losses that occurred, in the order of `Loss`."""
    return tuple(Lost(loss=one, number=counts[one]) for one in Loss if counts[one])


class EmptyLists:
    """Counts the labels of lists where no label has an object."""

    def __init__(self) -> None:
        self._labels: Counter[str] = Counter()
        self._with_objects: set[str] = set()

    def add(self, split: str, values: Iterable[int]) -> None:
        """Take a label. values: the pixel values that it holds."""
        self._labels[split] += 1
        if any(values):
            self._with_objects.add(split)

    @property
    def number(self) -> int:
        """Labels of such lists."""
        return sum(n for split, n in self._labels.items() if split not in self._with_objects)

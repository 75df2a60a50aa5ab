"""The nouns of an import: a source, its samples, their labels, and what was repaired."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.domain import Fault
from daemon.domain.errors import MaskRefused

Values = npt.NDArray[np.uint16]  # (H, W): one index of Source.classes a pixel
NO_LABEL = 65_535  # of Values: a pixel that nobody labeled
MOST_CLASSES = 60_000  # of a source, before classes are merged or ignored
BACKGROUND = "background"


class Repair(enum.StrEnum):
    """What the import decided where a source leaves it open, or is at odds with itself."""

    OVERLAP = "pixels of objects of two classes: the later object has them"
    CLIPPED = "objects that leave the image: what lies outside was cut off"
    EMPTY = "objects without a pixel: left out"
    HOLE = "rings inside another ring of their object: taken for holes"
    CROWD = "crowd regions: their pixels have no label, except where an object lies on them"
    NO_OUTLINE = "objects without a mask: left out"
    OTHER_GEOMETRY = "objects of a kind that holds no area: left out"
    NO_AREA = "images with points, lines or tags only: nothing says which pixels, so no label"
    BOX = "rectangles: taken for masks"
    BOX_UNLABELED = "rectangles: their pixels have no label; --boxes-as-masks makes them masks"
    MACHINE = "objects that a machine drew: taken as labels"
    MACHINE_UNLABELED = "objects that a machine drew: no label; --trust-machine makes them labels"
    MACHINE_ONLY = "images where a machine drew all objects: unlabeled without --trust-machine"
    LATER_ANSWER = "annotations that a later one of the same image replaces"
    TURNED = "masks drawn on the stored picture: turned as its EXIF says"
    STENCIL = "masks of 0 and 255 only, in the whole source: 255 was taken for the one class"
    NO_CLASS_BY_CONVENTION = "pixels of classes that the convention ignores: no label"
    CONVERTED = "pictures that no browser shows: saved as PNG"
    RENAMED = "images whose name another one has, or that is no usable name: renamed"
    UNLABELED = "images without a mask: kept as unlabeled"
    BACKGROUND_ONLY = "labeled images without an object: background only"


@dataclass(frozen=True, kw_only=True)
class Count:
    """How often a repair was made in one image or file. detail: which kind, where it matters."""

    repair: Repair
    number: int = 1
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What counts as a mask that a person drew. boxes: rectangles too. machine: what a machine drew
    and nobody changed too."""

    boxes: bool = False
    machine: bool = False


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The mask of one image, in the classes of the source; values: (H, W).

    by_person: False where a machine drew all of it: then it is no label.
    """

    values: Values
    repairs: Sequence[Count] = ()
    by_person: bool = True


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One image of a source.

    image: its path in the tree. labels: the (height_px, width_px) of the upright image -> its
    mask; raises MaskRefused. None: nobody labeled it. splits: the lists that hold it.
    """

    image: str
    labels: Callable[[tuple[int, int]], Labels] | None
    splits: tuple[str, ...] = ()
    repairs: Sequence[Count] = ()


@dataclass(frozen=True, kw_only=True)
class Source:
    """A tree that was recognized. classes: by value, 0 is what no object covers.

    ignored: classes whose pixels the convention gives no label. faults: of files that belong to no
    sample.
    """

    format: str
    classes: tuple[str, ...]
    samples: Sequence[Sample]
    ignored: frozenset[str] = frozenset()
    faults: Sequence[Fault] = ()


class LabelsUnusable(MaskRefused):
    """A mask, or the file that holds it, that cannot be used. where: which one."""

    def __init__(self, where: str, got: str, expected: str, cure: str) -> None:
        super().__init__(
            f"{where}: got {got}; expected {expected}; {cure}",
            got=got,
            expected=expected,
            cure=cure,
        )
        self.where = where

    @property
    def fault(self) -> Fault:
        """The parts of the message."""
        return Fault(where=self.where, got=self.got, expected=self.expected, cure=self.cure)

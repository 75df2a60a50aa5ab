"""Objects painted over one another in the order of their list: the later one is on top.

Below all of them lie those whose pixels have no label: crowds, and what is not trusted. What they
mark is something, so it must not become background; which pixels are it, no person has said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from connectors.masks.shapes import Patch
from daemon.datasets.samples import NO_LABEL, Count, Labels, Repair, Trust

Inside = npt.NDArray[np.bool_]  # (H, W): the pixels of one object


@dataclass(frozen=True, kw_only=True)
class Outline:
    """An object of an image, not drawn yet.

    value: its class; NO_LABEL for a crowd. pixels: the canvas, to know its size and to note
    repairs -> the object; raises MaskRefused. is_box: a rectangle around what it marks; box_words:
    how that is known, where the source does not say it. by_machine: a machine drew it and nobody
    changed it.
    """

    value: int
    pixels: Callable[[Canvas], Patch]
    is_box: bool = False
    box_words: str = ""
    by_machine: bool = False

    def doubt(self, trust: Trust) -> Repair | None:
        """Why its pixels have no label; None where they have its class."""
        if self.by_machine and not trust.machine:
            return Repair.MACHINE_UNLABELED
        if self.is_box and not trust.boxes:
            return Repair.BOX_UNLABELED
        return Repair.CROWD if self.value == NO_LABEL else None


def drawn(outlines: Sequence[Outline], canvas: Canvas, trust: Trust) -> Labels:
    """The mask that the objects make, and what was repaired. Raises MaskRefused.

    No object at all is a label: background only.
    """
    doubts = [one.doubt(trust) for one in outlines]
    for one, doubt in zip(outlines, doubts, strict=True):
        if doubt is not None:
            canvas.note(doubt, detail=one.box_words if doubt is Repair.BOX_UNLABELED else "")
            canvas.paint(one.pixels(canvas), NO_LABEL)
    for one, doubt in zip(outlines, doubts, strict=True):
        if doubt is None:
            canvas.note(Repair.BOX, int(one.is_box))
            canvas.note(Repair.MACHINE, int(one.by_machine))
            canvas.paint(one.pixels(canvas), one.value)
    canvas.note(Repair.BACKGROUND_ONLY, int(not outlines))
    by_person = not doubts or any(doubt is not Repair.MACHINE_UNLABELED for doubt in doubts)
    return canvas.labels(by_person=by_person)


class Canvas:
    """A mask while its objects are painted. size: (height_px, width_px)."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._values = np.zeros(size, np.uint16)
        self._counts: Counter[tuple[Repair, str]] = Counter()

    def paint(self, patch: Patch, value: int) -> None:
        """Give the pixels of an object their class; what lies under it is counted as overlap."""
        height_px, width_px = patch.inside.shape
        under = self._values[patch.top : patch.top + height_px, patch.left : patch.left + width_px]
        other = (under != 0) & (under != value) & (under != NO_LABEL)
        self.note(Repair.OVERLAP, int(np.count_nonzero(patch.inside & other)))
        self.note(Repair.CLIPPED, int(patch.is_clipped))
        self.note(Repair.EMPTY, int(not patch.inside.any()))
        under[patch.inside] = value

    def note(self, repair: Repair, number: int = 1, detail: str = "") -> None:
        """Count a repair; nothing is counted for 0."""
        if number:
            self._counts[repair, detail] += number

    def labels(self, *, by_person: bool) -> Labels:
        """The mask, and what was repaired."""
        return Labels(
            values=self._values,
            by_person=by_person,
            repairs=[
                Count(repair=repair, detail=detail, number=number)
                for (repair, detail), number in self._counts.items()
            ],
        )


def pasted(inside: Inside, top: int, left: int, size: tuple[int, int]) -> Patch:
    """The part of an object that lies in the image. top, left: of `inside`, pixels, also negative.

    size: (height_px, width_px) of the image.
    """
    height_px, width_px = inside.shape
    rows = slice(min(max(-top, 0), height_px), max(min(height_px, size[0] - top), 0))
    columns = slice(min(max(-left, 0), width_px), max(min(width_px, size[1] - left), 0))
    kept = inside[rows, columns]
    return Patch(
        top=min(max(top, 0), size[0]),
        left=min(max(left, 0), size[1]),
        inside=kept,
        is_clipped=int(np.count_nonzero(kept)) < int(np.count_nonzero(inside)),
    )


def whole(inside: Inside) -> Patch:
    """An object given as a mask of the whole image."""
    return Patch(top=0, left=0, inside=inside, is_clipped=False)

"""Images with the objects that were drawn on them, as samples of a source.

Formats that list images and objects cannot say whether an image without objects was looked at.
Where no image of a split has an object, nobody labeled it; else such an image is background only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from connectors.masks.shapes import Patch
from daemon.datasets.json_files import size_like
from daemon.datasets.painting import Canvas, Outline, drawn
from daemon.datasets.samples import Labels, LabelsUnusable, Sample, Trust
from daemon.pixels.headers import MOST_PIXELS

MOST_OBJECTS = 100_000  # of an image


@dataclass(frozen=True, kw_only=True)
class AnnotatedImage:
    """An image and what was drawn on it.

    where: names its entry. image: its path in the tree. stated: height and width as the source has
    them; None: the source states none. objects: how many were drawn. outlines: the canvas, where
    what is left out is noted -> the objects, in the order in which they are painted; raises
    MaskRefused.
    """

    where: str
    image: str
    stated: tuple[object, object] | None
    objects: int
    outlines: Callable[[Canvas], Sequence[Outline]]
    splits: tuple[str, ...] = ()

    def labels(self, size: tuple[int, int], trust: Trust) -> Labels:
        """The mask in the stated size, else that of the image. Raises MaskRefused."""
        if self.stated is not None:
            size = size_like(size, *self.stated, self.where, MOST_PIXELS)
        if self.objects > MOST_OBJECTS:
            raise LabelsUnusable(
                self.where,
                f"{self.objects} objects",
                f"at most {MOST_OBJECTS}",
                "leave the image out",
            )
        canvas = Canvas(size)
        return drawn(self.outlines(canvas), canvas, trust)


def samples_of(images: Sequence[AnnotatedImage], trust: Trust) -> list[Sample]:
    """A sample for each image; those of a split without any object are unlabeled."""
    labeled = {one.splits for one in images if one.objects}
    return [_sample(one, trust, is_labeled=one.splits in labeled) for one in images]


def _sample(one: AnnotatedImage, trust: Trust, *, is_labeled: bool) -> Sample:
    return Sample(
        image=one.image,
        splits=one.splits,
        labels=(lambda size: one.labels(size, trust)) if is_labeled else None,
    )


def guarded(
    where: str, expected: str, decode: Callable[[Canvas], Patch]
) -> Callable[[Canvas], Patch]:
    """The same, whose ValueError is a fault of the object at `where`."""

    def pixels(canvas: Canvas) -> Patch:
        try:
            return decode(canvas)
        except ValueError as exc:
            raise LabelsUnusable(where, str(exc), expected, "correct the file") from exc

    return pixels

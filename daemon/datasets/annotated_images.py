"""Images with the objects that were drawn on them, as samples of a source.

Formats that list images and objects cannot say whether an image without objects was looked at.
Where no image of a split has an object, nobody labeled it; else such an image is background only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from connectors.masks.shapes import Patch
from daemon.datasets.json_files import size_like
from daemon.datasets.painting import Canvas, Outline, drawn
from daemon.datasets.samples import (
    BACKGROUND,
    Count,
    Labels,
    LabelsUnusable,
    Repair,
    Sample,
    Source,
    Trust,
)
from daemon.datasets.source_tree import Tree
from daemon.domain import Fault
from daemon.pixels.headers import MOST_PIXELS

MOST_OBJECTS = 100_000  # of an image


@dataclass(frozen=True, kw_only=True)
class AnnotatedImage:
    """An image and what was drawn on it.

    where: names its entry. image: its path in the tree, "" until it is found. stated: height and
    width as the source has them; None: it states none. objects: how many were drawn. without_area:
    how many of them hold none, as points and tags. outlines: the canvas, where what is left out is
    noted -> the objects, in the order in which they are painted; raises MaskRefused.
    """

    where: str
    image: str = ""
    stated: tuple[object, object] | None
    objects: int
    outlines: Callable[[Canvas], Sequence[Outline]]
    splits: tuple[str, ...] = ()
    without_area: int = 0

    @property
    def says_no_pixel(self) -> bool:
        """Whether all that was drawn holds no area: where the objects lie, nobody has said."""
        return 0 < self.objects == self.without_area

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


@dataclass(kw_only=True)
class ImageList:
    """The entries of a source, each with the picture that it means.

    Entries that name a picture where it should lie come first; the others take what is called so
    elsewhere and belongs to nobody: so no mask lands on the picture of another entry.
    """

    tree: Tree
    faults: list[Fault]
    _found: dict[str, AnnotatedImage] = field(default_factory=dict)
    _waiting: list[tuple[AnnotatedImage, str]] = field(default_factory=list)

    def add(self, one: AnnotatedImage, named: str, places: Iterable[str]) -> None:
        """Take an entry. named: its picture as the source writes it; places: where that may be."""
        picture = next((path for path in places if path in self.tree.kinds), None)
        if picture is None:
            self._waiting.append((one, named))
        else:
            self._take(one, picture)

    def images(self) -> list[AnnotatedImage]:
        """All entries with a picture; those without one are faults."""
        for one, named in self._waiting:
            picture = self.tree.picture_like(named)
            if picture is None or picture in self._found:
                self._fault(one.where, "no picture of its own", "one in the folder of the images")
            else:
                self._take(one, picture)
        self._waiting.clear()
        return list(self._found.values())

    def _take(self, one: AnnotatedImage, picture: str) -> None:
        if picture in self._found:
            got = f"a second entry for {picture}"
            self._fault(one.where, got, "one: the first was taken")
        else:
            self._found[picture] = replace(one, image=picture)

    def _fault(self, where: str, got: str, expected: str) -> None:
        cure = "export again with the images, or correct the file"
        self.faults.append(Fault(where=where, got=got, expected=expected, cure=cure))


@dataclass
class ShapeFiles:
    """What a format gathers over its files, each of which lists images and the shapes on them.

    files: how many were read. values: name of a label -> its value.
    """

    tree: Tree
    files: int = 0
    faults: list[Fault] = field(default_factory=list)
    values: dict[str, int] = field(default_factory=lambda: {BACKGROUND: 0})

    def __post_init__(self) -> None:
        self.entries = ImageList(tree=self.tree, faults=self.faults)

    def source(self, name: str, trust: Trust) -> Source:
        """All images of all files. name: of the format."""
        return Source(
            format=name,
            classes=tuple(self.values),
            samples=samples_of(self.entries.images(), trust),
            faults=tuple(self.faults),
        )


def samples_of(images: Sequence[AnnotatedImage], trust: Trust) -> list[Sample]:
    """A sample for each image; those of a split without any object are unlabeled, and those whose
    objects hold no area."""
    labeled = {one.splits for one in images if one.objects > one.without_area}
    return [_sample(one, trust, is_labeled=one.splits in labeled) for one in images]


def _sample(one: AnnotatedImage, trust: Trust, *, is_labeled: bool) -> Sample:
    draws = is_labeled and not one.says_no_pixel
    return Sample(
        image=one.image,
        splits=one.splits,
        labels=(lambda size: one.labels(size, trust)) if draws else None,
        repairs=(Count(repair=Repair.NO_AREA),) if one.says_no_pixel else (),
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

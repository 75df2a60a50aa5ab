"""Labels of pictures that are the same, or nearly, and differ.

An exact copy is compared with the first of its group. A picture that is nearly the same as others
is compared with what most of the labels of the nearest ones say of each pixel, so the odd one of a
row of still frames is found, and not every pair of them. What two people draw of one plant is never
the same: a place counts by its size, as planted errors on soy had it (500 places of 206 pictures:
9 % of those of 30 to 60 px held one, 71 % of those over 500 px), and how alike such labels are is
measured by class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from daemon.audit import sentences
from daemon.audit.audited_image import AuditedImage
from daemon.audit.disagreement_blobs import MIN_BLOB_PX
from daemon.audit.finding_order import size_weight
from daemon.audit.identical_pictures import agreement, digest_of, identical_pairs
from daemon.audit.label_components import EIGHT, IdMap
from daemon.audit.second_look import changed_pixels
from daemon.audit.similar_pictures import SimilarPictures
from daemon.audit.suspects import mask_picture
from daemon.domain import IGNORE, Mask
from daemon.domain.label_findings import Finding, FindingType, LabelUse

NEAREST = 5  # pictures that one is compared with
MAX_PLACES = 3  # of a picture
EVEN_PX = 400  # a place of this size is as likely an error as not, if NEAREST others agree
Picture = npt.NDArray[np.uint8]
ReadLabel = Callable[[int], Mask | None]


@dataclass(frozen=True, kw_only=True)
class Repeatability:
    """How alike labels of nearly the same picture are. iou: class -> median IoU of the pairs that
    have it. pairs: how many were compared."""

    iou: Mapping[str, float]
    pairs: int


@dataclass(kw_only=True)
class PictureConflicts:
    """Takes in pictures one by one, then compares the labels of those that are alike.

    classes: names by value. tolerance_px: by which borders may differ.
    """

    classes: Sequence[str]
    tolerance_px: int
    _images: list[AuditedImage] = field(default_factory=list)
    _digests: list[str] = field(default_factory=list)
    _similar: SimilarPictures = field(default_factory=SimilarPictures)
    _agreements: list[dict[str, float]] = field(default_factory=list)

    def add(self, image: AuditedImage, picture: Picture) -> None:
        """Take in a picture (H, W, 3)."""
        self._images.append(image)
        self._digests.append(digest_of(picture))
        self._similar.add(picture)

    def findings(self, label_of: ReadLabel) -> Iterator[Finding]:
        """Conflicts: of exact copies, then of pictures that are nearly the same.

        label_of: reads the label of an image, by its id; None where it cannot be read. At most
        NEAREST + 1 labels are in memory.
        """
        for one, other in self._copies:
            yield from self._of_copies(self._images[one], self._images[other], label_of)
        alike = [number for number, others in enumerate(self._nearest) if others]
        for number in alike:
            self._measure(number, label_of)
        for number in alike:
            yield from self._of_similar(number, label_of)

    @property
    def repeatability(self) -> Repeatability:
        """Of what was compared so far."""
        names = [name for name in self.classes if any(name in one for one in self._agreements)]
        iou = {
            name: float(np.median([one[name] for one in self._agreements if name in one]))
            for name in names
        }
        return Repeatability(iou=iou, pairs=len(self._agreements))

    @cached_property
    def _copies(self) -> list[tuple[int, int]]:
        return list(identical_pairs(self._digests))

    @cached_property
    def _nearest(self) -> list[list[int]]:
        """Of each picture those that are nearly the same and no exact copy of it."""
        found = self._similar.nearest(NEAREST)
        return [
            [other for other in others if self._digests[other] != self._digests[number]]
            for number, others in enumerate(found)
        ]

    def _of_copies(
        self, one: AuditedImage, other: AuditedImage, label_of: ReadLabel
    ) -> Iterator[Finding]:
        if _leaks(one, other):
            yield _leak(other, one, exact=True)
        first, second = label_of(one.id), label_of(other.id)
        if first is None or second is None or first.shape != second.shape:
            return
        if (first != second).any():
            shares = agreement(first, second, self.classes)
            self._agreements.append(shares)
            yield _finding(other, first != second, 1.0, sentences.conflict(one.name, shares))

    def _measure(self, number: int, label_of: ReadLabel) -> None:
        """Note how alike the label of a picture and that of the nearest one are."""
        nearest = self._nearest[number][0]
        if nearest > number and self._nearest[nearest][0] == number:
            return  # this pair is compared when the other one comes
        first, second = (label_of(self._images[one].id) for one in (number, nearest))
        if first is not None and second is not None and first.shape == second.shape:
            self._agreements.append(agreement(first, second, self.classes))

    def _of_similar(self, number: int, label_of: ReadLabel) -> Iterator[Finding]:
        image, nearest = self._images[number], self._nearest[number]
        leaking = (one for one in nearest if number > one and _leaks(image, self._images[one]))
        for one in islice(leaking, 1):
            yield _leak(image, self._images[one], exact=False)
        if len(nearest) == 1 and nearest[0] > number and len(self._nearest[nearest[0]]) == 1:
            return  # the pair is listed once
        label = label_of(image.id)
        if label is None:
            return
        read = [(self._images[one].name, label_of(self._images[one].id)) for one in nearest]
        others = {
            name: mask for name, mask in read if mask is not None and mask.shape == label.shape
        }
        if others:
            yield from self._places(image, label, others)

    def _places(
        self,
        image: AuditedImage,
        label: Mask,
        others: Mapping[str, Mask],
    ) -> Iterator[Finding]:
        """The largest places where a label differs from most of the others. others: by name."""
        usual = majority([*others.values()], len(self.classes))
        usual = np.where((usual == IGNORE) | (label == IGNORE), label, usual)
        first = next(iter(others))
        shares = agreement(label, others[first], self.classes)
        # Of n + 1 labels all but this one say the same; compared with as many as there can be.
        agreeing = len(others) / (len(others) + 1) * (NEAREST + 1) / NEAREST
        parts, sizes = _large_parts(changed_pixels(label, usual, self.tolerance_px))
        for part, area in sizes:
            pixels = parts == part
            labeled, expected = (self._name(_mode(mask[pixels])) for mask in (label, usual))
            likely = agreeing * area / (area + EVEN_PX)
            weight = float(size_weight(np.array([area]))[0])
            words = sentences.odd_one(first, len(others), labeled, expected, shares)
            found = _finding(image, pixels, likely * weight, words)
            yield replace(found, labeled=labeled, proposed=expected)

    def _name(self, value: int) -> str:
        return self.classes[value] if value < len(self.classes) else str(value)


def _large_parts(changed: npt.NDArray[np.bool_]) -> tuple[IdMap, list[tuple[int, int]]]:
    """Connected parts (H, W) of changed pixels, and (number, pixels) of the largest ones."""
    parts, _ = ndimage.label(ndimage.binary_opening(changed, structure=EIGHT), structure=EIGHT)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    largest = np.argsort(-sizes, kind="stable")[:MAX_PLACES]
    return parts, [(int(one), int(sizes[one])) for one in largest if sizes[one] >= MIN_BLOB_PX]


def majority(labels: Sequence[Mask], classes: int) -> Mask:
    """(H, W): the class that more than half of the labels (H, W) give a pixel, else ignore.

    A label is not accused for less, though the most votes make a label where several people
    labeled one image (daemon/rules/majority_label.py).
    """
    found = np.full(labels[0].shape, IGNORE, np.uint8)
    for value in range(classes):
        votes = sum((mask == value).astype(np.uint8) for mask in labels)
        found[np.asarray(votes) * 2 > len(labels)] = value
    return found


def _leaks(one: AuditedImage, other: AuditedImage) -> bool:
    return {one.use, other.use} == {LabelUse.TRAINING, LabelUse.VALIDATION}


def _leak(image: AuditedImage, other: AuditedImage, *, exact: bool) -> Finding:
    """Of the whole image: a picture on both sides of the line between training and validation."""
    words = f"{sentences.same_picture(other.name, exact=exact)}. {sentences.LEAK}"
    return _finding(image, np.ones((1, 1), bool), 1.0, words)


def _finding(
    image: AuditedImage, pixels: npt.NDArray[np.bool_], score: float, words: str
) -> Finding:
    rows, columns = np.nonzero(pixels)
    box = int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1
    return Finding(
        image_id=image.id,
        type=FindingType.CONFLICT,
        labeled="",
        proposed="",
        box_yxyx=box,
        area_px=len(rows),
        score=score,
        expected_precision=None,
        reason=words,
        mask_png=mask_picture(pixels[box[0] : box[2], box[1] : box[3]]),
    )


def _mode(values: Mask) -> int:
    return int(np.bincount(values, minlength=1).argmax())

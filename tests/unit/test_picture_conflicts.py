"""Labels of pictures that are the same, or nearly, and differ."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from daemon.audit.audited_image import AuditedImage
from daemon.audit.picture_conflicts import PictureConflicts, majority
from daemon.audit.similar_pictures import SimilarPictures
from daemon.domain import IGNORE, Mask
from daemon.domain.label_findings import Finding, LabelUse

CLASSES = ("soil", "crop", "weed")
SIDE = 64


def scene(seed: int) -> np.ndarray:
    """A picture with structure that survives compression."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (9, 9, 3)).astype(np.uint8)
    size = (SIDE, SIDE)
    return np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR))


def recompressed(picture: np.ndarray, brighter: int = 0) -> np.ndarray:
    """The same as a JPEG, and a little brighter."""
    out = io.BytesIO()
    changed = np.clip(picture.astype(int) + brighter, 0, 255).astype(np.uint8)
    Image.fromarray(changed).save(out, "JPEG", quality=70)
    return np.asarray(Image.open(out).convert("RGB"))


def label(*boxes: tuple[int, int, int, int, int]) -> Mask:
    """Rectangles: class, rows and columns."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for value, top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = value
    return mask


def conflicts(
    pictures: Sequence[np.ndarray], masks: Sequence[Mask], uses: Sequence[LabelUse] = ()
) -> tuple[list[Finding], PictureConflicts]:
    found = PictureConflicts(classes=CLASSES, tolerance_px=2)
    for number, picture in enumerate(pictures):
        use = uses[number] if uses else LabelUse.TRAINING
        found.add(AuditedImage(id=10 + number, name=f"image {number}", use=use), picture)
    return list(found.findings(lambda image_id: masks[image_id - 10])), found


def test_pictures_are_alike_after_compression_and_not_when_mirrored() -> None:
    one = scene(1)
    similar = SimilarPictures()
    plain = np.full_like(one, 90)
    for picture in (one, recompressed(one, 9), scene(2), one[:, ::-1], plain, plain):
        similar.add(np.ascontiguousarray(picture))

    assert similar.nearest(5) == [[1], [0], [], [], [], []]


def test_a_pair_with_different_labels_is_one_conflict_that_names_the_place() -> None:
    one, plants = scene(1), label((1, 5, 5, 25, 25), (2, 40, 40, 52, 52))
    less = label((1, 5, 5, 25, 25))

    findings, found = conflicts([one, recompressed(one), scene(3)], [plants, less, less])

    (conflict,) = findings
    assert (conflict.image_id, conflict.type) == (11, "conflict")
    assert (conflict.labeled, conflict.proposed) == ("soil", "weed")
    assert (conflict.box_yxyx, conflict.area_px) == ((40, 40, 52, 52), 144)
    assert "weed in the label of image 0, which shows nearly the same" in conflict.reason
    assert "weed 0.00" in conflict.reason
    assert found.repeatability.pairs == 1
    assert found.repeatability.iou["crop"] == 1.0


def test_of_many_still_frames_the_odd_one_is_found_and_the_others_are_not() -> None:
    one, plants = scene(1), label((1, 5, 5, 25, 25), (1, 40, 40, 52, 52))
    odd = label((1, 5, 5, 25, 25))
    pictures = [recompressed(one, brighter) for brighter in range(5)]

    findings, _ = conflicts(pictures, [plants, plants, odd, plants, plants])

    assert [one.image_id for one in findings] == [12]
    assert (findings[0].labeled, findings[0].proposed) == ("soil", "crop")


def test_a_border_within_the_tolerance_is_no_conflict() -> None:
    one = scene(1)

    findings, found = conflicts(
        [one, recompressed(one)], [label((1, 5, 5, 40, 40)), label((1, 6, 6, 41, 41))]
    )

    assert findings == []
    assert 0.8 < found.repeatability.iou["crop"] < 1


@pytest.mark.parametrize("compressed", [False, True])
def test_a_picture_on_both_sides_of_validation_is_said_even_where_labels_agree(
    *, compressed: bool
) -> None:
    one, plants = scene(1), label((1, 5, 5, 25, 25))
    pictures = [one, recompressed(one) if compressed else one.copy()]
    sides = [LabelUse.VALIDATION, LabelUse.TRAINING]

    findings, _ = conflicts(pictures, [plants, plants], sides)
    excluded, _ = conflicts(pictures, [plants, plants], [sides[0], LabelUse.NOTHING])

    assert [one.image_id for one in findings] == [11]
    assert "validation" in findings[0].reason
    assert excluded == []


def test_labels_that_cannot_be_read_or_have_another_size_are_left_out() -> None:
    one, plants = scene(1), label((1, 5, 5, 25, 25))
    found = PictureConflicts(classes=CLASSES, tolerance_px=2)
    for number in range(3):
        found.add(AuditedImage(id=number, name=str(number)), recompressed(one, number))
    masks = {0: plants, 1: None, 2: plants[:32]}

    assert list(found.findings(masks.get)) == []


def test_a_pixel_without_a_majority_is_not_compared() -> None:
    votes = [np.array([[1, 1, 2, IGNORE]], np.uint8), np.array([[1, 2, 2, 1]], np.uint8)]

    assert majority(votes, 3).tolist() == [[1, IGNORE, 2, IGNORE]]


@pytest.mark.long
def test_ten_thousand_still_frames_are_compared_in_seconds() -> None:
    similar, rng = SimilarPictures(), np.random.default_rng(0)
    one = scene(1)
    for _ in range(10_000):
        similar.add((one ^ rng.integers(0, 4, one.shape)).astype(np.uint8))
    started_s = time.process_time()

    found = similar.nearest(5)

    assert time.process_time() - started_s < 30
    assert all(len(others) == 5 for others in found)

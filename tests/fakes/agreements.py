"""Measured pairs of labels, and what is said of them."""

from __future__ import annotations

from daemon.domain.agreements import ClassAgreement, LabelAgreement, LabelPair
from daemon.domain.second_labels import SecondLabelState
from daemon.insight.annotator_agreement import AnnotatorAgreement, annotator_agreement

TOLERANCE_PX = 2


def pair(image_id: int, *, from_mask: bool = False) -> LabelPair:
    """Two labels of an image."""
    return LabelPair(
        image_id=image_id,
        first=f"{image_id}a",
        second=f"{image_id}b",
        drawn="",
        from_mask=from_mask,
    )


def measured(image_id: int, *classes: tuple[int, int, int]) -> LabelAgreement:
    """An image whose classes have these pixels: common, either, beyond."""
    pixels = tuple(ClassAgreement(common=c, either=e, beyond=b) for c, e, b in classes)
    return LabelAgreement(pair=pair(image_id), tolerance_px=TOLERANCE_PX, classes=pixels)


def agreement_on(images: int, classes: tuple[str, ...], wanted: int = 0) -> AnnotatorAgreement:
    """Two people whose labels of each image agree in 80 to 90 % of the pixels of each class."""
    rows = [
        measured(number, *[(80 + number % 11, 100, 95) for _ in classes])
        for number in range(images)
    ]
    return annotator_agreement(
        rows,
        classes,
        groups={},
        counts={SecondLabelState.GIVEN: images},
        wanted=wanted,
        stopped="",
        tolerance_px=TOLERANCE_PX,
    )

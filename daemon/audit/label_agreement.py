"""How alike two labels of the same picture are, class by class. Pure."""

from __future__ import annotations

from daemon.audit.second_look import changed_pixels
from daemon.domain import IGNORE, Mask
from daemon.domain.agreements import ClassAgreement


def class_agreement(
    first: Mask, second: Mask, classes: int, tolerance_px: int
) -> tuple[ClassAgreement, ...]:
    """The pixels of each class in two labels (H, W), by class index; it is the same both ways.

    Pixels to which one of the two gives no label (255) say nothing. tolerance_px: by which a
    border may move, as people repeat theirs no better. Raises ValueError for two sizes.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"two labels of one picture: got {first.shape} and {second.shape}; expected one size"
        )
    known = (first != IGNORE) & (second != IGNORE)
    apart = changed_pixels(first, second, tolerance_px) & known
    found = []
    for value in range(classes):
        one, other = (first == value) & known, (second == value) & known
        common, either = int((one & other).sum()), int((one | other).sum())
        beyond = common + int(((one | other) & apart).sum())
        found.append(ClassAgreement(common=common, either=either, beyond=beyond))
    return tuple(found)

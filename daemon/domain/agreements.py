"""How alike two people label the same image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LabelPair:
    """Two labels of one validation image by two people, of whom neither saw the other's label.

    first, second: their annotations, the older one first. drawn: when both were drawn or edited
    last, as text, to see whether they are still what was measured. from_mask: whether one of the
    two began with a mask of the model, which makes people alike.
    """

    image_id: int
    first: str
    second: str
    drawn: str
    from_mask: bool


@dataclass(frozen=True, kw_only=True)
class ClassAgreement:
    """One class in two labels, pixels. common: both gave it. either: at least one of them did.
    beyond: of `either`, without those where a border only moved by the tolerance or less."""

    common: int
    either: int
    beyond: int


@dataclass(frozen=True, kw_only=True)
class LabelAgreement:
    """How alike the labels of a pair are. classes: by class index; empty for labels that cannot be
    compared, as they have two sizes. tolerance_px: of `ClassAgreement.beyond`."""

    pair: LabelPair
    tolerance_px: int
    classes: tuple[ClassAgreement, ...]

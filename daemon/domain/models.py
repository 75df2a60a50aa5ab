"""Trained models: what the gate said of each, and what people said of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

Ends = tuple[float, float]


class GateVerdict(enum.StrEnum):
    """What the gate (daemon/rules/serving_gate.py) says of a new model."""

    SERVES = "serves"
    REFUSED = "refused"  # clearly worse: an earlier one serves
    ASKED = "asked"  # a class fell: an earlier one serves until somebody approves


class Ground(enum.StrEnum):
    """Why the gate says so."""

    COLLAPSE = "collapse"  # less than half of the mIoU
    PAIRED = "paired"  # the interval of the difference lies below 0
    INTERVALS = "intervals"  # the separate intervals do not overlap (no figures by image)
    CLASS_FALL = "class_fall"  # the IoU of a class fell


@dataclass(frozen=True, kw_only=True)
class ClassFall:
    """A class whose IoU fell: the difference and its interval, in [-1, 0]."""

    name: str
    difference: float
    interval: Ends


@dataclass(frozen=True, kw_only=True)
class JudgedModel:
    """The model of a cycle and what became of it.

    serving: the cycle whose model served after it was judged. against: the cycle that it was
    compared with. words: the verdict as a sentence; "" for a model that serves as usual.
    falls: classes whose IoU fell. approved_by, approved_at: who approved it and when, if anybody.
    """

    cycle: int
    serving: int
    verdict: GateVerdict
    at: datetime
    ground: Ground | None = None
    against: int | None = None
    words: str = ""
    falls: tuple[ClassFall, ...] = ()
    approved_by: str | None = None
    approved_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ModelNote:
    """What somebody wrote about the model of a cycle."""

    cycle: int
    at: datetime
    author: str
    text: str

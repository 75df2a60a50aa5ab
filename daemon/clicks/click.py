"""What people click, and the contract of every engine that turns clicks into a mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatMap = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Click:
    """One click. x, y: pixel of the image as displayed. positive: it belongs to the object."""

    x: int
    y: int
    positive: bool = True


@dataclass(frozen=True, kw_only=True)
class PriorMap:
    """How likely each place of an image shows anything but background, by the model that serves.

    values: (rows, columns), 0 to 255 for a probability of 0 to 1, one value for each square of
    `stride` pixels of the image, from its upper left corner.
    """

    values: Picture
    stride: int


@dataclass(frozen=True, kw_only=True)
class ObjectProbability:
    """The probability, in 0..1, that a pixel belongs to the clicked object: 0 outside of the crop.

    values: (rows, columns) of the crop whose upper left pixel is (left, top) of the image.
    shift: logits that clicks have added to the probability everywhere; what walks remember, other
    engines leave it.
    """

    left: int
    top: int
    values: FloatMap
    shift: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ClickQuestion:
    """What an engine is asked: the mask of the object that these clicks mean.

    image: (H, W, 3), RGB, as it is displayed. clicks: in the order in which they were made, all
    within the image, at least one positive unless there is an initial mask. prior: None where no
    model knows the image. previous: the answer of the same engine to all clicks but the last; None
    at the first. initial: a mask that clicks correct, such as the model's; None: from nothing.
    usual_area_px: median area of the objects of the class; None where that is not known.
    """

    image: Picture
    clicks: tuple[Click, ...]
    prior: PriorMap | None = None
    previous: ObjectProbability | None = None
    initial: ObjectProbability | None = None
    usual_area_px: float | None = None

    @property
    def before(self) -> ObjectProbability | None:
        """What was there before the last click."""
        return self.initial if self.previous is None else self.previous


class ClickEngine(Protocol):
    """Turns clicks into a mask. Equal questions have equal answers, to the byte."""

    @property
    def name(self) -> str:
        """How settings, reports and regions name the engine."""
        ...

    def segment(self, question: ClickQuestion) -> ObjectProbability:
        """The object: each positive click lies inside (>= 0.5), each negative one outside."""
        ...

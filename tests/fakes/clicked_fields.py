"""Small fields with plants, and engines without any computation, for tests of clicks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.clicks.click import (
    Click,
    ClickEngine,
    ClickQuestion,
    ObjectProbability,
    PriorMap,
)
from daemon.clicks.click_answer import mask_of

Bools = npt.NDArray[np.bool_]


def disc(size: tuple[int, int], row: float, column: float, radius: float) -> Bools:
    y, x = np.mgrid[: size[0], : size[1]]
    return np.asarray((y - row) ** 2 + (x - column) ** 2 <= radius**2, np.bool_)


def picture_of(plants: Bools, seed: int = 0, noise: float = 12) -> npt.NDArray[np.uint8]:
    """(H, W, 3): green plants on brown soil, with noise."""
    colours = np.array([[120, 90, 60], [60, 150, 60]], np.float32)
    rng = np.random.default_rng(seed)
    found = colours[plants.astype(np.uint8)] + rng.normal(0, noise, (*plants.shape, 3))
    return found.clip(0, 255).astype(np.uint8)


def prior_map(plants: Bools, sure: int = 230, stride: int = 4) -> PriorMap:
    values = np.where(plants[::stride, ::stride], sure, 255 - sure).astype(np.uint8)
    return PriorMap(values=values, stride=stride)


def click_through(
    engine: ClickEngine,
    image: npt.NDArray[np.uint8],
    clicks: tuple[Click, ...],
    prior: PriorMap | None = None,
) -> list[Bools]:
    """The masks after each click."""
    previous, masks = None, []
    for count in range(1, len(clicks) + 1):
        asked = ClickQuestion(image=image, clicks=clicks[:count], prior=prior, previous=previous)
        previous = engine.segment(asked)
        masks.append(mask_of(previous, (image.shape[0], image.shape[1])))
    return masks


@dataclass
class FixedEngine:
    """Answers the same mask to every question, and counts the questions."""

    inside: Bools
    name: str = "fixed"
    asked: int = 0

    def segment(self, question: ClickQuestion) -> ObjectProbability:
        self.asked += 1
        return ObjectProbability(left=0, top=0, values=self.inside.astype(np.float32))


@dataclass
class CountingEngine:
    """Its answer names the image, the clicks and the answer before: what replay must get right."""

    name: str = "counting"
    asked: int = 0

    def segment(self, question: ClickQuestion) -> ObjectProbability:
        self.asked += 1
        before = 0.0 if question.previous is None else float(question.previous.values[0, 1])
        last = question.clicks[-1]
        values = np.array([[question.image[0, 0, 0], before * 0.5 + last.x, len(question.clicks)]])
        return ObjectProbability(left=0, top=0, values=values.astype(np.float32))

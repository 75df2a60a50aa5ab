"""The engine `fused`: the network says what the object is, the random walk where its border is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from daemon.clicks.click import ClickEngine, ClickQuestion, ObjectProbability, PriorMap
from daemon.clicks.walk_engines import PriorWalk
from daemon.hrda.click_net.click_crops import Crop, prior_in


class FusedEngine:
    """The walk whose prior is the mean of the network's answer and of the prior map, where there is
    one. Outside of the network's crop nothing is the object."""

    name = "fused"

    def __init__(self, network: ClickEngine, walk: PriorWalk | None = None) -> None:
        self._network, self._walk = network, walk or PriorWalk()

    def segment(self, question: ClickQuestion) -> ObjectProbability:
        """The object that the clicks mean; see ClickEngine."""
        found = self._network.segment(question)
        return self._walk.segment(replace(question, prior=_mean(question, found)))


def _mean(question: ClickQuestion, found: ObjectProbability) -> PriorMap:
    """(H, W), a value for each pixel."""
    height, width = question.image.shape[:2]
    values = np.zeros((height, width), np.uint8)
    rows, columns = found.values.shape
    mean = found.values
    if question.prior is not None:
        side = max(rows, columns)
        crop = Crop(left=found.left, top=found.top, side=side)
        mean = (mean + prior_in(crop, question.prior, side)[:rows, :columns] + 0.5) / 2
    values[found.top : found.top + rows, found.left : found.left + columns] = np.rint(255 * mean)
    return PriorMap(values=values, stride=1)

"""An engine of a few lines, which finds what has the colour of the first click."""

from __future__ import annotations

import numpy as np

from daemon.clicks.click import ClickQuestion, ObjectProbability


class SameColour:
    """An engine: what has nearly the colour of the first positive click, without discs of radius 3
    around negative ones."""

    name = "same_colour"

    def segment(self, question: ClickQuestion) -> ObjectProbability:
        """See daemon.clicks.click.ClickEngine."""
        first = next(click for click in question.clicks if click.positive)
        colour = question.image[first.y, first.x].astype(int)
        far = np.abs(question.image.astype(int) - colour).max(axis=2)
        values = np.where(far < 30, np.float32(0.9), np.float32(0.1))
        rows, columns = np.indices(values.shape)
        for click in question.clicks:
            if not click.positive:
                values[(rows - click.y) ** 2 + (columns - click.x) ** 2 <= 9] = 0.1
        return ObjectProbability(left=0, top=0, values=values)

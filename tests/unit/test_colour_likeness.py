"""Colours that look like one side of a mask."""

from __future__ import annotations

import numpy as np

from daemon.clicks.colour_likeness import LEAST_PX, colour_likeness
from tests.fakes.clicked_fields import disc, picture_of

PLANT = disc((40, 50), 20, 25, 9)


def test_it_is_the_logit_of_two_normal_colours() -> None:
    rng = np.random.default_rng(0)
    inside = np.zeros((100, 200), np.bool_)
    inside[:, 100:] = True
    colours = np.array([[100.0, 90, 60], [90, 130, 60]])[inside.astype(int)]
    picture = (colours + rng.normal(0, 12, colours.shape)).clip(0, 255).astype(np.uint8)

    found = colour_likeness(picture, inside, ~inside)

    gap = np.array([-10.0, 40, 0]) / 12  # of the means, in deviations: the mean logit is gap^2 / 2
    assert float(found[inside].mean()) == np.float32(-found[~inside].mean())
    assert abs(float(found[inside].mean()) / (gap @ gap / 2) - 1) < 0.05
    assert np.mean((found > 0) == inside) > 0.9


def test_a_wrong_border_is_seen_by_its_colours() -> None:
    small, around = disc((40, 50), 20, 25, 7), ~disc((40, 50), 20, 25, 12)

    found = colour_likeness(picture_of(PLANT), small, around)

    assert ((found > 0) == PLANT).mean() > 0.99


def test_without_colours_to_compare_nothing_is_said() -> None:
    one = np.zeros(PLANT.shape, np.bool_)
    one.flat[: LEAST_PX - 1] = True

    assert not colour_likeness(picture_of(PLANT), one, ~PLANT).any()
    assert not colour_likeness(np.full((*PLANT.shape, 3), 90, np.uint8), PLANT, ~PLANT).any()

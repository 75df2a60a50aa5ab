"""The engine of the click network, with random weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.clicks.click import Click, ClickQuestion, ObjectProbability, PriorMap
from daemon.clicks.click_answer import mask_of
from daemon.hrda.click_net.click_engine import ClickNetEngine
from daemon.hrda.click_net.click_network import ClickNetwork
from tests.hrda.tiny import field

PX = 64
CPU = torch.device("cpu")


def engine(seed: int = 0) -> ClickNetEngine:
    torch.manual_seed(seed)
    return ClickNetEngine(ClickNetwork(), CPU, first_px=48, px=PX)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 95), st.integers(0, 95), st.booleans()), max_size=4))
def test_every_click_is_obeyed_and_answers_are_equal(places: list[tuple[int, int, bool]]) -> None:
    image, _ = field(np.random.default_rng(0))
    clicks = (Click(x=40, y=40), *(Click(x=x, y=y, positive=sign) for x, y, sign in places))
    previous = None
    one = engine()
    for count in range(1, len(clicks) + 1):
        question = ClickQuestion(image=image, clicks=clicks[:count], previous=previous)
        previous = one.segment(question)
        assert previous.values.tobytes() == one.segment(question).values.tobytes()

        inside = mask_of(previous, (96, 96))
        for row, click in enumerate(clicks[:count]):
            later = clicks[row + 1 : count]
            if all(max(abs(click.x - o.x), abs(click.y - o.y)) > 2 for o in later):
                assert inside[click.y, click.x] == click.positive


def test_a_click_beside_the_border_asks_no_network() -> None:
    image, _ = field(np.random.default_rng(0))
    values = np.zeros((96, 96), np.float32)
    values[30:50, 30:50] = 1
    previous = ObjectProbability(left=0, top=0, values=values)
    question = ClickQuestion(image=image, clicks=(Click(x=40, y=50),), previous=previous)

    answers = [engine(seed).segment(question) for seed in (0, 1)]

    assert answers[0].values.tobytes() == answers[1].values.tobytes()
    assert mask_of(answers[0], (96, 96))[50, 40]


def test_a_network_that_never_saw_a_prior_is_shown_none() -> None:
    image, _ = field(np.random.default_rng(0))
    prior = PriorMap(values=np.full((24, 24), 255, np.uint8), stride=4)
    question = ClickQuestion(image=image, clicks=(Click(x=40, y=40),), prior=prior)
    torch.manual_seed(0)
    net = ClickNetwork()

    answers = [
        ClickNetEngine(net, CPU, first_px=48, px=PX, knows_prior=knows).segment(asked)
        for knows in (True, False)
        for asked in (question, replace(question, prior=None))
    ]

    assert answers[0].values.tobytes() != answers[1].values.tobytes()
    assert answers[2].values.tobytes() == answers[3].values.tobytes()


def test_a_mask_at_the_border_of_its_crop_is_seen_in_a_larger_one() -> None:
    net = ClickNetwork()
    weights = net.state_dict()
    weights["decoder.last.1.weight"].zero_()
    weights["decoder.last.1.bias"].fill_(3.0)  # everything is inside
    image = np.zeros((200, 200, 3), np.uint8)

    found = ClickNetEngine(net, CPU, first_px=48, px=PX).segment(
        ClickQuestion(image=image, clicks=(Click(x=100, y=100),))
    )

    assert found.values.shape == (192, 192)  # 48, then 96, then 192 pixels


def test_a_large_image_is_answered_in_a_small_crop() -> None:
    image = np.zeros((700, 900, 3), np.uint8)
    question = ClickQuestion(image=image, clicks=(Click(x=899, y=0),))

    found = engine().segment(question)
    again = engine().segment(replace(question, clicks=(Click(x=0, y=699),)))

    assert found.left + found.values.shape[1] <= 900
    assert again.top + again.values.shape[0] <= 700


class Disks(ClickNetwork):
    """Says that the disks of positive clicks, of 5 pixels of its crop, are the object."""

    def forward(self, picture: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(maps[:, 1:2], 2) * 8 - 4


def test_a_small_first_mask_is_seen_in_a_smaller_crop() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    question = ClickQuestion(image=image, clicks=(Click(x=100, y=100),))

    found = ClickNetEngine(Disks(), CPU, first_px=96, px=PX).segment(question)

    inside = mask_of(found, (200, 200))
    assert inside.any(axis=0).sum() == pytest.approx(2 * 5 * 48 / PX, abs=1.5)  # not 96 / PX

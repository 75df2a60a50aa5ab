"""The click network in the small: loss, crops, samples, engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.clicks.click import Click, ClickQuestion, ObjectProbability, PriorMap
from daemon.clicks.click_answer import mask_of
from daemon.hrda.click_net.click_crops import (
    Crop,
    back_to_image,
    disks_in,
    part_in,
    picture_in,
    prior_in,
    probability_in,
)
from daemon.hrda.click_net.click_engine import ClickNetEngine
from daemon.hrda.click_net.click_loss import (
    ALPHA,
    GAMMA,
    focal_weights,
    normalised_focal_loss,
    soft_iou_loss,
)
from daemon.hrda.click_net.click_network import ClickNetwork
from daemon.hrda.click_net.click_samples import ClickSamples, chances_of, first_crop_px
from daemon.hrda.click_net.labeled_objects import LabeledPicture, objects_of
from daemon.hrda.click_net.simulated_clicks import next_click
from tests.hrda.tiny import field

PX = 64
CPU = torch.device("cpu")


def pictures(count: int = 3) -> list[LabeledPicture]:
    fields = [field(np.random.default_rng(seed)) for seed in range(count)]
    return [LabeledPicture(image=image, label=label) for image, label in fields]


def engine(seed: int = 0) -> ClickNetEngine:
    torch.manual_seed(seed)
    return ClickNetEngine(ClickNetwork(), CPU, first_px=48, px=PX)


# --- the loss


def crops(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 5, 6, generator=generator, dtype=torch.float64)
    target = (torch.rand(2, 5, 6, generator=generator) < 0.3).double()
    valid = (torch.rand(2, 5, 6, generator=generator) < 0.8).double()
    return logits, target, valid


def test_focal_weights_sum_to_the_number_of_valid_pixels() -> None:
    weights = focal_weights(*crops())

    assert torch.allclose(weights.sum((1, 2)), crops()[2].sum((1, 2)), rtol=1e-4)
    assert not weights[crops()[2] == 0].any()


def test_the_gradient_of_the_focal_loss_is_the_numeric_one() -> None:
    logits, target, valid = crops()
    probability = torch.sigmoid(torch.where(target > 0, logits, -logits))
    raw = (1 - probability) ** GAMMA * valid
    factor = valid.sum((1, 2), keepdim=True) / (raw.sum((1, 2), keepdim=True) + 1e-6)

    def with_that_factor(values: torch.Tensor) -> torch.Tensor:
        right = torch.sigmoid(torch.where(target > 0, values, -values))
        each = -ALPHA * factor * (1 - right) ** GAMMA * valid * torch.log(right)
        return (each.sum((1, 2)) / valid.sum((1, 2))).mean()

    asked = logits.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(normalised_focal_loss(asked, target, valid), asked)

    step = 1e-6
    for row, column in ((0, 0), (1, 3), (4, 5), (2, 2)):
        ends = []
        for sign in (1, -1):
            moved = logits.clone()
            moved[1, row, column] += sign * step
            ends.append(with_that_factor(moved))
        numeric = (ends[0] - ends[1]) / (2 * step)
        assert gradient[1, row, column].item() == pytest.approx(numeric.item(), abs=1e-7)


def test_pixels_without_a_label_change_no_loss() -> None:
    logits, target, valid = crops()
    other = torch.where(valid > 0, logits, logits * -7 + 3)

    for loss in (normalised_focal_loss, soft_iou_loss):
        assert loss(logits, target, valid).item() == pytest.approx(
            loss(other, target, valid).item()
        )


def test_the_soft_iou_of_a_perfect_answer_is_zero() -> None:
    _, target, valid = crops()

    assert soft_iou_loss((target * 2 - 1) * 40, target, valid).item() == pytest.approx(0, abs=1e-9)
    assert soft_iou_loss((1 - target * 2) * 40, target, valid).item() == pytest.approx(1, abs=1e-9)


# --- crops


@given(
    st.integers(-30, 60), st.integers(-30, 60), st.integers(4, 90), st.sampled_from([16, 32, 64])
)
def test_a_constant_answer_comes_back_exactly(left: int, top: int, side: int, px: int) -> None:
    crop = Crop(left=left, top=top, side=side)
    if left >= 50 or top >= 40 or left + side <= 0 or top + side <= 0:
        return

    found = back_to_image(crop, np.full((px, px), 0.75, np.float32), (40, 50))

    assert (found.values == 0.75).all()
    assert found.left >= 0
    assert found.top >= 0
    assert found.left + found.values.shape[1] <= 50
    assert found.top + found.values.shape[0] <= 40


@pytest.mark.parametrize("side", [70, 96, 130])
def test_a_disc_comes_back_within_a_pixel(side: int) -> None:
    y, x = np.mgrid[:140, :150]
    distance = np.hypot(x - 70, y - 66)
    disc = ObjectProbability(left=0, top=0, values=(distance <= 25).astype(np.float32))
    crop = Crop(left=70 - side // 2, top=66 - side // 2, side=side)

    seen = probability_in(crop, disc, 80)
    back = mask_of(back_to_image(crop, seen, (140, 150)), (140, 150))

    assert back[distance <= 24].all()
    assert not back[distance > 26.5].any()


def test_outside_of_the_image_the_crop_is_grey() -> None:
    image = np.full((20, 30, 3), 9, np.uint8)

    seen = picture_in(Crop(left=-10, top=0, side=20), image, 20)

    assert (seen[:, :10] == 127).all()
    assert (seen[:, 10:] == 9).all()


def test_a_click_is_a_disk_at_its_place() -> None:
    positive, negative = disks_in(Crop(left=10, top=20, side=32), [Click(x=26, y=36)], 64)

    rows, columns = np.nonzero(positive)
    assert (rows.mean(), columns.mean()) == pytest.approx((32.5, 32.5), abs=0.51)
    assert positive.sum() == pytest.approx(np.pi * 25, rel=0.1)
    assert not negative.any()


def test_no_prior_and_one_that_knows_nothing_look_alike() -> None:
    crop = Crop(left=3, top=4, side=40)
    unknown = PriorMap(values=np.full((10, 12), 127, np.uint8), stride=4)

    assert not prior_in(crop, None, 32).any()
    np.testing.assert_allclose(prior_in(crop, unknown, 32), 0, atol=0.003)


def test_a_prior_lies_where_the_picture_does() -> None:
    prior = PriorMap(values=np.zeros((20, 20), np.uint8), stride=4)
    prior.values[5:10, 8:12] = 255
    whole = np.kron(prior.values, np.ones((4, 4), np.uint8)).astype(np.float32) / 255 - 0.5
    crop = Crop(left=16, top=8, side=48)

    seen = prior_in(crop, prior, 48) > 0

    assert np.mean(seen == (part_in(crop, whole, -0.5) > 0)) > 0.97


# --- samples


def test_the_same_seed_draws_the_same_samples() -> None:
    drawn = []
    for _ in range(2):
        seen = pictures()
        samples = ClickSamples(
            seen, objects_of(seen, 3), first_px=48, px=PX, rng=np.random.default_rng(5)
        )
        drawn.append([samples.draw() for _ in range(20)])

    for one, other in zip(*drawn, strict=True):
        assert one.clicks == other.clicks
        np.testing.assert_array_equal(one.picture, other.picture)
        np.testing.assert_array_equal(one.target, other.target)


def test_first_clicks_lie_on_their_side_of_the_target() -> None:
    seen = pictures()
    samples = ClickSamples(
        seen, objects_of(seen, 3), first_px=48, px=PX, rng=np.random.default_rng(1)
    )

    for _ in range(200):
        one = samples.draw()
        assert one.clicks[0].positive
        for click in one.clicks:
            assert one.target[click.y, click.x] == click.positive
            assert one.valid[click.y, click.x]


def test_objects_are_the_parts_of_a_class_that_are_large_enough() -> None:
    label = np.zeros((40, 40), np.uint8)
    label[2:12, 2:12] = 1
    label[12:22, 12:22] = 1  # touches at a corner: the same object
    label[30:35, 30:35] = 1  # 25 pixels
    label[0:8, 20:40] = 2
    label[0:2] = 255

    found = objects_of([LabeledPicture(image=np.zeros((40, 40, 3), np.uint8), label=label)], 3)

    assert [(one.class_index, one.area_px) for one in found] == [(1, 200), (2, 120)]
    assert found[0].inside.shape == (20, 20)
    assert first_crop_px(found, 10) == 30


def test_a_rare_class_is_drawn_more_often_than_its_share() -> None:
    chances = chances_of([1] * 100 + [2])

    assert chances.sum() == pytest.approx(1)
    assert chances[-1] == pytest.approx(1 / 11)


def test_the_next_click_is_deep_in_the_larger_error() -> None:
    target = np.zeros((40, 40), np.bool_)
    target[10:30, 10:30] = True
    everywhere = np.ones((40, 40), np.bool_)
    rng = np.random.default_rng(0)

    click = next_click(~everywhere, target, everywhere, rng)

    assert click is not None
    assert click.positive
    assert 14 <= click.x < 26
    assert 14 <= click.y < 26
    assert next_click(target, target, everywhere, rng) is None
    unknown = everywhere & ~target
    assert next_click(~everywhere, target, unknown, rng) is None


# --- the engine


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
    torch.nn.init.zeros_(net.decoder.last[1].weight)
    torch.nn.init.constant_(net.decoder.last[1].bias, 3.0)  # everything is inside
    image = np.zeros((200, 200, 3), np.uint8)

    found = ClickNetEngine(net, CPU, first_px=48, px=PX).segment(
        ClickQuestion(image=image, clicks=(Click(x=100, y=100),))
    )

    assert found.values.shape == (108, 108)  # 48, then 72, then 108 pixels


def test_a_large_image_is_answered_in_a_small_crop() -> None:
    image = np.zeros((700, 900, 3), np.uint8)
    question = ClickQuestion(image=image, clicks=(Click(x=899, y=0),))

    found = engine().segment(question)
    again = engine().segment(replace(question, clicks=(Click(x=0, y=699),)))

    assert found.left + found.values.shape[1] <= 900
    assert again.top + again.values.shape[0] <= 700

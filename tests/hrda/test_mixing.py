from __future__ import annotations

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.hrda.augment.class_mix import (
    CUT_AREA,
    WeightedCrops,
    class_mask,
    cutmix_mask,
    foreground_masks,
    mix,
    region_masks,
)
from daemon.hrda.augment.colour_jitter import jitter, random_blur
from daemon.hrda.learning.logit_adjustment import adjust_logits, adjustment_strength, logit_bias
from daemon.hrda.learning.pseudo_labels import class_pseudo_labels, distribution_alignment
from tests.hrda.tiny import segmentor

ONE = torch.ones(3)


def probabilities() -> torch.Tensor:
    """(1, 3, 1, 4): two sure soil pixels, an unsure soil pixel, a sure weed pixel."""
    rows = [[0.99, 0.97, 0.6, 0.05], [0.005, 0.02, 0.3, 0.05], [0.005, 0.01, 0.1, 0.9]]
    return torch.tensor(rows).view(1, 3, 1, 4)


def test_the_weight_of_a_pixel_is_the_confidence_of_its_class() -> None:
    valid = torch.ones(1, 1, 4, dtype=torch.bool)

    said = class_pseudo_labels(probabilities(), valid, torch.tensor([0.95, 0.8, 0.8]), ONE)

    assert said.label.flatten().tolist() == [0, 0, 0, 2]
    assert torch.allclose(said.confidence, torch.tensor([2 / 3, 0.0, 1.0]))
    assert torch.allclose(said.weight.flatten(), torch.tensor([2 / 3, 2 / 3, 0.0, 1.0]))


def test_thresholds_of_zero_and_above_one_count_all_pixels_and_none() -> None:
    valid = torch.ones(1, 1, 4, dtype=torch.bool)

    assert (class_pseudo_labels(probabilities(), valid, ONE * 0, ONE).weight == 1).all()
    assert (class_pseudo_labels(probabilities(), valid, ONE * 1.1, ONE).weight == 0).all()


def test_padding_is_neither_labeled_nor_counted() -> None:
    valid = torch.tensor([[[True, True, False, True]]])

    said = class_pseudo_labels(probabilities(), valid, torch.tensor([0.95, 0.8, 0.8]), ONE)

    assert said.label.flatten().tolist() == [0, 0, 255, 2]
    assert said.confidence[0] == 1  # the unsure soil pixel was padding
    assert said.weight.flatten()[2] == 0


def test_alignment_favours_a_class_that_is_missed_within_its_limits() -> None:
    labeled, predicted = torch.tensor([0.8, 0.16, 0.04]), torch.tensor([0.8, 0.19, 0.0001])

    ratio = distribution_alignment(labeled, predicted, 1.0)

    assert torch.allclose(ratio, torch.tensor([1.0, 0.16 / 0.19, 4.0]))
    assert torch.allclose(distribution_alignment(labeled, predicted, 0.0), ONE)


def test_half_of_the_adjustment_is_applied_and_only_to_classes_that_were_trained() -> None:
    labeled, trained = torch.tensor([0.8, 0.16, 0.04, 0.0]), torch.tensor([0.4, 0.24, 0.36, 0.0])

    bias = logit_bias(labeled, trained, torch.full((4,), 0.5))

    ratios = [0.0, 0.5 * math.log((0.16 / 0.24) / 2), 0.5 * math.log((0.04 / 0.36) / 2), 0.0]
    assert torch.allclose(bias, torch.tensor(ratios), atol=1e-6)


def test_a_class_on_few_images_keeps_its_trained_prior() -> None:
    power = adjustment_strength(torch.tensor([0.0, 2.0, 24.0, 72.0]), 24)

    assert torch.allclose(power, torch.tensor([0.0, 1 / 13, 0.5, 0.75]))


def test_a_corrected_prior_shifts_the_fused_logits_by_itself() -> None:
    net = segmentor().eval()
    image, bias = torch.rand(1, 3, 64, 64) * 255, torch.tensor([0.0, -0.5, -1.5])

    with torch.no_grad():
        before = net.slide_inference(image, 32, 32).fused
        adjust_logits(net, bias)
        after = net.slide_inference(image, 32, 32).fused

    assert torch.allclose(after - before, bias.view(1, 3, 1, 1).expand_as(after), atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), classes=st.integers(1, 6))
def test_class_mix_takes_half_of_the_foreground_classes_whole(seed: int, classes: int) -> None:
    torch.manual_seed(seed)
    label = torch.randint(0, classes, (16, 16))
    label[0] = 255
    present = {int(i) for i in label.unique()} - {0, 255}

    mask = class_mask(label)

    chosen = {int(i) for i in label[mask].unique()}
    assert len(chosen) == math.ceil(len(present) / 2)
    assert chosen <= present
    assert all(mask[label == index].all() for index in chosen)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_cut_mix_boxes_keep_to_their_area(seed: int) -> None:
    torch.manual_seed(seed)

    mask = cutmix_mask(64, 96)

    share = float(mask.float().mean())
    assert CUT_AREA[0] * 0.9 <= share <= CUT_AREA[1] * 1.1
    rows, columns = mask.any(1).sum(), mask.any(0).sum()
    assert int(rows * columns) == int(mask.sum())  # one rectangle


def test_a_crop_without_foreground_gets_a_box() -> None:
    torch.manual_seed(0)

    masks = foreground_masks(torch.zeros(4, 32, 32, dtype=torch.long), class_mix=1.0)

    assert masks.flatten(1).any(1).all()


def test_mixing_takes_image_label_and_weight_from_the_same_side() -> None:
    mask = torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(0)) > 0.5
    ones, zeros = torch.ones(2, 8, 8), torch.zeros(2, 8, 8)
    labeled = WeightedCrops(image=torch.full((2, 3, 8, 8), 9.0), label=ones.long(), weight=ones)
    other = WeightedCrops(image=torch.zeros(2, 3, 8, 8), label=zeros.long(), weight=ones * 0.3)

    mixed = mix(mask, labeled, other)

    assert torch.equal(mixed.weight, torch.where(mask, 1.0, 0.3))
    assert torch.equal(mixed.label, mask.long())
    assert torch.equal(mixed.image[:, 0], mask * 9.0)


def test_jitter_of_strength_zero_changes_nothing() -> None:
    image = torch.rand(2, 3, 16, 16) * 255

    assert torch.equal(jitter(image, 0.0), image)
    assert torch.equal(random_blur(image, 0.0), image)


def test_jitter_stays_in_range_and_differs_between_images() -> None:
    torch.manual_seed(0)
    image = (torch.rand(1, 3, 16, 16) * 255).expand(2, 3, 16, 16)

    jittered = jitter(image, 0.5)

    assert jittered.min() >= 0
    assert jittered.max() <= 255
    assert not torch.allclose(jittered[0], jittered[1])


def test_blur_keeps_a_flat_image_and_the_mean() -> None:
    torch.manual_seed(0)
    flat = torch.full((1, 3, 32, 32), 80.0)
    spot = flat.clone()
    spot[..., 16, 16] = 200

    assert torch.allclose(random_blur(flat, 1.0), flat, atol=1e-3)
    assert torch.allclose(random_blur(spot, 1.0).mean(), spot.mean(), atol=1e-2)


def test_regions_are_all_the_foreground_and_nothing_else() -> None:
    label = torch.tensor([[[0, 1, 255], [2, 0, 1]], [[0, 0, 255], [0, 0, 0]]])

    assert region_masks(label).long().tolist() == [[[0, 1, 0], [1, 0, 1]], [[0, 0, 0], [0, 0, 0]]]

"""The published pieces, one by one: each behind a setting, each with its invariant."""

from __future__ import annotations

import math

import pytest
import torch

from daemon.hrda.augment.class_mix import classmix_masks
from daemon.hrda.augment.masking import mask_blocks, visible_blocks
from daemon.hrda.augment.strong_augmentation import (
    hsv_to_rgb,
    kernel_size,
    rgb_to_hsv,
    strongly_augmented,
)
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.learning.feature_distance import FeatureDistance, class_cells
from daemon.hrda.learning.losses import LossWeights, cross_entropy, hrda_loss
from daemon.hrda.learning.pseudo_labels import batch_pseudo_labels, without_border_rows
from daemon.hrda.learning.teacher import Teacher
from daemon.hrda.network.heads import fuse_scales
from daemon.hrda.network.hrda import build_segmentor
from daemon.hrda.network.windows import random_detail_box
from tests.hrda.tiny import learner, minibatch, segmentor, tiny

ALIKE = torch.ones(3)


@pytest.mark.parametrize("fusion", ["conv1", "sepaspp", "aspp"])
def test_every_fusion_gives_logits_at_a_quarter_of_the_crop(fusion: str) -> None:
    net = segmentor(fusion=fusion).eval()

    with torch.no_grad():
        fused = net.slide_inference(torch.rand(1, 3, 64, 64) * 255, 32, 32).fused

    assert fused.shape == (1, 3, 16, 16)


def test_one_attention_map_does_for_all_classes() -> None:
    net = segmentor(attention_classwise=False)
    context, detail = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 16, 16)
    single = torch.rand(1, 1, 8, 8)

    alike = fuse_scales(context, single.expand_as(context), detail, None)

    assert net.attention.head.conv_seg.out_channels == 1
    assert torch.allclose(fuse_scales(context, single, detail, None), alike)


def test_the_context_loss_is_that_of_the_raw_context() -> None:
    net, label = segmentor(), torch.randint(0, 3, (2, 64, 64))
    logits = net(minibatch().image, random_detail_box(64, 64, 32))

    losses = hrda_loss(logits, label, LossWeights(detail=0.1, context=0.2), ALIKE)

    alone = float(cross_entropy(logits.context, label, ALIKE))
    assert float(losses["context"]) == pytest.approx(0.2 * alone)
    assert float(losses["fused"]) == pytest.approx(
        0.7 * float(cross_entropy(logits.fused, label, ALIKE))
    )


def test_over_all_pixels_the_unlabeled_ones_thin_the_loss_out() -> None:
    logits, label = torch.randn(1, 3, 4, 4), torch.zeros(1, 4, 4, dtype=torch.long)
    label[:, 2:] = 255

    over_all = cross_entropy(logits, label, ALIKE, mean_over="all")

    assert float(over_all) == pytest.approx(float(cross_entropy(logits, label, ALIKE)) / 2)
    assert float(cross_entropy(logits, torch.full_like(label, 255), ALIKE, mean_over="all")) == 0


def test_the_published_detail_box_never_reaches_the_end() -> None:
    seed_all(0)
    boxes = [random_detail_box(1024, 1024, 512, "published") for _ in range(2000)]

    assert {max(box.y for box in boxes), max(box.x for box in boxes)} == {504}
    assert random_detail_box(512, 512, 512, "published").y == 0


def test_one_weight_for_the_minibatch_is_the_share_of_confident_valid_pixels() -> None:
    sure, unsure = [0.98, 0.01, 0.01], [0.3, 0.3, 0.4]
    probability = torch.tensor([sure, sure, unsure, sure]).T.reshape(1, 3, 1, 4)
    valid = torch.tensor([[[True, True, True, False]]])

    said = batch_pseudo_labels(probability, valid, ALIKE * 0.968, ALIKE)

    assert said.label.flatten().tolist() == [0, 0, 2, 255]
    assert torch.allclose(said.weight.flatten(), torch.tensor([2 / 3, 2 / 3, 2 / 3, 0.0]))
    everything = batch_pseudo_labels(probability, valid, ALIKE * 0, ALIKE)
    assert float(everything.confidence[0]) == 1


def test_rows_at_the_borders_have_no_weight() -> None:
    weight = without_border_rows(torch.ones(2, 8, 4), 1, 3)

    assert weight[:, :, 0].tolist() == [[0, 1, 1, 1, 1, 0, 0, 0]] * 2


def test_class_mix_as_published_draws_among_all_values_of_the_minibatch() -> None:
    labels = torch.zeros(2, 8, 8, dtype=torch.long)
    labels[0, :4], labels[1, :2] = 1, 255  # 0, 1 and 255: two of three are drawn
    drawn = set()
    for seed in range(40):
        seed_all(seed)
        masks = classmix_masks(labels)
        for label, mask in zip(labels, masks, strict=True):
            for value in label.unique():
                assert len(mask[label == value].unique()) == 1  # whole regions
            drawn |= {int(value) for value in label[mask].unique()}

    assert drawn == {0, 1, 255}


def test_a_teacher_with_norms_of_its_own_averages_weights_only() -> None:
    student = segmentor()
    teacher = Teacher(student, 0.9, "batch")
    before = teacher.net.encoder.stem_norm.running_mean.clone()
    student.encoder.stem_norm.running_mean.fill_(4.0)
    student.decoder.conv_seg.weight.data.fill_(1.0)

    teacher.update(student)
    kept = teacher.net.encoder.stem_norm.running_mean.clone()
    teacher.logits(minibatch().unlabeled, 32, 16)

    assert torch.equal(kept, before)
    assert not torch.equal(teacher.net.encoder.stem_norm.running_mean, kept)
    assert not any(module.training for module in teacher.net.modules())
    assert float(teacher.net.decoder.conv_seg.weight.mean()) > 0.4
    assert teacher.net.chunk == student.chunk


def test_hue_saturation_and_value_are_those_of_the_standard_library() -> None:
    import colorsys

    picture = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0))
    picture[:, 0, 0] = 0.5  # gray

    hsv = rgb_to_hsv(picture)

    for y in range(4):
        for x in range(4):
            expected = colorsys.rgb_to_hsv(*picture[:, y, x].tolist())
            assert hsv[:, y, x].tolist() == pytest.approx(expected, abs=1e-5)
    assert torch.allclose(hsv_to_rgb(hsv), picture, atol=1e-6)


def test_published_jitter_of_strength_zero_without_blur_changes_nothing() -> None:
    settings = tiny(strong_law="published", mixed_jitter=0.0, blur=0.0)
    image = minibatch().image

    assert torch.equal(strongly_augmented(image, settings), image)
    assert [kernel_size(side) for side in (256, 512, 640, 1024)] == [25, 51, 63, 103]


def test_published_jitter_and_blur_stay_in_range_and_leave_the_input_alone() -> None:
    settings = tiny(strong_law="published", mixed_jitter=0.5, jitter_chance=1.0, blur=1.0)
    image = minibatch().image
    before = image.clone()
    seed_all(0)

    changed = strongly_augmented(image, settings)

    assert 0 <= changed.min() <= changed.max() <= 255
    assert torch.equal(image, before)
    assert not torch.allclose(changed, image)


def test_hidden_blocks_have_their_size_and_their_share() -> None:
    seed_all(0)

    visible = visible_blocks(64, 64, 64, 16, 0.7)

    blocks = visible.float().view(64, 4, 16, 4, 16).mean(dim=(2, 4))
    assert set(blocks.unique().tolist()) == {0.0, 1.0}
    assert float(visible.float().mean()) == pytest.approx(0.3, abs=0.05)
    image = mask_blocks(torch.ones(2, 3, 64, 64), 16, 0.7, torch.full((1, 3, 1, 1), 9.0))
    assert torch.equal(image[:, 0], image[:, 2])  # the same for all channels
    assert set(image.unique().tolist()) == {1.0, 9.0}


def test_masked_consistency_adds_terms_that_its_weight_scales() -> None:
    changes = {"unlabeled_start": 0.0, "unlabeled_ramp": 0.0, "threshold_background": 0.0,
               "threshold_foreground": 0.0, "dropout": 0.0, "clip_norm": 0.0}  # fmt: skip
    without, once = learner(**changes), learner(**changes, masked_weight=1.0)
    twice = learner(**changes, masked_weight=2.0)
    gradients = []
    for one in (without, once, twice):
        one.student.encoder.drop_connect = 0.0
        seed_all(1)
        report = one.step(minibatch(), 0)
        gradients.append(one.student.decoder.conv_seg.bias.grad.clone())

    assert {"masked_fused", "masked_detail"} <= set(report)
    scaled = gradients[2] - gradients[0]
    assert torch.allclose(scaled, 2 * (gradients[1] - gradients[0]), atol=1e-6)
    assert float(scaled.abs().max()) > 1e-4


def test_cells_belong_to_a_class_that_fills_enough_of_them() -> None:
    label = torch.zeros(1, 8, 8, dtype=torch.long)
    label[0, :4, :4], label[0, :3, 4:], label[0, 4:, :2] = 1, 2, 1  # all, 3/4 and half of a cell
    label[0, 4:, 4:] = 255

    cells = class_cells(label, (2, 2), 3, (1, 2), 0.75)

    assert cells.tolist() == [[[True, True], [False, False]]]


def test_the_feature_distance_is_zero_at_first_and_without_things() -> None:
    net = segmentor(encoder_weights="").eval()
    net.load_imagenet()
    image, label = minibatch().image, torch.ones(2, 64, 64, dtype=torch.long)
    distance = FeatureDistance(net)

    with torch.no_grad():
        deepest = net(image, random_detail_box(64, 64, 32)).deepest
        same, further = distance(image, deepest, label), distance(image, deepest + 1, label)

    assert float(same) == pytest.approx(0, abs=1e-3)
    assert float(further) == pytest.approx(math.sqrt(320), rel=1e-3)
    assert float(distance(image, deepest, label * 0)) == 0


def test_presets_with_published_settings_take_a_step() -> None:
    for preset in ("paper", "supervisely"):
        one = learner(preset=preset, encoder="efficientnet_lite0", optimizer="sgd")
        seed_all(0)

        report = one.step(minibatch(), 0)

        assert {"labeled_fused", "mixed_fused"} <= set(report)
        assert all(math.isfinite(value) for value in report.values())


def test_published_decay_spares_the_norms_of_the_encoder_alone() -> None:
    net = build_segmentor(tiny(no_decay="encoder_norms"), 3)
    one = learner(no_decay="encoder_norms")
    decays = {id(p): g["weight_decay"] for g in one.optimizer.param_groups for p in g["params"]}

    spared = {n for n, p in one.student.named_parameters() if decays[id(p)] == 0}

    norms = {n for n, m in net.named_modules() if isinstance(m, torch.nn.BatchNorm2d)}
    expected = {f"{n}.{part}" for n in norms if n.startswith("encoder.")
                for part in ("weight", "bias")}  # fmt: skip
    assert spared == expected

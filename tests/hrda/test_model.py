from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from daemon.domain.errors import RunFailed
from daemon.hrda.inference.whole_images import predict_image
from daemon.hrda.learning.losses import (
    LossWeights,
    class_weights,
    cross_entropy,
    dice_loss,
    hrda_loss,
)
from daemon.hrda.network.heads import fuse_scales, resize
from daemon.hrda.network.hrda import Logits
from daemon.hrda.network.windows import Box, random_detail_box, sliding_windows
from tests.hrda.tiny import field, segmentor

ALIKE = torch.ones(3)


def maps(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits of a 128 pixel context at 1/8 and of a detail as large at 1/4."""
    generator = torch.Generator().manual_seed(seed)
    context = torch.rand(2, 3, 16, 16, generator=generator)
    return context, torch.rand(2, 3, 32, 32, generator=generator)


def test_attention_zero_leaves_the_context_alone() -> None:
    context, detail = maps()

    fused = fuse_scales(context, torch.zeros_like(context), detail, None)

    assert torch.allclose(fused, resize(context, (32, 32)), atol=1e-6)


def test_attention_one_without_a_box_leaves_the_detail_alone() -> None:
    context, detail = maps()

    fused = fuse_scales(context, torch.ones_like(context), detail, None)

    assert torch.allclose(fused, detail, atol=1e-6)


def test_attention_one_takes_the_detail_inside_the_box_and_the_context_outside() -> None:
    context, detail = maps()
    box = Box(32, 40, 64, 64)  # 8..24 and 10..26 on the fused grid
    inside = detail[..., :16, :16]

    fused = fuse_scales(context, torch.ones_like(context), inside, box)

    ring = fused[..., 9:23, 11:25]  # one cell less on each side
    assert torch.allclose(ring, inside[..., 1:-1, 1:-1], atol=1e-6)
    plain = resize(context, (32, 32))
    assert torch.allclose(fused[..., :6, :], plain[..., :6, :], atol=1e-6)
    assert torch.allclose(fused[..., :, 28:], plain[..., :, 28:], atol=1e-6)


def test_fixed_attention_of_a_half_averages_the_scales() -> None:
    context, detail = maps()

    fused = fuse_scales(context, torch.full_like(context, 0.5), detail, None)

    assert torch.allclose(fused, (resize(context, (32, 32)) + detail) / 2, atol=1e-6)
    assert not list(segmentor(fixed_attention=0.5).attention.parameters())


def test_attention_has_no_gradient_outside_the_box() -> None:
    context, detail = maps()
    attention = torch.full_like(context, 0.3).requires_grad_()

    fuse_scales(context, attention, detail[..., :16, :16], Box(32, 40, 64, 64)).sum().backward()

    assert attention.grad is not None
    assert attention.grad[..., 4:12, 5:13].abs().min() > 0
    attention.grad[..., 4:12, 5:13] = 0
    assert attention.grad.abs().max() == 0


def test_detail_boxes_lie_on_the_grid_and_reach_both_ends() -> None:
    torch.manual_seed(0)
    boxes = [random_detail_box(1024, 1024, 512) for _ in range(2000)]

    starts = {box.y for box in boxes} | {box.x for box in boxes}

    assert all(start % 8 == 0 for start in starts)
    assert min(starts) == 0
    assert max(starts) == 512  # the original law stops at 504


@pytest.mark.parametrize(("height", "width"), [(128, 128), (192, 64), (64, 320)])
def test_sliding_windows_cover_every_pixel(height: int, width: int) -> None:
    covered = torch.zeros(height, width)
    for box in sliding_windows(height, width, 64, 32):
        box.crop(covered).add_(1)

    assert covered.min() >= 1


def test_sliding_inference_of_a_constant_net_is_constant() -> None:
    net = segmentor().eval()
    net.decoder.conv_seg.weight.data.zero_()
    net.decoder.conv_seg.bias.data = torch.tensor([1.0, 2.0, 3.0])

    with torch.no_grad():
        fused = net.slide_inference(torch.rand(1, 3, 128, 64) * 255, 32, 16).fused

    assert torch.allclose(fused, torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1).expand_as(fused))


def test_chunks_change_nothing() -> None:
    net = segmentor().eval()
    image = torch.rand(2, 3, 128, 128) * 255

    with torch.no_grad():
        at_once = net.slide_inference(image, 32, 16).fused
        net.chunk = 1
        one_by_one = net.slide_inference(image, 32, 16).fused

    assert torch.allclose(at_once, one_by_one, atol=1e-5)


def test_sizes_off_the_grid_are_refused_and_padded_by_inference() -> None:
    net = segmentor().eval()

    with pytest.raises(ValueError, match="multiples of 64"):
        net.slide_inference(torch.zeros(1, 3, 100, 64), 32, 32)
    prediction = predict_image(net, np.zeros((75, 101, 3), np.uint8))

    assert prediction.mask().shape == (75, 101)
    assert prediction.logits.shape == (3, 19, 26)
    assert np.linalg.norm(prediction.embedding) == pytest.approx(1, abs=1e-5)


def test_images_larger_than_a_window_are_predicted_in_full() -> None:
    net = segmentor().eval()

    prediction = predict_image(net, field(np.random.default_rng(0), 300)[0])

    assert prediction.mask().shape == (300, 300)
    assert torch.isfinite(prediction.logits).all()


class Cramped(nn.Module):
    """An encoder in a memory that holds so many images at once."""

    def __init__(self, encoder: nn.Module, images: int) -> None:
        super().__init__()
        self.encoder, self.images = encoder, images

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        if len(image) > self.images:
            raise torch.OutOfMemoryError("no room")
        return tuple(self.encoder(image))


def test_short_memory_means_smaller_chunks_and_the_same_answer() -> None:
    net = segmentor().eval()
    image = field(np.random.default_rng(0), 128)[0]
    plain = predict_image(net, image)

    net.encoder = Cramped(net.encoder, images=3)
    cramped = predict_image(net, image)

    assert net.chunk == 2  # 16, 8, 4, 2
    assert torch.allclose(plain.logits, cramped.logits, atol=1e-5)


def test_too_little_memory_is_an_error_that_names_the_image() -> None:
    net = segmentor().eval()
    net.encoder = Cramped(net.encoder, images=0)

    with pytest.raises(RunFailed, match="out of memory on an image of 70x90 pixels"):
        predict_image(net, np.zeros((70, 90, 3), np.uint8))


def test_the_detail_loss_uses_the_labels_of_its_box() -> None:
    label = torch.zeros(1, 64, 64, dtype=torch.long)
    label[:, 32:, 32:] = 1
    sure = torch.tensor([-9.0, 9.0, -9.0]).view(1, 3, 1, 1)  # says class 1 everywhere
    logits = {"fused": sure.expand(1, 3, 16, 16), "detail": sure.expand(1, 3, 8, 8)}
    none = torch.zeros(1, 3, 8, 8)
    logits |= {"context": none, "attention": none, "deepest": none}

    right = Logits(**logits, box=Box(32, 32, 32, 32))
    wrong = Logits(**logits, box=Box(0, 0, 32, 32))

    assert hrda_loss(right, label, LossWeights(detail=0.1), ALIKE)["detail"] < 1e-3
    assert hrda_loss(wrong, label, LossWeights(detail=0.1), ALIKE)["detail"] == pytest.approx(
        0.1 * 18, rel=1e-3
    )


def test_the_detail_share_moves_the_loss_linearly() -> None:
    torch.manual_seed(0)
    label = torch.randint(0, 3, (1, 64, 64))
    logits = Logits(
        fused=torch.randn(1, 3, 16, 16),
        detail=torch.randn(1, 3, 8, 8),
        context=torch.randn(1, 3, 8, 8),
        attention=torch.zeros(1, 3, 8, 8),
        deepest=torch.zeros(1, 3, 2, 2),
        box=Box(8, 8, 32, 32),
    )

    total = [
        float(sum(hrda_loss(logits, label, LossWeights(detail=share), ALIKE).values()))
        for share in (0.0, 0.1, 0.2)
    ]

    assert total[0] == pytest.approx(float(cross_entropy(logits.fused, label, ALIKE)))
    assert total[2] - total[1] == pytest.approx(total[1] - total[0], abs=1e-5)


def test_cross_entropy_is_the_mean_over_labeled_pixels() -> None:
    logits = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    label = torch.full((1, 4, 4), 255)
    label[0, 0, :2] = torch.tensor([1, 2])
    weight = torch.zeros(1, 4, 4)
    weight[0, 0, 0] = 0.5
    classes = torch.tensor([1.0, 2.0, 4.0])

    loss = cross_entropy(logits, label, classes, weight)

    by_hand = -0.5 * 2 * logits[0, :, 0, 0].log_softmax(0)[1] / (2 + 4)  # weights of both
    assert float(loss) == pytest.approx(float(by_hand), rel=1e-5)


def test_labels_of_255_only_give_zero_and_no_gradient() -> None:
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    label = torch.full((1, 16, 16), 255)

    loss = cross_entropy(logits, label, ALIKE) + dice_loss(logits, label)
    loss.backward()

    assert loss.item() == 0
    assert logits.grad is not None
    assert float(logits.grad.abs().max()) == 0


def test_class_weights_follow_the_inverse_frequency_within_limits() -> None:
    share = torch.tensor([0.64, 0.04, 0.0001, 0.0])

    assert torch.allclose(class_weights(share, 0.5), torch.tensor([1.0, 4.0, 10.0, 1.0]))
    assert torch.allclose(class_weights(share, 0.0), torch.ones(4))


def test_dice_is_zero_for_a_perfect_and_near_one_for_a_blind_prediction() -> None:
    label = torch.zeros(1, 16, 16, dtype=torch.long)
    label[:, :8] = 1
    perfect = nn.functional.one_hot(label, 3).permute(0, 3, 1, 2).float() * 40
    blind = torch.zeros(1, 3, 16, 16)
    blind[:, 0] = 40

    assert float(dice_loss(perfect, label)) == pytest.approx(0, abs=1e-5)
    assert float(dice_loss(blind, label)) > 0.95

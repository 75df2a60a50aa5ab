"""The training step of HRDA with DACS, in the order of the published code."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tests.hrda.plain.network import Box, Net
from tests.hrda.plain.views import augment, draw_box, draw_masks


class PlainLearner:
    """Student, teacher, ImageNet encoder and AdamW, from a segmentor of ours and its settings."""

    def __init__(self, ours: Any) -> None:
        self.settings = ours.settings
        self.student = Net(ours)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.imagenet = copy.deepcopy(self.student.encoder).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(self.groups(), betas=(0.9, 0.999), foreach=False)

    def step(self, minibatch: Any, iteration: int) -> dict[str, float]:
        s, image, label = self.settings, minibatch.image, minibatch.label
        self.update_teacher(iteration)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(group["base"], iteration)
        self.student.train()
        self.optimizer.zero_grad()

        box = draw_box(image.shape[2], s.detail_px)
        output = self.student.train_pass(image, box)
        ones = torch.ones(label.shape)
        losses = {f"labeled_{k}": v for k, v in self.two_losses(output, label, ones, box).items()}
        if s.feature_distance:
            losses |= self.distance(image, label, output.features[-1])
        sum(losses.values(), start=torch.zeros(())).backward()

        pseudo, weight = self.pseudo_labels(minibatch.unlabeled)
        label = label[: len(pseudo)]
        masks = draw_masks(label)
        mixed, target, belief = mixtures(masks, image, minibatch.unlabeled, label, pseudo, weight)
        mixed = augment(mixed, s.mixed_jitter, s.jitter_chance, s.blur)
        box = draw_box(image.shape[2], s.detail_px)
        both = self.two_losses(self.student.train_pass(mixed, box), target, belief, box)
        sum(both.values(), start=torch.zeros(())).backward()
        losses |= {f"mixed_{k}": v for k, v in both.items()}
        self.optimizer.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def two_losses(self, output: Any, label: Tensor, weight: Tensor, box: Box) -> dict[str, Tensor]:
        y, x, height, width = box
        inside = label[:, y : y + height, x : x + width]
        part = weight[:, y : y + height, x : x + width]
        share = self.settings.detail_loss
        return {
            "fused": (1 - share) * cross_entropy(output.fused, label, weight),
            "detail": share * cross_entropy(output.detail, inside, part),
        }

    @torch.no_grad()
    def pseudo_labels(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Labels, and the share of sure pixels of the minibatch as everyone's weight."""
        s = self.settings
        published = s.teacher_norms == "batch"
        self.teacher.eval()
        for module in self.teacher.modules():
            if isinstance(module, nn.BatchNorm2d) and published:
                module.train()
        stride = s.detail_window_px // 2 if s.teacher_overlap else s.detail_window_px
        window = min(s.detail_window_px, image.shape[2])
        logits = self.teacher.slide(image, window, stride, together=published)
        logits = interpolate(logits, image.shape[2:], mode="bilinear", align_corners=False)
        confidence, label = torch.softmax(logits, dim=1).max(dim=1)
        quality = float((confidence >= s.threshold_background).float().mean())
        return label, torch.full(label.shape, quality)

    @torch.no_grad()
    def update_teacher(self, iteration: int) -> None:
        """Before iteration t >= 1: teacher <- a teacher + (1 - a) student; parameters only."""
        if iteration == 0:
            return
        alpha = min(1 - 1 / (iteration + 1), self.settings.alpha)
        for mine, new in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            mine.copy_(alpha * mine + (1 - alpha) * new)
        if self.settings.teacher_norms == "ema":
            for mine, new in zip(self.teacher.buffers(), self.student.buffers(), strict=True):
                mine.copy_(alpha * mine + (1 - alpha) * new)

    def distance(self, image: Tensor, label: Tensor, deepest: Tensor) -> dict[str, Tensor]:
        """Mean L2 distance to ImageNet's features over the cells that a thing fills."""
        s = self.settings
        x = self.student.normalised(image)
        half = interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)
        with torch.no_grad():
            anchor = self.imagenet(half)[-1]
        cell = label.shape[1] // deepest.shape[2]
        found = []
        for row in range(len(label)):
            for y in range(deepest.shape[2]):
                for x0 in range(deepest.shape[3]):
                    part = label[row, y * cell : (y + 1) * cell, x0 * cell : (x0 + 1) * cell]
                    value, count = part.flatten().mode().values, 0
                    count = int((part == value).sum())
                    if int(value) not in (0, 255) and count >= s.feature_ratio * cell * cell:
                        gap = deepest[row, :, y, x0] - anchor[row, :, y, x0]
                        found.append(gap.pow(2).sum().sqrt())
        return {"labeled_distance": s.feature_distance * torch.stack(found).mean()} if found else {}

    def rate(self, base: float, iteration: int) -> float:
        """Poly of power 1 from the first iteration on, times the linear warm-up of mmcv 0.x."""
        s = self.settings
        rate = (base - s.learning_rate_least) * (1 - iteration / s.iterations)
        rate += s.learning_rate_least
        warmup = round(s.warmup * s.iterations)
        if iteration < warmup:
            rate *= 1 - (1 - iteration / warmup) * (1 - s.warmup_ratio)
        return rate

    def groups(self) -> list[dict[str, Any]]:
        """Heads ten times faster; no decay for the encoder's norms."""
        s, groups = self.settings, []
        for name, module in self.student.named_modules():
            head = not name.startswith("encoder")
            norm = isinstance(module, nn.BatchNorm2d | nn.LayerNorm)
            for parameter in module.parameters(recurse=False):
                rate = s.learning_rate * (s.head_rate if head else 1)
                decay = 0.0 if norm and not head else s.weight_decay
                groups.append({"params": [parameter], "lr": rate, "base": rate,
                               "weight_decay": decay})  # fmt: skip
        return groups


def cross_entropy(logits: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Mean over all pixels of weight times -log p of the label; 0 at a pixel of 255."""
    logits = interpolate(logits, label.shape[1:], mode="bilinear", align_corners=False)
    known = label != 255
    log_p = torch.log_softmax(logits, dim=1)
    chosen = log_p.gather(1, torch.where(known, label, 0).unsqueeze(1)).squeeze(1)
    return (-chosen * known * weight).mean()


def mixtures(
    masks: Tensor, labeled: Tensor, unlabeled: Tensor, label: Tensor, pseudo: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    images, labels, weights = [], [], []
    for row, mask in enumerate(masks):
        images.append(torch.where(mask, labeled[row], unlabeled[row]))
        labels.append(torch.where(mask, label[row], pseudo[row]))
        weights.append(torch.where(mask, torch.ones(()), weight[row]))
    return torch.stack(images), torch.stack(labels), torch.stack(weights)

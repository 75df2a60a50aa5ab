"""One training iteration: supervised pass, teacher, mixed pass, masked pass, step, average.

DACS (Tranheden et al., WACV 2021) around HRDA, with one graph alive at a time: gradients of the
passes add up, so memory is that of the largest one. What each piece is in the papers stands in
README.md, "Paper and code".
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from daemon.domain import IGNORE
from daemon.hrda.augment import colour_jitter
from daemon.hrda.augment.class_mix import Mixed, all_class_masks, mix, mix_masks
from daemon.hrda.augment.masking import hide
from daemon.hrda.augment.strong import strong
from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.distributed import ALONE
from daemon.hrda.learning.feature_distance import FeatureDistance
from daemon.hrda.learning.losses import Law, class_weights, dice, two_scales
from daemon.hrda.learning.memory import TooLittleMemory, ran_out_of_memory
from daemon.hrda.learning.optimizer import build_optimizer, set_rates, unlabeled_weight
from daemon.hrda.learning.pseudo_labels import PSEUDO, alignment, disbelieve_borders
from daemon.hrda.learning.teacher import Teacher
from daemon.hrda.network.segmentor import Logits, Segmentor
from daemon.hrda.network.windows import detail_box
from daemon.hrda.settings import Settings

SHARE_MEMORY = 0.95  # of the running class shares of the teacher on unlabeled crops


class Learner:
    """Student, teacher and optimizer.

    labeled_share: (C,) pixel shares of the labels. labeled_images: (C,) how many labeled images
    hold each class.
    """

    def __init__(
        self, student: Segmentor, settings: Settings, labeled_share: Tensor, labeled_images: Tensor
    ) -> None:
        self.student, self.settings = student, settings
        self.teacher = Teacher(student, settings.alpha, settings.teacher_norms)
        self.distance = FeatureDistance(student) if settings.feature_distance else None
        self.law = Law(
            detail=settings.detail_loss, context=settings.context_loss, over=settings.loss_over
        )
        self.optimizer = build_optimizer(student, settings)
        self.labeled_share, self.labeled_images = labeled_share, labeled_images
        self.class_weights = class_weights(labeled_share, settings.class_balance)
        self.predicted_share = labeled_share.clone()
        self.trained_pixels = torch.zeros_like(labeled_share)  # by class, times its weight
        self.skipped = 0
        self.rate = 1.0  # of the learning rates; lower after a warm start
        self.ranks = ALONE
        self.places = settings.minibatch  # labeled crops in memory at once
        self.halved = 0  # how often that was too many

    def step(self, minibatch: Minibatch, iteration: int) -> dict[str, float]:
        """Learn from one minibatch; the losses and signs by name.

        A loss that is not finite changes nothing but `skipped`.
        """
        set_rates(self.optimizer, iteration, self.settings, self.rate)
        self.student.train()
        self.optimizer.zero_grad(set_to_none=True)
        before = [tensor.clone() for tensor in self._running()]
        report: dict[str, float] = {}
        memory: BaseException | None = None
        try:
            report = self._passes(minibatch, iteration)
        except (RuntimeError, MemoryError) as exc:
            if not ran_out_of_memory(exc):
                raise
            memory = exc.with_traceback(None)  # its frames hold the graph
        finite = all(math.isfinite(value) for value in report.values())
        short, broken = self.ranks.any(memory is not None, not finite, device=before[0].device)
        if short:
            self._forget(before)
            raise TooLittleMemory(str(memory or "another process ran out of memory")) from memory
        if not broken:
            self._meet(minibatch.shares()[0])
        if not broken and math.isfinite(self._clip()):
            self.optimizer.step()
            self.teacher.update(self.student)
        else:
            self.skipped += 1
            self._forget(before)
        return report

    def _passes(self, minibatch: Minibatch, iteration: int) -> dict[str, float]:
        """Add up the gradients of all passes, part by part; losses are means over the parts."""
        weight = unlabeled_weight(iteration, self.settings)
        report: dict[str, float] = {}
        for part in minibatch.parts(self.places):
            losses = self._supervised(part)
            if weight and len(part.unlabeled):
                losses |= self._unlabeled(part, weight)
            share = len(part.image) / len(minibatch.image)
            for name, value in losses.items():
                report[name] = report.get(name, 0.0) + value * share
        return report

    def _running(self) -> list[Tensor]:
        """What an iteration changes beside the weights."""
        own = self.teacher.net.buffers() if self.teacher.norms == "batch" else ()
        return [self.predicted_share, self.trained_pixels, *self.student.buffers(), *own]

    @torch.no_grad()
    def _meet(self, share: float) -> None:
        """Bring the processes together: gradients added up, running numbers averaged."""
        if self.ranks.count == 1:
            return
        running = self._running()
        means = [tensor.double() * share for tensor in running]
        learnt = [p for p in self.student.parameters() if p.requires_grad]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in learnt]
        self.ranks.add_up(gradients)
        self.ranks.add_up(means)
        for parameter, gradient in zip(learnt, gradients, strict=True):
            parameter.grad = gradient
        for tensor, mean in zip(running, means, strict=True):
            tensor.copy_(mean if tensor.is_floating_point() else mean.round())

    @torch.no_grad()
    def _forget(self, before: list[Tensor]) -> None:
        """Undo the iteration: no gradients, and running numbers as they were."""
        self.optimizer.zero_grad(set_to_none=True)
        for tensor, old in zip(self._running(), before, strict=True):
            tensor.copy_(old)

    def _supervised(self, minibatch: Minibatch) -> dict[str, float]:
        settings = self.settings
        self._count(minibatch.label)
        image = colour_jitter.jitter(minibatch.image, settings.labeled_jitter)
        logits = self._seen(image)
        losses = two_scales(logits, minibatch.label, self.law, self.class_weights)
        if settings.dice_loss:
            losses["dice"] = settings.dice_loss * dice(logits.fused, minibatch.label)
        if self.distance is not None:
            distance = self.distance(image, logits.deepest, minibatch.label)
            if distance is not None:
                losses["distance"] = settings.feature_distance * distance
        return _backward(losses, "labeled", minibatch.shares()[0])

    def _seen(self, image: Tensor) -> Logits:
        """What the student says, with a detail window drawn anew."""
        height, width = image.shape[2:]
        box = detail_box(height, width, self.settings.detail_px, self.settings.detail_boxes)
        logits: Logits = self.student(image, box)
        return logits

    def _count(self, label: Tensor) -> None:
        counts = torch.bincount(label.flatten(), minlength=IGNORE + 1)[: len(self.class_weights)]
        self.trained_pixels += counts / label.numel() * self.class_weights

    def trained_share(self) -> Tensor:
        """(C,): share of each class in what the supervised loss saw, weights included."""
        return self.trained_pixels / self.trained_pixels.sum().clamp(min=1e-9)

    def _unlabeled(self, minibatch: Minibatch, weight: float) -> dict[str, float]:
        """The passes that the teacher's word is for."""
        pseudo, signs = self._taught(minibatch)
        weight *= minibatch.shares()[1]
        signs |= self._mixed(minibatch, pseudo, weight)
        if self.settings.masked_weight:
            signs |= self._masked(pseudo, weight * self.settings.masked_weight)
        return signs

    def _mixed(self, minibatch: Minibatch, pseudo: Mixed, weight: float) -> dict[str, float]:
        image, label = (part[: len(pseudo.label)] for part in (minibatch.image, minibatch.label))
        labeled = Mixed(image=image, label=label, weight=torch.ones_like(pseudo.weight))
        mixed = mix(self._mask(label), labeled, pseudo)
        logits = self._seen(strong(mixed.image, self.settings))
        losses = two_scales(logits, mixed.label, self.law, self.class_weights, mixed.weight)
        return _backward(losses, "mixed", weight)

    def _mask(self, label: Tensor) -> Tensor:
        if self.settings.mix_classes == "all":
            return all_class_masks(label)
        return mix_masks(label, self.settings.class_mix)

    def _masked(self, pseudo: Mixed, weight: float) -> dict[str, float]:
        """The unlabeled crops with blocks hidden; the context must say what is behind them."""
        settings, fill = self.settings, self.student.mean
        image = strong(pseudo.image, settings)
        image = hide(image, settings.masked_block_px, settings.masked_ratio, fill)
        losses = two_scales(
            self._seen(image), pseudo.label, self.law, self.class_weights, pseudo.weight
        )
        return _backward(losses, "masked", weight)

    @torch.no_grad()
    def _taught(self, minibatch: Minibatch) -> tuple[Mixed, dict[str, float]]:
        """The unlabeled crops with the teacher's word, at full resolution."""
        settings, image = self.settings, minibatch.unlabeled
        detail = settings.detail_window_px
        stride = detail // 2 if settings.teacher_overlap else detail
        logits = self.teacher.logits(image, detail, stride)
        probability = nn.functional.interpolate(
            logits, image.shape[2:], mode="bilinear", align_corners=False
        ).softmax(dim=1)
        ratio = alignment(self.labeled_share, self.predicted_share, settings.prior_alignment)
        thresholds = thresholds_of(settings, len(ratio)).to(image.device)
        believed = PSEUDO[settings.pseudo_weight]
        pseudo = believed(probability, minibatch.valid, thresholds, ratio)
        if torch.isfinite(pseudo.share).all():
            self.predicted_share.lerp_(pseudo.share, 1 - SHARE_MEMORY)
        signs = {f"sure_{row}": float(value) for row, value in enumerate(pseudo.confidence)}
        weight = disbelieve_borders(
            pseudo.weight, settings.ignore_top_px, settings.ignore_bottom_px
        )
        return Mixed(image=image, label=pseudo.label, weight=weight), signs

    def _clip(self) -> float:
        """The norm of the gradient, after which it is at most clip_norm (0: no limit)."""
        most = self.settings.clip_norm or math.inf
        return float(nn.utils.clip_grad_norm_(self.student.parameters(), most))


def thresholds_of(settings: Settings, classes: int) -> Tensor:
    """(C,): how sure the teacher must be of a pixel."""
    thresholds = torch.full((classes,), settings.threshold_foreground)
    thresholds[0] = settings.threshold_background
    return thresholds


def _backward(losses: Mapping[str, Tensor], name: str, weight: float) -> dict[str, float]:
    total = weight * sum(losses.values(), start=torch.zeros(()).to(_device(losses)))
    total.backward()
    return {f"{name}_{part}": float(value.detach()) for part, value in losses.items()}


def _device(losses: Mapping[str, Tensor]) -> torch.device:
    return next(iter(losses.values())).device

"""HRDA's training iteration: `Learner.step` and `Learner.backward` are the method.

DACS (Tranheden et al., WACV 2021) around HRDA (Hoyer, Dai, Van Gool, ECCV 2022), with one graph
alive at a time: the gradients of the losses add up, so memory is that of the largest one. On a GPU
an iteration never waits for the device: losses stay there until they are read, and what depends on
their values is decided there. METHOD.md has the paper of each piece. What is not part of the method
lies elsewhere: undoing an iteration (rollback.py), several processes (gradient_reduction.py), short
memory (microbatches.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from daemon.config.learner import Settings
from daemon.hrda.augment.class_mix import (
    WeightedCrops,
    classmix_masks,
    foreground_masks,
    mix,
    region_masks,
)
from daemon.hrda.augment.colour_jitter import jitter
from daemon.hrda.augment.masking import mask_blocks
from daemon.hrda.augment.strong_augmentation import strongly_augmented
from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.distributed import SINGLE_PROCESS
from daemon.hrda.learning.agreement import at_pixels, second_view, views_agree
from daemon.hrda.learning.class_counts import class_counts
from daemon.hrda.learning.feature_distance import FeatureDistance
from daemon.hrda.learning.gradient_reduction import reduce_gradients
from daemon.hrda.learning.loss_report import LossReport
from daemon.hrda.learning.losses import LossWeights, class_weights, dice_loss, hrda_loss
from daemon.hrda.learning.optimizer import (
    build_optimizer,
    optimize,
    set_learning_rates,
    starts_unlabeled,
    unlabeled_weight,
)
from daemon.hrda.learning.pseudo_labels import (
    confidence_thresholds,
    distribution_alignment,
    without_border_rows,
)
from daemon.hrda.learning.pseudo_selection import given_labels, selection
from daemon.hrda.learning.reliability import (
    MEASURED_EVERY,
    confusion_of,
    running,
    unreliable_classes,
)
from daemon.hrda.learning.rollback import Attempt
from daemon.hrda.learning.teacher import Teacher
from daemon.hrda.network.heads import resize
from daemon.hrda.network.segmentor import Logits, Segmentor
from daemon.hrda.network.windows import random_detail_box

SHARE_MOMENTUM = 0.95  # of the running class shares of the teacher on unlabeled crops


class Learner:
    """Student, teacher and optimizer.

    labeled_share: (C,) pixel shares of the labels. labeled_images: (C,) how many labeled images
    hold each class. rate_factor:
    of the learning rates; lower after a warm start. crops_at_once: labeled crops in memory
    together. halvings: how often that was too many.
    """

    def __init__(
        self, student: Segmentor, settings: Settings, labeled_share: Tensor, labeled_images: Tensor
    ) -> None:
        self.student, self.settings = student, settings
        self.teacher = Teacher(student, settings.alpha, settings.teacher_norms)
        self.feature_distance = FeatureDistance(student) if settings.feature_distance else None
        self.loss_weights = LossWeights.of(settings)
        self.optimizer = build_optimizer(student, settings)
        self.labeled_share, self.labeled_images = labeled_share, labeled_images
        self.class_weights = class_weights(labeled_share, settings.class_balance)
        self.predicted_share = labeled_share.clone()
        self.trained_pixels = torch.zeros_like(labeled_share)  # by class, times its weight
        self.confusion = labeled_share.new_zeros(len(labeled_share), len(labeled_share))
        self.thresholds = confidence_thresholds(settings, len(labeled_share)).to(labeled_share)
        self.skip_counts = torch.zeros(2, dtype=torch.int64, device=labeled_share.device)
        self.halvings = 0
        self.rate_factor = 1.0
        self.ranks = SINGLE_PROCESS
        self.crops_at_once = settings.minibatch

    @property
    def skipped(self) -> int:
        """Iterations whose losses or gradients were not finite. Waits for the device."""
        return int(self.skip_counts[0])

    @property
    def skipped_in_a_row(self) -> int:
        """How many of them are the newest ones. Waits for the device."""
        return int(self.skip_counts[1])

    def step(self, minibatch: Minibatch, iteration: int) -> LossReport:
        """Learn from one minibatch; the losses and the teacher's confidences by name.

        A loss or a gradient that is not finite changes nothing but `skipped`. Raises OutOfMemory,
        with everything undone.
        """
        set_learning_rates(self.optimizer, iteration, self.settings, self.rate_factor)
        if self.settings.teacher_restart and starts_unlabeled(iteration, self.settings):
            self.teacher.restart(self.student)
        self.student.train()
        self.optimizer.zero_grad(set_to_none=True)
        attempt = Attempt(self.optimizer, self.running_state(), self.ranks)
        losses = attempt.run(lambda: self.backward(minibatch, iteration))
        fraction = minibatch.fractions()[0]
        reduce_gradients(self.student, self.running_state(), fraction, self.ranks)
        finite = attempt.finite & torch.isfinite(self.clip_gradients())
        attempt.restore(keep=finite)
        optimize(self.optimizer, finite)
        self.ema_update(finite)
        self.count_skipped(~finite)
        return losses

    def backward(self, minibatch: Minibatch, iteration: int) -> LossReport:
        """Add up the gradients of all losses, some crops at a time; means over these parts."""
        given = minibatch.pool_label is not None  # in a second round, from the beginning
        weight = (
            self.settings.unlabeled_weight if given else unlabeled_weight(iteration, self.settings)
        )
        report: dict[str, Tensor] = {}
        for part in minibatch.parts(self.crops_at_once):
            labeled, unlabeled = part.fractions()
            losses = add_gradients(self.labeled_loss(part), "labeled", labeled)
            if weight and len(part.unlabeled):
                gated = self.settings.reliable_precision and not given
                if gated and iteration % MEASURED_EVERY == 0:
                    self.measure_precision(part)
                pseudo, confidence = self.pseudo_label(part, iteration)
                losses |= {f"sure_{c}": value for c, value in enumerate(confidence)}
                losses |= add_gradients(self.mixed_loss(part, pseudo), "mixed", weight * unlabeled)
                if masked := self.settings.masked_weight:
                    losses |= add_gradients(
                        self.masked_loss(pseudo), "masked", weight * unlabeled * masked
                    )
            fraction = len(part.image) / len(minibatch.image)
            for name, value in losses.items():
                report[name] = report.get(name, 0.0) + value * fraction
        return LossReport(report)

    def labeled_loss(self, crops: Minibatch) -> dict[str, Tensor]:
        """Cross-entropy on both scales, Dice and the feature distance of labeled crops."""
        settings, label = self.settings, crops.label
        self.count_trained_pixels(label)
        image = jitter(crops.image, settings.labeled_jitter)
        logits = self.student_logits(image)
        losses = hrda_loss(logits, label, self.loss_weights, self.class_weights)
        if settings.dice_loss:
            losses["dice"] = settings.dice_loss * dice_loss(logits.fused, label)
        if self.feature_distance is not None:
            distance = self.feature_distance(image, logits.deepest, label)
            losses["distance"] = settings.feature_distance * distance
        return losses

    @torch.no_grad()
    def pseudo_label(self, crops: Minibatch, iteration: int = 0) -> tuple[WeightedCrops, Tensor]:
        """The unlabeled crops with the teacher's labels and weights at full resolution, and (C,)
        its confidence in each class (DACS; HRDA, section 3.4)."""
        settings, image = self.settings, crops.unlabeled
        if crops.pool_label is not None:
            return given_labels(image, crops.pool_label, len(self.thresholds))
        result = self.teacher.predict(image, *self.teacher_windows())
        probability = resize(result.fused, image.shape[2:]).softmax(dim=1)
        ratio = distribution_alignment(
            self.labeled_share, self.predicted_share, settings.prior_alignment
        )
        unreliable = unreliable_classes(self.confusion, self.labeled_share, settings)
        select = selection(settings, iteration, self.thresholds, unreliable)
        pseudo = select(probability, crops.valid, ratio)
        share = self.predicted_share.lerp(pseudo.share, 1 - SHARE_MOMENTUM)
        finite = torch.isfinite(pseudo.share).all()
        self.predicted_share.copy_(torch.where(finite, share, self.predicted_share))
        weight = without_border_rows(
            pseudo.weight, settings.ignore_top_px, settings.ignore_bottom_px
        )
        if result.scales_agree is not None:
            weight = weight * at_pixels(result.scales_agree, weight.shape[1:])
        if settings.views_agree:
            view = second_view(image, settings.labeled_jitter)
            other = self.teacher.logits(view, *self.teacher_windows())
            weight = weight * views_agree(probability, other, ratio)
        return WeightedCrops(image=image, label=pseudo.label, weight=weight), pseudo.confidence

    @torch.no_grad()
    def measure_precision(self, crops: Minibatch) -> None:
        """Add the teacher's predictions of labeled crops, before they are learned from, to the
        running confusion."""
        result = self.teacher.net.slide_inference(crops.image, *self.teacher_windows())
        predicted = resize(result.fused, crops.label.shape[1:]).argmax(dim=1)
        found = confusion_of(crops.label, predicted, len(self.confusion))
        self.confusion.copy_(running(self.confusion, found, crops.fractions()[0]))

    def teacher_windows(self) -> tuple[int, int]:
        """The side and the stride of the teacher's detail windows, pixels."""
        window = self.settings.detail_window_px
        return window, window // 2 if self.settings.teacher_overlap else window

    def mixed_loss(self, crops: Minibatch, pseudo: WeightedCrops) -> dict[str, Tensor]:
        """Cross-entropy on both scales of labeled crops mixed into unlabeled ones (DACS)."""
        count = len(pseudo.label)
        label, values = crops.label[:count], crops.label_values()[:count]
        labeled = WeightedCrops(
            image=crops.image[:count], label=label, weight=torch.ones_like(pseudo.weight)
        )
        if self.settings.mix_classes == "all":
            mask = classmix_masks(label, values)
        elif self.settings.mix_classes == "regions":
            mask = region_masks(label)
        else:
            mask = foreground_masks(label, self.settings.class_mix, values)
        mixed = mix(mask, labeled, pseudo)
        logits = self.student_logits(strongly_augmented(mixed.image, self.settings))
        return hrda_loss(logits, mixed.label, self.loss_weights, self.class_weights, mixed.weight)

    def masked_loss(self, pseudo: WeightedCrops) -> dict[str, Tensor]:
        """The same of unlabeled crops with hidden blocks: the context has to tell what is there.

        MIC (Hoyer, Dai, Wang, Van Gool, CVPR 2023), section 3.
        """
        settings = self.settings
        image = strongly_augmented(pseudo.image, settings)
        image = mask_blocks(
            image, settings.masked_block_px, settings.masked_ratio, self.student.mean
        )
        return hrda_loss(
            self.student_logits(image),
            pseudo.label,
            self.loss_weights,
            self.class_weights,
            pseudo.weight,
        )

    def ema_update(self, finite: Tensor) -> None:
        """teacher <- alpha teacher + (1 - alpha) student, unless the iteration is skipped."""
        self.teacher.update(self.student, finite)

    def student_logits(self, image: Tensor) -> Logits:
        """The student's logits of (B, 3, H, W) crops, with a detail window at a random position."""
        height, width = image.shape[2:]
        settings = self.settings
        box = random_detail_box(height, width, settings.detail_px, settings.detail_boxes)
        logits: Logits = self.student(image, box)
        return logits

    def clip_gradients(self) -> Tensor:
        """Limit the norm of the gradient to clip_norm (0: no limit); the norm before, on the
        device."""
        most = self.settings.clip_norm or math.inf
        return nn.utils.clip_grad_norm_(self.student.parameters(), most)

    def count_skipped(self, skipped: Tensor) -> None:
        """Count this iteration if it was skipped: bool, 0-dimensional, on the device."""
        self.skip_counts[0] += skipped
        self.skip_counts[1] = (self.skip_counts[1] + 1) * skipped

    def count_trained_pixels(self, label: Tensor) -> None:
        """Note the classes of (B, H, W) labels that the labeled loss is computed on."""
        counts = class_counts(label, len(self.class_weights))
        self.trained_pixels += counts / label.numel() * self.class_weights

    def trained_share(self) -> Tensor:
        """(C,): share of each class in the labeled losses so far, class weights included."""
        return self.trained_pixels / self.trained_pixels.sum().clamp(min=1e-9)

    def running_state(self) -> list[Tensor]:
        """The tensors that an iteration changes beside the weights."""
        own = self.teacher.net.buffers() if self.teacher.norms == "batch" else ()
        shares = [self.predicted_share, self.trained_pixels, self.confusion]
        return [*shares, *self.student.buffers(), *own]


def add_gradients(losses: Mapping[str, Tensor], name: str, weight: float) -> dict[str, Tensor]:
    """Add the gradients of the weighted sum of the losses; the losses themselves, unweighted."""
    device = next(iter(losses.values())).device
    total = weight * sum(losses.values(), start=torch.zeros((), device=device))
    total.backward()
    return {f"{name}_{part}": value.detach() for part, value in losses.items()}

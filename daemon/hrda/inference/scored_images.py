"""Everything that a model says of images, in one pass over them; no map of pixels is kept.

All of it is computed on the device for a whole pass, and comes back in one copy. The measures are
described in strategies/base.py (`Pool`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from daemon.hrda.data.image_files import Picture
from daemon.hrda.inference.framing import framed
from daemon.hrda.inference.last_layer import gradient_size, gradients, projected
from daemon.hrda.inference.measures import (
    Cells,
    border,
    class_share,
    divergence,
    largest_mean,
    objects,
    uncertainties,
)
from daemon.hrda.inference.passes import in_passes
from daemon.hrda.inference.whole_images import (
    WindowSums,
    embedding_size,
    padded_size,
    window_of,
    windows,
)
from daemon.hrda.network.heads import STRIDE, resize
from daemon.hrda.network.segmentor import BranchResult, Segmentor
from daemon.hrda.network.windows import Box

Columns = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How a pool is scored.

    temperature: fitted on validation; it divides the logits before every uncertainty. student: the
    second model of teacher_disagreement, with its own temperature; None leaves that out.
    """

    temperature: float = 1.0
    student: Segmentor | None = None
    student_temperature: float = 1.0


def columns_of(net: Segmentor, scoring: Scoring) -> dict[str, tuple[int, ...]]:
    """Column -> its shape for one image; the fields of `daemon.runs.run_folder.Scores`."""
    classes: int = net.decoder.num_classes
    embedding = embedding_size(net.settings)
    found: dict[str, tuple[int, ...]] = {
        "embeddings": (embedding,),
        "uncertainty": (),
        "class_share": (classes,),
        "margin": (),
        "least_confidence": (),
        "foreground_uncertainty": (),
        "class_uncertainty": (classes,),
        "border": (),
        "foreground_embeddings": (embedding,),
        "gradients": (gradient_size(classes, net.decoder.conv_seg.in_channels),),
        "objects": (classes,),
    }
    if net.settings.architecture == "hrda":
        found["scale_disagreement"] = ()
    if scoring.student is not None:
        found["teacher_disagreement"] = ()
    return found


@dataclass(frozen=True, kw_only=True)
class ScoredImage:
    """What came back of one image. label: (h, w), the predicted class of each cell."""

    numbers: Columns
    label: npt.NDArray[np.uint8]
    classes: int

    def columns(self) -> Columns:
        """All columns: its regions are counted here, on the CPU."""
        return {**self.numbers, "objects": objects(self.label, self.classes)}


@torch.no_grad()
def score_images(net: Segmentor, images: Sequence[Picture], scoring: Scoring) -> list[ScoredImage]:
    """The scores of images of one size, several in a pass, framed as in training.

    Where memory is short, with fewer windows in a pass from then on. Raises OutOfMemory when one
    image with one window at a time does not fit.
    """
    size = (images[0].shape[0], images[0].shape[1])
    pictures, seen = framed(net.settings, images)
    return in_passes(net, pictures, size, lambda some: _scored(net, some, seen, scoring))


def _scored(
    net: Segmentor, images: Sequence[Picture], seen: tuple[int, int], scoring: Scoring
) -> list[ScoredImage]:
    """Of framed pictures of one size; seen: the (h, w) in their corner that is the image."""
    size = (images[0].shape[0], images[0].shape[1])
    sums = WindowSums.of(net, len(images), size, seen, net.mean.device)
    branches = _BranchSums.of(sums, scoring.temperature)
    boxes, stride = windows(net, size)
    for box in boxes:
        x = window_of(images, net.mean, box)
        result = net.branch_inference(x, net.settings.detail_window_px, stride)
        sums.add(box, result)
        cells = branches.add(box, result)
    logits = sums.logits()
    if len(boxes) > 1:
        cells = Cells.of(logits, scoring.temperature)
    label = cells.label.unflatten(1, logits.shape[2:])
    columns = {
        "embeddings": sums.embeddings(),
        **uncertainties(cells),
        "class_share": class_share(cells.label, logits.shape[1]),
        "border": border(label),
        **branches.columns(),
    }
    if scoring.student is not None:
        columns["teacher_disagreement"] = _of_student(net, images, seen, scoring, cells)
    return _copied_back(columns, label, logits.shape[1])


def _of_student(
    net: Segmentor,
    images: Sequence[Picture],
    seen: tuple[int, int],
    scoring: Scoring,
    cells: Cells,
) -> Tensor:
    """(B,) teacher_disagreement: a second pass, with the student."""
    student, size = scoring.student, (images[0].shape[0], images[0].shape[1])
    if student is None:
        raise ValueError("no student was given; check scoring.student first")
    student.chunk = net.chunk
    sums = WindowSums.of(student, len(images), size, seen, net.mean.device)
    boxes, stride = windows(student, size)
    for box in boxes:
        x = window_of(images, student.mean, box)
        sums.add(box, student.slide_inference(x, student.settings.detail_window_px, stride))
    probability = (sums.logits().flatten(2) / scoring.student_temperature).softmax(dim=1)
    return largest_mean(divergence(cells.probability, probability))


@dataclass
class _BranchSums:
    """What the context windows of a pass say of branches, foreground and last layer.

    scale: (B, H/4, W/4), sums of the divergence of the branches; None where there is one. windows:
    how many were added. foreground: (B, d) each, sums of the two deepest maps over the predicted
    foreground. gradients: (B, C·W), sums over the windows.
    """

    sums: WindowSums
    temperature: float
    windows: int = 0
    scale: Tensor | None = None
    foreground: list[Tensor] = field(default_factory=list)
    gradients: Tensor | None = None

    @classmethod
    def of(cls, sums: WindowSums, temperature: float) -> _BranchSums:
        return cls(sums=sums, temperature=temperature)

    def add(self, box: Box, result: BranchResult) -> Cells:
        """Add a context window; returns the cells of the image in it, without the padding."""
        rows, columns = (
            min(side // STRIDE, -(-shown // STRIDE) - start // STRIDE)
            for side, shown, start in zip(
                (box.height, box.width), self.sums.seen, (box.y, box.x), strict=True
            )
        )
        cells = Cells.of(result.fused[:, :, :rows, :columns], self.temperature)
        self.windows += 1
        self._add_gradients(result, cells, columns)
        self._add_foreground(result, cells.label.unflatten(1, (rows, columns)))
        self._add_divergence(box, result)
        return cells

    def columns(self) -> dict[str, Tensor]:
        """The columns of all windows, (B, ...) each."""
        parts = [nn.functional.normalize(part, dim=1) for part in self.foreground]
        found = {"foreground_embeddings": nn.functional.normalize(torch.cat(parts, dim=1), dim=1)}
        if self.gradients is not None:
            found["gradients"] = projected(self.gradients / self.windows)
        if self.scale is not None:
            rows, columns = (-(-side // STRIDE) for side in self.sums.seen)
            apart = (self.scale / self.sums.counts)[:, :rows, :columns]
            found["scale_disagreement"] = largest_mean(apart.flatten(1))
        return found

    def _add_gradients(self, result: BranchResult, cells: Cells, columns: int) -> None:
        chosen = cells.most_uncertain
        classes = cells.probability.shape[1]
        p = cells.probability.gather(2, chosen.unsqueeze(1).expand(-1, classes, -1))
        slopes = p.transpose(1, 2) - nn.functional.one_hot(cells.label.gather(1, chosen), classes)
        found = gradients(result, slopes, (chosen // columns, chosen % columns))
        self.gradients = found if self.gradients is None else self.gradients + found

    def _add_foreground(self, result: BranchResult, label: Tensor) -> None:
        foreground = result.fused.new_zeros(len(label), 1, *result.fused.shape[2:])
        foreground[:, 0, : label.shape[1], : label.shape[2]] = label != 0
        found = []
        for maps in result.features[-2:]:
            places = (maps.shape[2], maps.shape[3])
            share = nn.functional.adaptive_avg_pool2d(foreground, places)
            found.append((maps.flatten(2) @ share.flatten(2).transpose(1, 2)).squeeze(2))
        before = self.foreground or [torch.zeros_like(part) for part in found]
        self.foreground = [one + other for one, other in zip(before, found, strict=True)]

    def _add_divergence(self, box: Box, result: BranchResult) -> None:
        if result.context is None:
            return
        detail = result.detail.logits / self.temperature
        context = resize(result.context.logits, detail.shape[2:]) / self.temperature
        if self.scale is None:
            cells = [side // STRIDE for side in padded_size(self.sums.size)]
            self.scale = detail.new_zeros(len(detail), *cells)
        apart = divergence(context.softmax(dim=1), detail.softmax(dim=1))
        box.crop(self.scale, STRIDE).add_(apart)


def _copied_back(columns: Mapping[str, Tensor], label: Tensor, classes: int) -> list[ScoredImage]:
    """The columns of each image and its predicted classes (B, h, w) on the CPU, in one copy."""
    flat = [column.float().reshape(len(label), -1) for column in columns.values()]
    numbers = torch.cat(flat, dim=1)
    content = torch.cat([numbers.view(torch.uint8), label.flatten(1).to(torch.uint8)], dim=1)
    copied = content.cpu().numpy()
    floats = np.ascontiguousarray(copied[:, : 4 * numbers.shape[1]]).view(np.float32)
    labels = copied[:, 4 * numbers.shape[1] :].reshape(label.shape)
    ends = np.cumsum([part.shape[1] for part in flat])[:-1]
    shapes = [column.shape[1:] for column in columns.values()]
    return [
        ScoredImage(
            numbers={
                name: part.reshape(shape)
                for name, shape, part in zip(columns, shapes, np.split(row, ends), strict=True)
            },
            label=labels[number],
            classes=classes,
        )
        for number, row in enumerate(floats)
    ]

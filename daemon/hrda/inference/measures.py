"""How unsure a model is of images, for a whole pass at once, on its device: one row an image.

A cell is one place of the decoder's grid, 4x4 pixels; an image has n of them. Each measure takes
the mean over its own most uncertain 5 % of the cells, at least one. Where a measure looks at the
cells of one predicted class, or of the foreground, it takes 5 % of these; without any it is 0.
strategies/base.py (`Pool`) describes them, tests/hrda/plain/measures.py computes them slowly.

Entropy, margin, least confidence: Settles, Active Learning Literature Survey, 2009, section 3.1;
over a top share of the pixels: van Marrewijk et al. 2024, arXiv 2404.02580. Disagreement: Lin,
Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37, 1991.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

MOST_UNCERTAIN = 0.05  # share of the cells whose mean is the uncertainty of the image
CONNECTIVITY = 4  # cells of one region share an edge


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The predictions of B images of one size, cell by cell.

    probability: (B, C, n), of logits divided by the temperature. label: (B, n), the most probable
    class. entropy: (B, n) in [0, 1], largest first. order: (B, n), the cells in that order.
    """

    probability: Tensor
    label: Tensor
    entropy: Tensor
    order: Tensor

    @classmethod
    def of(cls, logits: Tensor, temperature: float) -> Cells:
        """logits: (B, C, h, w)."""
        flat = logits.flatten(2)
        log_p = (flat / temperature).log_softmax(dim=1)
        probability = log_p.exp()
        entropy = -(probability * log_p).sum(dim=1) / np.log(max(2, logits.shape[1]))
        ordered, order = entropy.sort(dim=1, descending=True, stable=True)
        return cls(probability=probability, label=flat.argmax(1), entropy=ordered, order=order)

    @property
    def most_uncertain(self) -> Tensor:
        """(B, k): the 5 % of the cells with the largest entropy."""
        return self.order[:, : most(self.order.shape[1])]


def most(cells: int) -> int:
    """How many cells are 5 % of them, at least one."""
    return max(1, round(MOST_UNCERTAIN * cells))


def largest_mean(values: Tensor) -> Tensor:
    """(B,): mean of the largest 5 % of the values (B, n), which lie in [0, 1] but for rounding."""
    return values.topk(most(values.shape[1]), dim=1).values.mean(dim=1).clamp(0, 1)


def uncertainties(cells: Cells) -> dict[str, Tensor]:
    """Every measure of the probabilities alone, by the name of its column: (B,) or (B, C)."""
    classes = cells.probability.shape[1]
    label = cells.label.gather(1, cells.order)  # the most uncertain cell first
    by_class = [_mean_within(cells.entropy, label == row) for row in range(classes)]
    return {
        "uncertainty": cells.entropy[:, : most(label.shape[1])].mean(dim=1).clamp(0, 1),
        **_of_largest_probabilities(cells),
        "foreground_uncertainty": _mean_within(cells.entropy, label != 0),
        "class_uncertainty": torch.stack(by_class, dim=1),
    }


def _of_largest_probabilities(cells: Cells) -> dict[str, Tensor]:
    """Margin and least confidence; 0 with one class."""
    p, classes = cells.probability, cells.probability.shape[1]
    if classes == 1:
        return {"margin": p.new_zeros(len(p)), "least_confidence": p.new_zeros(len(p))}
    first = cells.label.unsqueeze(1)
    largest = p.gather(1, first).squeeze(1)
    second = p.scatter(1, first, -1.0).amax(dim=1)
    return {
        "margin": largest_mean(1 - (largest - second)),
        "least_confidence": largest_mean((1 - largest) / (1 - 1 / classes)),
    }


def _mean_within(ordered: Tensor, inside: Tensor) -> Tensor:
    """(B,): mean of the largest 5 % of the values that are inside, at least one; 0 of none.

    ordered: (B, n), the largest first. inside: (B, n).
    """
    rank = inside.cumsum(dim=1)
    count = rank[:, -1:]
    taken = (MOST_UNCERTAIN * count.double()).round().long().clamp(min=1)
    total = (ordered * (inside & (rank <= taken))).sum(dim=1)
    return (total / taken.squeeze(1)).clamp(0, 1)


def divergence(first: Tensor, second: Tensor) -> Tensor:
    """(B, h, w) in [0, 1]: Jensen-Shannon divergence in bits of probabilities (B, C, h, w)."""
    apart = torch.special.entr(first).sum(dim=1) + torch.special.entr(second).sum(dim=1)
    together = torch.special.entr((first + second) / 2).sum(dim=1)
    return (together - apart / 2) / np.log(2)


def class_share(label: Tensor, classes: int) -> Tensor:
    """(B, C): share of the cells predicted as each class. label: (B, n)."""
    counts = torch.stack([(label == row).sum(dim=1) for row in range(classes)], dim=1)
    return counts / counts.sum(dim=1, keepdim=True)


def border(label: Tensor) -> Tensor:
    """(B,): share of the cells that share an edge with a cell of another predicted class.

    label: (B, h, w).
    """
    beside = torch.zeros_like(label, dtype=torch.bool)
    across, down = label[:, :, 1:] != label[:, :, :-1], label[:, 1:] != label[:, :-1]
    beside[:, :, 1:] |= across
    beside[:, :, :-1] |= across
    beside[:, 1:] |= down
    beside[:, :-1] |= down
    return beside.flatten(1).float().mean(dim=1)


def objects(label: npt.NDArray[np.uint8], classes: int) -> npt.NDArray[np.float32]:
    """(C,): number of connected regions of each predicted class. label: (h, w).

    OpenCV takes a quarter of the time of scipy.ndimage.label: 0.08 ms for 96x96 cells of a class.
    """
    found = np.zeros(classes, np.float32)
    for value in np.flatnonzero(np.bincount(label.ravel(), minlength=classes)):
        inside = (label == value).view(np.uint8)
        found[value] = cv2.connectedComponents(inside, connectivity=CONNECTIVITY)[0] - 1
    return found

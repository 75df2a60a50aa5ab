"""The gradient of the last layer for the labels that the model itself predicts (BADGE).

Ash et al., Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds, ICLR 2020,
arXiv 1906.03671: its length says how unsure the model is, its direction of what. There an image
has one label; here it has the mean of the cells that the model is most unsure of. With the loss
-log p_y of the predicted label y, row c of a cell's gradient, of the weights (C, W), is

    (p_c - [c = y]) * (up((1 - a_c) x_context) + up(a_c) x_detail),

since the fused logits are the last layer applied to the inputs x of both branches, weighed by the
attention a; with one scale x alone. p is calibrated; the factor 1/T of its derivative is left out.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from daemon.hrda.network.segmentor import Branch, BranchResult

GRADIENT_NUMBERS = 256  # of an image; a longer gradient is projected


def gradient_size(classes: int, inputs: int) -> int:
    """The length of the gradient of an image, G."""
    return min(GRADIENT_NUMBERS, classes * inputs)


def gradients(result: BranchResult, slopes: Tensor, at: tuple[Tensor, Tensor]) -> Tensor:
    """(B, C·W): mean gradient over k cells of each image. slopes: (B, k, C), p - [c = y].

    at: the rows and the columns of the cells, (B, k) each.
    """
    detail = _taken(result.detail.inputs, at)
    if result.context is None or result.attention is None:
        total = slopes.transpose(1, 2) @ detail
    else:
        weight, total = _of_context(result.context, result.attention, slopes, at)
        total += (slopes * weight).transpose(1, 2) @ detail
    return total.flatten(1) / slopes.shape[1]


def _of_context(
    context: Branch, attention: Tensor, slopes: Tensor, at: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """The weight of the detail at the cells, (B, k, C or 1), and the context's part, (B, C, W)."""
    weight = slopes.new_zeros(())
    total = slopes.new_zeros(())
    for place, share in _neighbours(at, attention.shape[2:]):
        own = _taken(attention, place)
        weight = weight + share * own
        total = total + (slopes * (share * (1 - own))).transpose(1, 2) @ _taken(
            context.inputs, place
        )
    return weight, total


def _neighbours(
    at: tuple[Tensor, Tensor], size: torch.Size
) -> list[tuple[tuple[Tensor, Tensor], Tensor]]:
    """The four places of the coarse grid, of half the sides, that a cell lies between, each with
    its share (B, k, 1): bilinear, corners not aligned."""
    (top, bottom, down), (left, right, across) = (
        _along(cells, length) for cells, length in zip(at, size, strict=True)
    )
    return [
        ((row, column), (y * x).unsqueeze(-1))
        for row, y in ((top, 1 - down), (bottom, down))
        for column, x in ((left, 1 - across), (right, across))
    ]


def _along(cells: Tensor, length: int) -> tuple[Tensor, Tensor, Tensor]:
    centre = ((cells + 0.5) / 2 - 0.5).clamp(min=0)
    first = centre.long()
    return first, (first + 1).clamp(max=length - 1), centre - first


def _taken(maps: Tensor, at: tuple[Tensor, Tensor]) -> Tensor:
    """(B, k, M) float32: the maps (B, M, h, w) at these rows and columns."""
    image = torch.arange(len(maps), device=maps.device).unsqueeze(1)
    return maps.permute(0, 2, 3, 1)[image, at[0], at[1]].float()


def projected(vectors: Tensor) -> Tensor:
    """The vectors (B, N), or 256 fixed random projections of longer ones.

    They keep distances nearly: Achlioptas, Database-friendly random projections, 2003.
    """
    if vectors.shape[1] <= GRADIENT_NUMBERS:
        return vectors
    signs = torch.from_numpy(_random_matrix(vectors.shape[1])).to(vectors)
    return vectors @ signs / GRADIENT_NUMBERS**0.5


@functools.cache
def _random_matrix(rows: int) -> npt.NDArray[np.int8]:
    """(rows, 256) of -1 and 1, always the same."""
    signs = np.random.default_rng(0).integers(0, 2, (rows, GRADIENT_NUMBERS)) * 2 - 1
    return signs.astype(np.int8)

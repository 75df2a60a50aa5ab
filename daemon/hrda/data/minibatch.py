"""The crops of one iteration, all of them or in parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Minibatch:
    """Crops of one iteration, images float32 in 0..255.

    image: (B, 3, P, P). label: (B, P, P) int64, 255 = none. unlabeled: (U, 3, P, P), U at most B.
    valid: (U, P, P) bool, where the unlabeled crops show an image. full_size: (B, U) of the
    minibatch that this is a part of; (0, 0) when it is complete. values: of each label the values
    that it holds, ascending, where they were counted before the label went to the device.
    pool_label: (U, P, P) int64, 255 = none, of the unlabeled crops in a second round; else None.
    """

    image: Tensor
    label: Tensor
    unlabeled: Tensor
    valid: Tensor
    full_size: tuple[int, int] = (0, 0)
    values: tuple[tuple[int, ...], ...] | None = None
    pool_label: Tensor | None = None

    def label_values(self) -> Sequence[Sequence[int]]:
        """Of each label the values that it holds, ascending, 255 too."""
        if self.values is not None:
            return self.values
        return values_of(self.label)

    def fractions(self) -> tuple[float, float]:
        """Which fractions of the labeled and unlabeled crops of the complete minibatch this has."""
        labeled, unlabeled = self.full_size
        return (
            len(self.image) / (labeled or len(self.image)),
            len(self.unlabeled) / (unlabeled or max(1, len(self.unlabeled))),
        )

    def parts(self, crops: int) -> Iterator[Minibatch]:
        """The same in parts of at most `crops` labeled crops and as many unlabeled ones."""
        own_size = (len(self.image), len(self.unlabeled))
        full_size = self.full_size if any(self.full_size) else own_size
        for first in range(0, len(self.image), crops):
            rows = slice(first, first + crops)
            yield Minibatch(
                image=self.image[rows],
                label=self.label[rows],
                unlabeled=self.unlabeled[rows],
                valid=self.valid[rows],
                full_size=full_size,
                values=None if self.values is None else self.values[rows],
                pool_label=None if self.pool_label is None else self.pool_label[rows],
            )


def values_of(labels: Tensor) -> list[Sequence[int]]:
    """The values that each of (B, P, P) labels holds, ascending, 255 too. Waits for the device."""
    return [label.unique().tolist() for label in labels]

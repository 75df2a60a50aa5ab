"""The crops of one iteration, whole or in parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Minibatch:
    """Crops of one iteration, images float32 in 0..255.

    image: (B, 3, P, P). label: (B, P, P) int64, 255 = none. The same without labels:
    unlabeled (U, 3, P, P), U at most B, and valid (U, P, P) bool. whole: (B, U) of the
    minibatch that this is a part of; (0, 0) when it is no part.
    """

    image: Tensor
    label: Tensor
    unlabeled: Tensor
    valid: Tensor
    whole: tuple[int, int] = (0, 0)

    def shares(self) -> tuple[float, float]:
        """How much of the whole this is: of its labeled and of its unlabeled crops."""
        labeled, unlabeled = self.whole
        return (
            len(self.image) / (labeled or len(self.image)),
            len(self.unlabeled) / (unlabeled or max(1, len(self.unlabeled))),
        )

    def parts(self, places: int) -> Iterator[Minibatch]:
        """The same crops, `places` at a time."""
        whole = self.whole if any(self.whole) else (len(self.image), len(self.unlabeled))
        for first in range(0, len(self.image), places):
            rows = slice(first, first + places)
            yield Minibatch(
                image=self.image[rows],
                label=self.label[rows],
                unlabeled=self.unlabeled[rows],
                valid=self.valid[rows],
                whole=whole,
            )

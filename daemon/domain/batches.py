"""A batch: the images that one cycle asks for, and the budget that limits it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Pick:
    """One image of a batch. rank: 1-based, most wanted first; the reserve goes on behind the batch.
    arm: who chose it."""

    image_id: int
    rank: int
    arm: str  # "validation", "random" or the strategy's name
    reason: str


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How many images may be labeled in all, and how many have been (validation included)."""

    labels_total: int
    labels_spent: int

    @property
    def labels_left(self) -> int:
        """Never negative: annotators may label more than was asked."""
        return max(0, self.labels_total - self.labels_spent)

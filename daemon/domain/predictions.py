"""Masks of the model, and the sets in which the labeling tool shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from daemon.domain.annotations import Mask


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The model's mask for one image, to be corrected by a person.

    confidence: class name -> mean probability over the pixels given that class, in [0, 1].
    """

    image_id: int
    mask: Mask
    confidence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KeptPrediction:
    """A prediction whose mask is read from its file when it is needed, so that a batch of any size
    takes the memory of the masks that are being encoded.

    read: reads the mask from its file at each call.
    """

    image_id: int
    read: Callable[[], Mask]
    confidence: Mapping[str, float] = field(default_factory=dict)

    @property
    def mask(self) -> Mask:
        """(H, W), read from its file at each use: do not keep it."""
        return self.read()


@dataclass(frozen=True, kw_only=True)
class PredictionSet:
    """The predictions that the labeling tool holds under one version name.

    replaced_at: since when another version is shown, None for the one that is.
    """

    version: str
    made_at: datetime
    replaced_at: datetime | None

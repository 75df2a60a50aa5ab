"""What the status says of the images as a whole."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from daemon.insight.view_model import Count, Share, ViewModel


class ImageRedundancy(ViewModel):
    """How redundant the images are, measured once when they were embedded."""

    images: Count
    """Images that were measured."""
    near_duplicates: Share
    """Share of them that look like another one, by [selection] duplicate_similarity."""
    intrinsic_dimension: Annotated[float, Field(ge=0)] | None
    """In how many ways they differ; null where it cannot be told."""
    words: str
    """The same as a sentence's middle."""


class ValidationComparison(ViewModel):
    """Images of the pool that were added after the validation draw, against the validation
    images."""

    added: Count
    """Added images that were compared."""
    far: Share
    """Share of them that are farther from validation than 95 % of the earlier images; 0.05 is
    expected."""
    p: Share
    """Chance of such distances if nothing had changed."""
    drifted: bool
    """Whether validation says less of the images than it did: p below 0.01, far at least 0.1."""
    words: str
    """The same as a sentence, with what to do."""

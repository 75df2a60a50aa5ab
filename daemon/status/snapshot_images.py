"""What was measured of the images, for the status."""

from __future__ import annotations

from daemon.stages.pool_measures import drift_words, read_drift, read_redundancy
from daemon.status.model_images import ImageRedundancy, ValidationComparison
from daemon.store import Store


def image_redundancy(store: Store) -> ImageRedundancy | None:
    """How alike the images are; None before they were embedded."""
    found = read_redundancy(store)
    if found is None:
        return None
    return ImageRedundancy(
        images=found.images,
        near_duplicates=found.near_duplicates,
        intrinsic_dimension=found.intrinsic_dimension,
        words=found.words(),
    )


def validation_comparison(store: Store) -> ValidationComparison | None:
    """Images added since the validation draw, against validation; None before there are enough."""
    found = read_drift(store)
    if found is None:
        return None
    return ValidationComparison(
        added=found.added,
        far=found.far,
        p=found.p,
        drifted=found.drifted,
        words=drift_words(found),
    )

"""What the page of the map says beside the points. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from daemon.insight.map_columns import MapField
from daemon.insight.view_model import Count, Share, ViewModel

CAN_SAY = (
    "Images that lie together look alike to an ImageNet encoder; clusters, strays and near-"
    "duplicates are worth a look."
)
CANNOT_SAY = (
    "Two dimensions cannot keep the distances of several hundred: how far apart two clusters lie, "
    "how large one is and how dense it looks mean nothing, and some neighbours are torn apart. "
    "What is chosen next is decided by the full embeddings, never by this picture."
)


class MapView(ViewModel):
    """The map of the images, but for its points, which are at `points_address`."""

    run: str
    """Name of the map run; empty before the first."""
    points: Count
    """Images on the map."""
    waiting: Count
    """Images that are not on it yet, or cannot be."""
    fitted: Count
    """Images whose points UMAP found together; the others were placed among them later."""
    method: Literal["umap", "pca", ""]
    """umap, or pca while there are too few different images for it."""
    drawing: str
    """What the run that works on the map does now; empty where none works."""
    fault: str
    """Why the map could not be drawn the last time; empty where it could."""
    points_address: str
    """Where the points are, as one block of bytes (daemon/insight/map_columns.py)."""
    revision: str
    """Changes when points or colours may have changed."""
    fields: tuple[MapField, ...]
    """The columns of the block."""
    summary: str
    """The map in one sentence."""
    can_say: str
    """What such a map can say."""
    cannot_say: str
    """What it cannot."""


class MapImage(ViewModel):
    """One image of the map, for the list of selected images."""

    id: Count
    """Number of the image."""
    name: str
    """Its name."""
    similarity: float | None = None
    """Cosine similarity with the image that was asked about, in [-1, 1]."""


class MapImages(ViewModel):
    """Images, in the order in which they were asked for."""

    images: tuple[MapImage, ...]
    """The images; unknown numbers are left out."""


class AskedImage(ViewModel):
    """That people were asked for an image."""

    cycle: Count
    """The cycle that asked."""
    arm: str
    """Who chose it."""
    reason: str
    """Why, as annotators read it."""
    state: str
    """Where the question stands."""


class ImageFacts(ViewModel):
    """What is known of one image."""

    id: Count
    """Number of the image."""
    name: str
    """Its name."""
    size: str
    """Width and height in pixels."""
    state: str
    """What it is now, in words."""
    role_reason: str
    """Why it is excluded; empty for an image that is used."""
    asked: tuple[AskedImage, ...]
    """When and why people were asked for it, oldest first."""
    uncertainty: Share | None
    """By the newest scores; null before any."""
    uncertainty_above: Share | None
    """Share of the scored images that are less uncertain; null before any."""
    shares: Mapping[str, Share]
    """Class name -> share of the pixels, as predicted; empty before any."""


def summary(points: int, fitted: int, method: str, waiting: int) -> str:
    """The map in one sentence."""
    if not points:
        return (
            "No map yet: `maskloop run` draws it when the images are embedded and no training runs."
        )
    later = points - fitted
    if method == "pca":
        words = f"{points} images, too few different ones for UMAP: a plain projection"
    elif later:
        words = f"{points} images, of which {later} were placed among {fitted} that were drawn together"
    else:
        words = f"{points} images, drawn together"
    return f"{words}; {waiting} not on it." if waiting else f"{words}."

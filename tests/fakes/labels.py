"""The smallest image, annotation and push that a store takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from daemon.domain import Annotation, Image, Push, QueuedTask
from tests.fakes.versions import version

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def image(key: str, sha256: str = "") -> Image:
    """Two rows, three columns; its content is told by its key unless said otherwise."""
    return Image(
        id=0,
        key=key,
        name=key,
        uri=key,
        path=Path(key),
        height_px=2,
        width_px=3,
        sha256=sha256 or key,
    )


def annotation(number: str, key: str = "a", value: int = 1, minutes: int = 0) -> Annotation:
    """One class all over, drawn by anna so many minutes after noon."""
    at = NOON + timedelta(minutes=minutes)
    return Annotation(
        id=number,
        task="t1",
        image_key=key,
        mask=np.full((2, 3), value, np.uint8),
        annotator="anna",
        updated_at=at,
        created_at=at,
    )


def push(key: str, *image_ids: int) -> Push:
    """A push of these images, in this order, in cycle 0."""
    tasks = [
        QueuedTask(image_id=image_id, position=position, arm="x", reason="r")
        for position, image_id in enumerate(image_ids)
    ]
    return Push(key=key, cycle=0, version=version(0, 1), tasks=tuple(tasks))

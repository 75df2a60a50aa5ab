"""The true masks of the demo, looked up by the bytes of an image."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from daemon.domain import Mask
from daemon.domain.errors import DemoFailed
from daemon.pixels import masks


def read_mask(path: Path) -> Mask:
    """An 8-bit mask, (H, W) class indices. Raises DemoFailed for another file."""
    try:
        return masks.read_mask(path)
    except masks.MaskUnusable as exc:
        raise DemoFailed(str(exc)) from exc


class Truth:
    """Finds the true mask of an image by its bytes, as a person recognizes it by sight.

    masks: image file -> mask file.
    """

    def __init__(self, masks: Mapping[Path, Path]) -> None:
        self._masks = {_digest(image.read_bytes()): mask for image, mask in masks.items()}

    def mask(self, picture: bytes) -> Mask:
        """The true mask, (H, W). Raises DemoFailed for an image that is not in the data set."""
        path = self._masks.get(_digest(picture))
        if path is None:
            raise DemoFailed(
                f"Label Studio shows a picture of {len(picture)} bytes that is not in the data set"
            )
        return read_mask(path)


def pair_masks(images: Iterable[Path], masks: Path) -> dict[Path, Path]:
    """Image file -> mask file, NAME.png in `masks`. Raises DemoFailed for missing masks."""
    pairs = {image: masks / f"{image.stem}.png" for image in images}
    missing = [mask.name for mask in pairs.values() if not mask.is_file()]
    if missing:
        raise DemoFailed(
            f"{len(missing)} of {len(pairs)} images have no mask in {masks}, first"
            f" {', '.join(missing[:3])}; add them, or leave those images out"
        )
    return pairs


def _digest(picture: bytes) -> bytes:
    return hashlib.sha256(picture).digest()

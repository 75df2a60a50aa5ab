"""The true masks, as an annotator's eye knows them: by the picture itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from daemon.domain import Mask
from daemon.domain.errors import DemoFailed
from daemon.pixels import masks


def read_mask(path: Path) -> Mask:
    """An 8-bit mask, (H, W) class indices. Raises DemoFailed for anything else."""
    try:
        return masks.read_mask(path)
    except masks.MaskUnusable as exc:
        raise DemoFailed(str(exc)) from exc


class Truth:
    """Looks up the true mask of a picture by its bytes: nothing else is known of it."""

    def __init__(self, masks: Mapping[Path, Path]) -> None:
        self._masks = {_digest(image.read_bytes()): mask for image, mask in masks.items()}

    def mask(self, picture: bytes) -> Mask:
        """The mask of a picture. Raises DemoFailed for one that was never seen."""
        path = self._masks.get(_digest(picture))
        if path is None:
            raise DemoFailed(
                f"Label Studio shows a picture of {len(picture)} bytes that is not in the data set"
            )
        return read_mask(path)


def pair_masks(images: Iterable[Path], masks: Path) -> dict[Path, Path]:
    """Image -> mask, NAME.png beside each image's NAME. Raises DemoFailed for missing ones."""
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

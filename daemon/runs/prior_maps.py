"""Prior maps of a predict run, for clicks: priors/ID.png, 8 bits gray, 1 - p(background) x 255.

Part of the run folder's format (run_folder.py). A map says its stride itself, in a text of the PNG.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from daemon.clicks.click import PriorMap
from daemon.domain.errors import MaskRefused
from daemon.pixels.headers import DECODER_ERRORS
from daemon.runs.durable import atomic_file
from daemon.runs.run_folder import RunFolder

PRIOR_STRIDE = 4  # pixels of the image along a side of a value
_STRIDE = "stride"
_LARGEST_STRIDE = 64


def prior_file(run: RunFolder, image_id: int) -> Path:
    """Where a run keeps the prior map of an image; it need not exist."""
    return run.path / "priors" / f"{image_id}.png"


def write_prior(path: Path, prior: PriorMap) -> None:
    """Write a prior map, whole or not at all. Its folder is there."""
    notes = PngInfo()
    notes.add_text(_STRIDE, str(prior.stride))
    with atomic_file(path) as part:
        Image.fromarray(prior.values).save(part, format="PNG", pnginfo=notes)


def read_prior(path: Path, size: tuple[int, int]) -> PriorMap:
    """The prior map of an image of this (height, width).

    Raises MaskRefused for a file that is missing or damaged, or of another size: the image was
    replaced since.
    """
    try:
        with Image.open(io.BytesIO(path.read_bytes())) as png:
            shape, mode, told = (png.height, png.width), png.mode, png.info.get(_STRIDE, "")
            stride = _stride_of(str(told))
            expected = tuple(-(-side // stride) for side in size)
            if mode != "L" or shape != expected:
                raise _refused(path, f"a {mode} PNG of {shape}", f"8 bits gray of {expected}")
            values = np.array(png, np.uint8)
    except DECODER_ERRORS as exc:
        raise _refused(path, f"{type(exc).__name__}: {exc}", "a prior map") from exc
    return PriorMap(values=values, stride=stride)


def _stride_of(told: str) -> int:
    stride = int(told) if told.isascii() and told.isdecimal() and len(told) < 4 else 0
    if not 1 <= stride <= _LARGEST_STRIDE:
        raise ValueError(f"stride {told[:20]!r}; expected 1 to {_LARGEST_STRIDE}")
    return stride


def _refused(path: Path, got: str, expected: str) -> MaskRefused:
    cure = "delete the file: clicks on the image do without, until the model predicts it again"
    words = f"{path}: got {got}; expected {expected}; {cure}"
    return MaskRefused(words, got=got, expected=expected, cure=cure)

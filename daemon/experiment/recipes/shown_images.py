"""Which test images the report shows, by a rule that looks at the first arm only; and what their
masks look like. Nobody picks a picture by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, Mask
from daemon.experiment.recipes.experiment_records import ShownImage

Rule = Literal["best", "median", "worst"]
Colours = npt.NDArray[np.uint8]

# Background first; then colours that people with a colour vision deficiency tell apart.
PALETTE = (
    "#cfc8ba", "#2f8f4e", "#d9541e", "#3f6fbf", "#c9a227", "#8a5fb5", "#1fa3a3", "#c14b8a",
)  # fmt: skip
NO_LABEL = "#ffffff"
MISSED, FALSE, CONFUSED, RIGHT = "#d7301f", "#2b6cb0", "#e8a13a", "#dfe3de"


def choose_images(image_miou: Mapping[str, float], number: int) -> tuple[ShownImage, ...]:
    """`number` images of each kind: the highest mIoU, those around the median, the lowest; none
    twice, and of equal ones the first by name. Fewer where there are too few."""
    ranked = sorted(image_miou, key=lambda name: (-image_miou[name], name))
    number = min(number, len(ranked) // 3 if len(ranked) >= 3 else 1, len(ranked))
    start = max(0, (len(ranked) - number) // 2)
    kinds: dict[Rule, Sequence[str]] = {
        "best": ranked[:number],
        "median": ranked[start : start + number],
        "worst": ranked[len(ranked) - number :],
    }
    found: dict[str, ShownImage] = {}
    for rule, names in kinds.items():
        for name in names:
            shown = ShownImage(image=name, rule=rule, image_miou=image_miou[name])
            found.setdefault(name, shown)
    return tuple(found.values())


def key_of(shown: Sequence[ShownImage]) -> str:
    """12 hex digits that change with the images."""
    text = "\0".join(one.image for one in shown)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def colour_of(value: int) -> str:
    """The colour of a class; further classes repeat those of the foreground."""
    if value < len(PALETTE):
        return PALETTE[value]
    return PALETTE[1 + (value - 1) % (len(PALETTE) - 1)]


def mask_colours(mask: Mask) -> Colours:
    """(H, W, 3): each pixel in the colour of its class; white where there is no label."""
    table = np.array([_rgb(colour_of(value)) for value in range(256)], np.uint8)
    table[IGNORE] = _rgb(NO_LABEL)
    return table[mask]


def difference_colours(truth: Mask, predicted: Mask) -> Colours:
    """(H, W, 3): where a prediction is right, misses an object, sees one in the background, or
    confuses two classes; white where there is no label. Both: (H, W)."""
    right, known = truth == predicted, truth != IGNORE
    found = np.full((*truth.shape, 3), _rgb(NO_LABEL), np.uint8)
    for where, colour in (
        (known & right, RIGHT),
        (known & ~right & (predicted == 0), MISSED),
        (known & ~right & (truth == 0), FALSE),
        (known & ~right & (truth != 0) & (predicted != 0), CONFUSED),
    ):
        found[where] = _rgb(colour)
    return found


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)

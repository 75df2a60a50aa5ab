"""Where two models differ on an image: who is right, pixel by pixel. Pure."""

from __future__ import annotations

import numpy as np

from daemon.domain import IGNORE, Mask

BETTER, WORSE, BOTH_WRONG = 1, 2, 3  # values of the mask; 0: both are right, or nothing is known
COLOURS = {BETTER: "#009e73", WORSE: "#d00000", BOTH_WRONG: "#f0e442"}


def mask_difference(truth: Mask, before: Mask, after: Mask) -> Mask:
    """(H, W): where only the newer model is right (1), only the older one (2), neither (3).

    All are (H, W) class indices; 0 also where the truth is 255.
    """
    old, new = before == truth, after == truth
    found = np.select([new & ~old, old & ~new, ~old & ~new], [BETTER, WORSE, BOTH_WRONG], 0)
    found[truth == IGNORE] = 0
    return found.astype(np.uint8)

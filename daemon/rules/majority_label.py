"""One label from those of several people: at each pixel what most of them say. Pure.

The class with the most votes wins, also with fewer than half of them: two of four against two who
differ. Where the audit accuses a label (daemon/audit/picture_conflicts.py), it asks for more than
half.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daemon.domain import IGNORE, Mask


def majority_label(masks: Sequence[Mask]) -> Mask:
    """(H, W): the class with the most votes, 255 where several have as many or nobody has a vote.

    masks: (H, W) class indices, one of each person, at least one. 255 ("no label here") is no
    vote, neither for a class nor against one. The order of the people does not matter. Raises
    ValueError for no mask and for masks of different sizes.
    """
    shapes = {mask.shape for mask in masks}
    if len(shapes) != 1:
        got = ", ".join(map(str, sorted(shapes))) or "no mask"
        raise ValueError(f"a majority of labels: got {got}; expected masks of one size")
    found = np.full(masks[0].shape, IGNORE, np.uint8)
    most = np.zeros(masks[0].shape, np.uint16)
    for value in np.unique(np.concatenate([np.unique(mask) for mask in masks])):
        if value == IGNORE:
            continue
        votes = np.zeros_like(most)
        for mask in masks:
            votes += mask == value
        found[votes > most] = value
        found[(votes == most) & (votes > 0)] = IGNORE
        np.maximum(most, votes, out=most)
    return found

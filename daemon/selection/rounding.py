"""Whether two images are so near to a tie that the rounding of float32 decides between them.

A strategy computes in float32, its oracle in float64. Where they differ, the oracle chooses once
more from embeddings that are moved by less than the rounding of their products. Equal rows are
moved alike, so images that tie exactly still go by their id, and a choice in the wrong order is
never excused.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from daemon.runs.id_lists import IdArray
from daemon.runs.receipts import Receipt
from daemon.selection.choice import choose
from daemon.selection.plain_choice import arms_of, plainly_chosen
from strategies.base import FloatArray, Pool
from strategies.oracles import Oracle

TRIALS = 8
MOVED_BY = 3e-6  # of an embedding of length 1, about thirty times the rounding of one number


def agrees_within_rounding(receipt: Receipt, pool: Pool, distinct: IdArray, oracle: Oracle) -> bool:
    """Whether the strategy still gives the picks of the receipt, and the oracle gives them too
    from embeddings that are moved by less than the rounding."""
    picks = arms_of(receipt.picks)
    fast = choose(receipt.request, pool, distinct)
    if arms_of(fast) != picks or pool.embeddings is None:
        return False
    for trial in range(TRIALS):
        moved = replace(pool, embeddings=_moved(pool.embeddings, trial))
        if plainly_chosen(receipt.request, moved, distinct.tolist(), oracle) == picks:
            return True
    return False


def _moved(embeddings: FloatArray, trial: int) -> FloatArray:
    """The embeddings (N, D), each moved in a direction that its own numbers and the trial give."""
    moved = embeddings.copy()
    for row in moved:
        digest = hashlib.sha256(row.tobytes() + bytes([trial])).digest()
        step = np.random.default_rng(int.from_bytes(digest[:8], "little")).standard_normal(len(row))
        row += (MOVED_BY * step / np.linalg.norm(step)).astype(np.float32)
    return moved

"""Why an image was picked, in words that an annotator can read. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daemon.domain import Pick
from daemon.rules.validation_split import BLOCK, FloatArray
from strategies.base import Pool


def reasons_for(pool: Pool, arms: Sequence[tuple[int, str]]) -> list[Pick]:
    """Picks with their reasons, in the order given. arms: (image id, who chose it)."""
    rows = {int(image_id): row for row, image_id in enumerate(pool.ids)}
    gaps = _gaps(pool)
    return [
        Pick(image_id=i, rank=rank, arm=arm, reason=_reason(pool, rows[i], arm, gaps))
        for rank, (i, arm) in enumerate(arms, start=1)
    ]


def _reason(pool: Pool, row: int, arm: str, gaps: FloatArray | None) -> str:
    if arm == "random":
        return "drawn at random, as a fair sample of the pool"
    words = []
    if pool.uncertainty is not None:
        value = float(pool.uncertainty[row])
        above = float((pool.uncertainty <= value).mean())
        words.append(f"more uncertain than {above:.0%} of the pool")
    if gaps is not None:
        further = float((gaps <= gaps[row]).mean())
        words.append(f"less like the labeled images than {further:.0%} of the pool")
    if not words:
        words.append("unlike the images asked before it")
    return f"{arm}: {'; '.join(words)}"


def _gaps(pool: Pool) -> FloatArray | None:
    """1 - cosine similarity to the nearest labeled image, (N,); None without any."""
    if pool.embeddings is None or len(pool.labeled) == 0:
        return None
    blocks = [
        1.0 - (pool.embeddings[start : start + BLOCK] @ pool.labeled.T).max(axis=1)
        for start in range(0, len(pool), BLOCK)
    ]
    gaps: FloatArray = np.concatenate(blocks)
    return gaps

"""`python -m daemon.experiment.sampling.umap_process EMBEDDINGS.npy MAP.npy`: a map by UMAP.

A process of its own: numba, which UMAP compiles with, hangs in forked children, and its threads
and memory end with it. McInnes, Healy & Melville 2018, arXiv 1802.03426.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np

from daemon.runs.durable import atomic_file
from daemon.runs.parent_death import end_with_parent

NEIGHBOURS = 15
MIN_DIST = 0.5  # near-duplicates stay apart far enough to be seen
SEED = 0  # the same images give the same map, whatever was chosen of them


def main(source: Path, target: Path) -> None:
    """Read embeddings (N, D), N > NEIGHBOURS, and write their places (N, 2), whole or not at
    all."""
    from umap import UMAP

    end_with_parent()
    embeddings = np.load(source, allow_pickle=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "n_jobs value 1 overridden")
        mapper = UMAP(
            n_neighbors=NEIGHBOURS, min_dist=MIN_DIST, metric="cosine", random_state=SEED, n_jobs=1
        )
        places = mapper.fit_transform(embeddings)
    with atomic_file(target) as part, part.open("wb") as file:
        np.save(file, np.asarray(places, dtype=np.float32))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""A finished map run with made-up points, for pages that show it: no UMAP, so it takes no time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from daemon.config.loading import Config
from daemon.embedding_map.vectors import Vectors
from daemon.runs.map_files import Coordinates, MapRequest, MapResult, write_coordinates
from daemon.runs.run_folder import RunFolder


def write_map(
    config: Config, *embedded: str, positions: npt.NDArray[np.float64] | None = None
) -> RunFolder:
    """The map 0002-map of the images of these embed runs; the first two are near-duplicates.

    positions: (N, 2) in [-1, 1]; without, points on a spiral, so that no two lie together.
    """
    run = RunFolder(config.state / "runs" / "0002-map")
    run.write_request(MapRequest(embedded=embedded, seed=0, similarity=0.95))
    vectors = Vectors(run.path.parent, embedded)
    ids = vectors.ids
    turn = np.sqrt(np.arange(len(ids)) + 1)
    spiral = np.stack([turn * np.cos(2.4 * turn**2), turn * np.sin(2.4 * turn**2)], axis=1)
    group = np.where(np.arange(len(ids)) < 2, ids[0], -1)
    write_coordinates(
        run,
        Coordinates(
            ids=ids,
            positions=(spiral / turn[-1] if positions is None else positions).astype(np.float32),
            source=vectors.source,
            group=group,
        ),
    )
    run.write_result(
        MapResult(
            images=len(ids), placed=0, fitted=len(ids), fit=run.path.name, method="umap",
            grouped=True, embedded=embedded, seconds=1.0,
        )
    )  # fmt: skip
    return run

"""The embeddings of all images, each from the last embed run that has it, read piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.domain.errors import RunFailed
from daemon.runs.map_files import FloatArray, IdArray
from daemon.runs.run_folder import RunFolder


class Vectors:
    """Embeddings that stay on disk until they are asked for.

    ids: (N,) int64 of all images, rising. source: (N,) int32, which of the runs has the vector.
    runs: folder of all runs. names: embed runs of one encoder, oldest first. Raises RunFailed for
    a run that cannot be read, or whose vectors have another length.
    """

    def __init__(self, runs: Path, names: Sequence[str]) -> None:
        scores = [RunFolder(runs / name).read_scores() for name in names]
        self._embeddings = [one.embeddings for one in scores]
        widths = {array.shape[1] for array in self._embeddings}
        if len(widths) > 1:
            raise RunFailed(
                f"the runs {', '.join(names)} hold vectors of {sorted(widths)} numbers; expected "
                f"those of one encoder"
            )
        self.width = widths.pop()
        ids = np.concatenate([one.ids for one in scores])
        source = np.repeat(np.arange(len(scores), dtype=np.int32), [len(one.ids) for one in scores])
        rows = np.concatenate([np.arange(len(one.ids)) for one in scores])
        order = np.lexsort((source, ids))
        last = np.append(ids[order][1:] != ids[order][:-1], True) if len(ids) else order == 0
        newest = order[last]
        self.ids: IdArray = ids[newest]
        self.source: npt.NDArray[np.int32] = source[newest]
        self._rows = rows[newest]

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, places: npt.NDArray[np.intp]) -> FloatArray:
        """The vectors of some of the images: (M, D). places: (M,) indexes of `ids`."""
        vectors = np.empty((len(places), self.width), dtype=np.float32)
        for number, embeddings in enumerate(self._embeddings):
            here = self.source[places] == number
            vectors[here] = embeddings[self._rows[places[here]]]
        if not np.isfinite(vectors).all():
            bad = self.ids[places[~np.isfinite(vectors).all(axis=1)]]
            raise RunFailed(
                f"{len(bad)} images have an embedding that is not finite, the first is {bad[0]}; "
                f"expected finite numbers; the encoder may have diverged"
            )
        return vectors

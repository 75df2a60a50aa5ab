"""The images of a choice, as lists of ids in one file beside its request: ids.npz.

A million ids do not go into JSON; here they are 8 MB, written in hundredths of a second.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.domain.errors import RunFailed
from daemon.runs.durable import atomic_file

IdArray = npt.NDArray[np.int64]
FILE = "ids.npz"


@dataclass(frozen=True, kw_only=True)
class IdLists:
    """Which images a choice is made from; each (N,) int64 in rising order, none twice.

    candidates: may be chosen. labeled: of the pool, labeled or asked already; their embeddings are
    shown to the strategy. asked: all that are labeled or asked, validation too, which no candidate
    should be a near-duplicate of. compared: the candidates with an embedding of the encoder, among
    which near-duplicates are looked for. distinct: those of them that are none.
    """

    candidates: IdArray
    labeled: IdArray
    asked: IdArray
    compared: IdArray
    distinct: IdArray


def write_id_lists(folder: Path, lists: IdLists) -> None:
    """Write the lists of the choice of a run folder, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / FILE) as part, part.open("wb") as file:
        np.savez(file, **vars(lists))


def read_id_lists(folder: Path) -> IdLists:
    """The lists of the choice of a run folder. Raises RunFailed where they cannot be read."""
    path = folder / FILE
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return IdLists(**{field.name: arrays[field.name] for field in fields(IdLists)})
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as exc:
        raise RunFailed(f"{path}: cannot be read as lists of ids: {exc}") from exc


def sha256_of_ids(ids: IdArray) -> str:
    """64 hexadecimal digits of ids (N,), whatever their order and the byte order of the machine."""
    return hashlib.sha256(np.sort(ids).astype("<i8").tobytes()).hexdigest()

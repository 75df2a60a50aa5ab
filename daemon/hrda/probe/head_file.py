"""The head in checkpoint.pth, as an archive of arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from daemon.domain.errors import RunFailed
from daemon.hrda.probe.linear_head import LinearHead
from daemon.runs.durable import atomic_file


def write_head(path: Path, head: LinearHead, classes: Sequence[str]) -> None:
    """Write the head with the names of its classes, whole or not at all."""
    with atomic_file(path) as part, part.open("wb") as file:
        np.savez(file, classes=np.array(classes, np.str_), **vars(head))


def read_head(path: Path) -> tuple[LinearHead, tuple[str, ...]]:
    """The head and the names of its classes. Raises RunFailed for a file that is no head."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            head = LinearHead(
                weights=arrays["weights"],
                bias=arrays["bias"],
                temperature=float(arrays["temperature"]),
            )
            return head, tuple(arrays["classes"].tolist())
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as exc:
        raise RunFailed(
            f"{path}: cannot be read as the head of a probe: {exc}; train it again"
        ) from exc

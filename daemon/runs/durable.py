"""Files that a crash leaves whole: the old one or the new one, never a half."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Write to the yielded path; it becomes `path`, durably, when the block ends well."""
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_json(path: Path, content: Any) -> None:
    """Write `content` so that a crash leaves the old file or the new one, never a half."""
    with atomic_file(path) as part:
        part.write_text(json.dumps(content, indent=1, sort_keys=True, allow_nan=False))

"""Durable writes: after a crash the file is the old one or the new one, never a part."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; it durably replaces `path` when the block ends without an error."""
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
    """Write `content` as JSON, durably. Raises ValueError for NaN and infinity."""
    with atomic_file(path) as part:
        part.write_text(json.dumps(content, indent=1, sort_keys=True, allow_nan=False))

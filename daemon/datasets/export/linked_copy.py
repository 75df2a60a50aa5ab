"""A file of the loop in the folder of an export: a second name for it, or a copy."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path


def link_or_copy(source: Path, target: Path) -> None:
    """A second name for the file, or a copy where the file systems differ. Raises OSError and
    ValueError, for what is no file too; then no part of a copy is left."""
    source = Path(os.path.realpath(source, strict=True))
    if not stat.S_ISREG(source.stat().st_mode):
        raise ValueError("it is no file")
    try:
        os.link(source, target)
    except OSError:
        try:
            shutil.copyfile(source, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

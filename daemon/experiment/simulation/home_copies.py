"""A copy of a home of the loop, from which another loop goes on: store, runs, asked tasks.

The two share no file that either rewrites: files that are only ever replaced are hard links, all
others copies. Paths inside the copied requests point into the copy.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from daemon.runs.durable import write_json
from daemon.store import FILE, LOCK, Store

REPLACED_ONLY = (".pth", ".npz", ".npy", ".png", ".jpg")  # nobody appends to such a file
_LEFT_OUT = (FILE, f"{FILE}-wal", f"{FILE}-shm", LOCK, "config.toml", "run.json")


def copy_home(source: Path, target: Path) -> None:
    """Make the home `target`, whole or not at all; nothing where it is there already.

    source: a home in which no loop runs. Both must be on one disk.
    """
    if target.exists():
        return
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for folder, _, names in os.walk(source):
        inner = Path(folder).relative_to(source)
        (part / inner).mkdir(exist_ok=True)
        for name in names:
            if name not in _LEFT_OUT and not name.endswith(".part"):
                _copy_file(Path(folder) / name, part / inner / name, source, target)
    with Store(source / "state" / FILE) as store:
        store.backup(part / "state" / FILE)
    part.rename(target)


def _copy_file(file: Path, copy: Path, source: Path, target: Path) -> None:
    if file.suffix in REPLACED_ONLY:
        os.link(file, copy)
        return
    if file.suffix == ".json":
        content = json.loads(file.read_bytes())
        moved = _moved(content, f"{source}/", f"{target}/")
        if moved != content:
            write_json(copy, moved)
            return
    shutil.copy2(file, copy)


def _moved(value: Any, source: str, target: str) -> Any:
    """The value with paths below `source` moved to `target`."""
    if isinstance(value, str):
        return target + value.removeprefix(source) if value.startswith(source) else value
    if isinstance(value, list):
        return [_moved(one, source, target) for one in value]
    if isinstance(value, dict):
        return {key: _moved(one, source, target) for key, one in value.items()}
    return value

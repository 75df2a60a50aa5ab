"""Opens the store of a loop for a command that only reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.domain.errors import MaskloopError
from daemon.store import FILE, Store


@contextmanager
def reading_store(state: Path, refusal: type[MaskloopError] = MaskloopError) -> Iterator[Store]:
    """The store of a state folder, read-only, also while the daemon runs.

    Raises `refusal` where there is no store yet, and StoreTooOld for that of an earlier release.
    """
    path = state / FILE
    if not path.exists():
        raise refusal(f"{path}: no store yet; it is there after the first `maskloop run`")
    with Store(path, read_only=True) as store:
        store.require_current(path)
        yield store

"""Processes that a test starts: gone, with their pipes closed, however the test ends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """The process until the end of the block, where it is killed if it still runs."""
    with subprocess.Popen(command, **options) as child:
        try:
            yield child
        finally:
            child.kill()

"""Standard output and standard error where they are closed, full or of a small encoding."""

from __future__ import annotations

import io
import os
import sys


def prepare() -> None:
    """Make every text writable: characters that the encoding lacks are escaped, and what goes to a
    closed stream is discarded."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """Discard what is still to be written, also at the end of Python: the reader has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)

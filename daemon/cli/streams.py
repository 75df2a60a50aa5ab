"""Standard output and standard error as they may be: closed, a full disk, of any encoding."""

from __future__ import annotations

import io
import os
import sys


def prepare() -> None:
    """Let every text be written: what the terminal's encoding lacks is escaped, and an output that
    the caller has closed swallows it."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """Let nothing more be written to an output whose reader has gone, at the end of Python too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)

"""Files of the image folder that are not used as images: counts and names for status and page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from connectors.base import Connector
from daemon.pixels.folders import LeftOut, Reason
from daemon.store import Store

MAX_NAMED = 50  # further files are counted only
FACT = "images_left_out"


def save_unused_files(store: Store, connector: Connector) -> None:
    """Save which files are unused, if that changed."""
    text = json.dumps(_summary(connector.left_out()))
    if store.fact(FACT) != text:
        store.keep_fact(FACT, text)


def load_unused_files(store: Store) -> dict[str, Any]:
    """The unused files, as saved.

    counts: reason -> number of files. named: path, reason, got and cure of at most MAX_NAMED files.
    missed: number of files that people may expect to be used; files that are usual in an image
    folder (no pictures, or hidden) do not count.
    """
    text = store.fact(FACT)
    return json.loads(text) if text else no_unused_files()


def no_unused_files() -> dict[str, Any]:
    """What `load_unused_files` returns if every file is used."""
    return _summary(())


def faults_and_notes(unused: Sequence[LeftOut]) -> tuple[list[str], list[str]]:
    """Two lists of lines: faults that somebody has to correct, and notes on files that are usual
    in an image folder. At most MAX_NAMED files are named."""
    missed = [file for file in unused if not file.reason.expected]
    faults = [f"left out: {file}" for file in missed[:MAX_NAMED]]
    if len(missed) > MAX_NAMED:
        faults.append(f"left out: {len(missed) - MAX_NAMED} more files")
    notes = []
    for reason in (reason for reason in Reason if reason.expected):
        names = [file.path for file in unused if file.reason is reason]
        if names:
            more = ", ..." if len(names) > 3 else ""
            notes.append(
                f"{len(names)} of the image folder left out, {reason}: "
                f"{', '.join(names[:3])}{more}; {reason.cure}"
            )
    return faults, notes


def _summary(unused: Sequence[LeftOut]) -> dict[str, Any]:
    files = sorted(unused, key=lambda file: file.reason.expected)  # stable: each half by path
    return {
        "missed": sum(not file.reason.expected for file in files),
        "counts": dict(Counter(file.reason.value for file in files)),
        "named": [
            {
                "path": file.path,
                "reason": file.reason.value,
                "got": file.got,
                "cure": file.reason.cure,
            }
            for file in files[:MAX_NAMED]
        ],
    }

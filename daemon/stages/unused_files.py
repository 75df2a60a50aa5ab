"""Files of the image folder that are not used: counted and named where people look."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from connectors.base import Connector
from daemon.pixels.folders import LeftOut, Reason
from daemon.store import Store

NAMED = 50  # files that are named; all are counted
FACT = "images_left_out"


def keep_unused_files(store: Store, connector: Connector) -> None:
    """Save which files are unused, for status and page, where that changed."""
    text = json.dumps(_summary(connector.left_out()))
    if store.fact(FACT) != text:
        store.keep_fact(FACT, text)


def kept_unused_files(store: Store) -> dict[str, Any]:
    """The unused files. counts: how many for each reason. named: path, reason, got, cure of some.

    missed: how many people may expect to see; files that usually lie in image folders are not
    among them.
    """
    text = store.fact(FACT)
    return json.loads(text) if text else no_unused_files()


def no_unused_files() -> dict[str, Any]:
    """The same without any unused file."""
    return _summary(())


def faults_and_notes(left: Sequence[LeftOut]) -> tuple[list[str], list[str]]:
    """(faults to look into, notes), a line each; at most NAMED files are named."""
    missed = [one for one in left if not one.reason.expected]
    faults = [f"left out: {one}" for one in missed[:NAMED]]
    if len(missed) > NAMED:
        faults.append(f"left out: {len(missed) - NAMED} more files")
    notes = []
    for reason in (one for one in Reason if one.expected):
        names = [one.path for one in left if one.reason is reason]
        if names:
            more = ", ..." if len(names) > 3 else ""
            notes.append(
                f"{len(names)} of the image folder left out, {reason}: "
                f"{', '.join(names[:3])}{more}; {reason.cure}"
            )
    return faults, notes


def _summary(left: Sequence[LeftOut]) -> dict[str, Any]:
    ranked = sorted(left, key=lambda one: one.reason.expected)  # stable: by path within
    return {
        "missed": sum(not one.reason.expected for one in left),
        "counts": dict(Counter(one.reason.value for one in ranked)),
        "named": [
            {
                "path": one.path,
                "reason": one.reason.value,
                "got": one.got,
                "cure": one.reason.cure,
            }
            for one in ranked[:NAMED]
        ],
    }

"""An import that fails in somebody's plug-in: in which line, and where the name is now.

A plug-in (a query strategy, an encoder) is installed by its own hand and may be older than this
Maskloop.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

# Modules that a plug-in had reason to import and that are elsewhere since.
MOVED: Mapping[str, str] = {
    "connectors.images": "connectors.images.cache",
    "daemon.config": "daemon.config.loading",
    "daemon.durable": "daemon.runs.durable",
    "daemon.errors": "daemon.domain.errors",
    "daemon.faults": "daemon.domain.faults",
    "daemon.measures": "daemon.domain.evaluations",
    "daemon.records": "daemon.runs.records",
    "daemon.runs": "daemon.runs.run_folder",
    "daemon.sections": "daemon.config.sections",
}
_OURS = ("connectors", "daemon", "strategies")


def failed_import(exc: ImportError | AttributeError, plug_in: str) -> str:
    """What failed, in which line of the plug-in, and what to do about it; for one line.

    plug_in: the module that was to be imported, as in "field_plugins.oldest".
    """
    return f"{exc}{_line(exc)}; {_cure(exc, plug_in)}"


def _cure(exc: ImportError | AttributeError, plug_in: str) -> str:
    name = _module(exc)
    if name in MOVED:
        return (
            f"{name} of earlier versions is {MOVED[name]} now: change this import of the plug-in "
            f"and install it again"
        )
    if name.partition(".")[0] in _OURS:
        return (
            "this version of Maskloop has no such name: install a release of the plug-in that was "
            "made for it, or change this import (strategies/README.md says what there is)"
        )
    if name and not f"{plug_in}.".startswith(f"{name}."):
        return f"install what {name} belongs to beside Maskloop, or correct this import"
    return "correct its name, put its folder on PYTHONPATH, or install it again"


def _module(exc: ImportError | AttributeError) -> str:
    """The module that is not there, or that lacks a name."""
    if isinstance(exc, ImportError):
        return exc.name or ""
    if not isinstance(exc.obj, ModuleType):
        return ""
    whole = f"{exc.obj.__name__}.{exc.name}"
    return whole if whole in MOVED else exc.obj.__name__


def _line(exc: BaseException) -> str:
    """The line that failed, where it is neither ours nor Python's."""
    frames = traceback.extract_tb(exc.__traceback__)
    home = Path(__file__).resolve().parents[2]
    theirs = [
        frame
        for frame in frames
        if not frame.filename.startswith("<")
        and "importlib" not in Path(frame.filename).parts
        and not any(Path(frame.filename).is_relative_to(home / room) for room in _OURS)
    ]
    return f" ({theirs[-1].filename}, line {theirs[-1].lineno})" if theirs else ""

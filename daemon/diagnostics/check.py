"""`maskloop check`: the list of all checks, and how they are run.

A check returns its faults, one text each: where, what was found, what was expected, what to do. It
also runs for `maskloop doctor`, but for those that start a process or change something.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from daemon.config.loading import Config
from daemon.diagnostics.figure_checks import overlap_faults, test_set_faults, validation_faults
from daemon.diagnostics.input_checks import (
    class_faults,
    image_faults,
    labeling_tool_faults,
    quarantine_faults,
    sam_model_faults,
    smart_tool_faults,
)
from daemon.diagnostics.learner_checks import learner_faults, opencv_faults
from daemon.diagnostics.notes import notes
from daemon.domain.errors import InputRefused, MaskloopError
from daemon.domain.os_errors import describe_os_error
from daemon.intake import Intake
from daemon.loop.components import open_launcher
from daemon.loop.start_checks import (
    access_faults,
    disk_faults,
    port_faults,
    state_folder_faults,
    strategy_trial_faults,
    web_access_faults,
)

FindFaults = Callable[[], Sequence[str]]
_STARTS_LEARNER = "it starts the learner, as `maskloop check` does"
SKIPPED_BY_DOCTOR = {
    "device and weights": _STARTS_LEARNER,
    "validation": _STARTS_LEARNER,
    "quarantine": "the store's part of this report counts what is quarantined",
}
NEED_LABELING_TOOL = ("labeling tool", "smart tool", "images", "test set and pool")
_NO_ACCESS = "the labeling tool does not let us in"


class Check(NamedTuple):
    """name: what is checked. find_faults: runs the check; empty: all is well."""

    name: str
    find_faults: FindFaults


def checks(config: Config) -> Sequence[Check]:
    """All checks, in the order in which a fault matters. None of them raises."""
    return [check for _, checks in sections(config) for check in checks]


def sections(config: Config) -> Sequence[tuple[str, Sequence[Check]]]:
    """The checks by section of the report: (title, checks)."""
    listed: Mapping[str, Mapping[str, FindFaults]] = {
        "Settings": {
            "strategies": lambda: strategy_trial_faults(config),
            "classes": lambda: class_faults(config),
            "test set": lambda: test_set_faults(config),
        },
        "This machine": {
            "state folder": lambda: state_folder_faults(config),
            "disk": lambda: disk_faults(config),
            "port": lambda: port_faults(config),
            "access to the page": lambda: web_access_faults(config),
            "cv2": opencv_faults,
        },
        "Learner": {
            "device and weights": lambda: learner_faults(config, open_launcher(config)),
        },
        "Labeling tool": {
            "labeling tool": lambda: labeling_tool_faults(config),
            "smart tool": lambda: smart_tool_faults(config),
            "files of SAM": lambda: sam_model_faults(config),
        },
        "Images": {
            "images": lambda: image_faults(config),
            "test set and pool": lambda: overlap_faults(config),
            "validation": lambda: validation_faults(config, open_launcher(config)),
            "quarantine": lambda: quarantine_faults(config),
        },
    }
    return [
        (title, [Check(name, _guarded(config, name, find)) for name, find in section.items()])
        for title, section in listed.items()
    ]


def print_checks(config: Config, say: Callable[[str], None]) -> int:
    """Run every check and say its faults, line by line, then the notes; the number of faults."""
    count = 0
    for title, section in sections(config):
        say(title)
        if title == "Settings":
            say("  ok     config.toml")  # else there would be no `config`
        for check in section:
            faults = check.find_faults()
            for line in [f"FAULT  {check.name}: {fault}" for fault in faults]:
                say(f"  {line}")
            if not faults:
                say(f"  ok     {check.name}")
            count += len(faults)
    if remarks := notes(config):
        say("Notes: worth knowing, no faults")
        for remark in remarks:
            say(f"  note   {remark}")
    say("all well" if not count else f"{count} fault{'s' if count > 1 else ''}")
    return count


def read_only_results(config: Config, *, tool_answers: bool) -> Mapping[str, Sequence[str] | str]:
    """Run the checks that change nothing and start no process.

    tool_answers: whether the labeling tool does; else its checks are skipped. Returns by name of
    the check: its faults, "ok", or why it was not tried.
    """
    skipped: Mapping[str, str] = SKIPPED_BY_DOCTOR
    if not tool_answers:
        skipped = {**dict.fromkeys(NEED_LABELING_TOOL, _NO_ACCESS), **skipped}
    found: dict[str, Sequence[str] | str] = {}
    for name, find_faults in checks(config):
        if name in skipped:
            found[name] = f"not tried: {skipped[name]}"
        elif name == "state folder":  # its own check writes a file
            found[name] = _guarded(config, name, lambda: access_faults(config))() or "ok"
        else:
            found[name] = find_faults() or "ok"
    return found


def _guarded(config: Config, name: str, find_faults: FindFaults) -> FindFaults:
    """The check with every exception as a fault, so that the others still run."""

    def guarded() -> Sequence[str]:
        found: Sequence[str] = ()
        intake = Intake()
        try:
            with intake.guard(
                name, expected="a check that ends", cure="report it with `maskloop doctor`"
            ):
                found = _faults_or_message(find_faults)
        except MaskloopError as exc:
            return [str(exc)]
        except OSError as exc:
            return [describe_os_error(exc, str(config.state))]
        except sqlite3.Error as exc:
            return [f"the store: {exc}; restore a copy that `maskloop backup` made"]
        return [*found, *map(str, intake.faults())]

    return guarded


def _faults_or_message(find_faults: FindFaults) -> Sequence[str]:
    """What a check finds. An error of ours is its fault, word for word: it says what to do."""
    try:
        return find_faults()
    except InputRefused:
        raise
    except MaskloopError as exc:
        return [str(exc)]

"""`maskloop check`: everything that can be known before the loop runs, in plain words."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from daemon.config.loading import Config
from daemon.diagnostics.figure_checks import overlap_faults, test_set_faults, validation_faults
from daemon.domain import Stage
from daemon.domain.errors import InputRefused, MaskloopError, StoreTooOld
from daemon.domain.os_errors import in_words
from daemon.intake import Intake
from daemon.launchers import Launcher
from daemon.loop.components import open_connector, open_launcher, require_token
from daemon.loop.start_checks import (
    access_faults,
    disk_faults,
    port_faults,
    state_folder_faults,
    strategy_trial_faults,
)
from daemon.runs.folder import EmbedRequest, RunFolder
from daemon.stages.classes import require_same_classes
from daemon.stages.image_content import CURE, EXPECTED, check_image, fault_location
from daemon.stages.run_settings import pending_changes
from daemon.stages.unused_files import faults_and_notes
from daemon.stages.warm_start import network_changes
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store

LOOKED_AT = 200  # images
_LEARNER_S = 180.0
Check = tuple[str, Callable[[], Sequence[str]]]
_LEARNER = "it starts the learner, as `maskloop check` does"
NOT_TRIED = {
    "device and weights": _LEARNER,
    "validation": _LEARNER,
    "quarantine": "the store's part of this report counts what is quarantined",
}
ASK_THE_TOOL = ("labeling tool", "images", "test set and pool")
_SILENT = "the labeling tool does not let us in"
_CV2 = (
    "import cv2, re; info = cv2.getBuildInformation(); "
    "raise SystemExit(None if re.search(r'GUI:\\s+NONE', info) else 'a build with windows')"
)


def checks(config: Config) -> Sequence[Check]:
    """(what is checked, how), in the order in which a fault matters."""
    return [check for _, parts in sections(config) for check in parts]


def sections(config: Config) -> Sequence[tuple[str, Sequence[Check]]]:
    """The checks under what they are about."""
    parts: Mapping[str, Sequence[Check]] = {
        "Settings": [
            ("strategies", lambda: strategy_trial_faults(config)),
            ("classes", lambda: _classes(config)),
            ("test set", lambda: test_set_faults(config)),
        ],
        "This machine": [
            ("state folder", lambda: state_folder_faults(config)),
            ("disk", lambda: disk_faults(config)),
            ("port", lambda: port_faults(config)),
            ("cv2", _cv2),
        ],
        "Learner": [("device and weights", lambda: _learner(config, open_launcher(config)))],
        "Labeling tool": [("labeling tool", lambda: _tool(config))],
        "Images": [
            ("images", lambda: _images(config)),
            ("test set and pool", lambda: overlap_faults(config)),
            ("validation", lambda: validation_faults(config, open_launcher(config))),
            ("quarantine", lambda: _quarantine(config)),
        ],
    }
    return [
        (title, [(name, _guarded(config, name, attempt)) for name, attempt in checks])
        for title, checks in parts.items()
    ]


def report(config: Config, say: Callable[[str], None]) -> int:
    """Make every check and say what it found; how many faults there are."""
    count = 0
    for title, parts in sections(config):
        say(title)
        if title == "Settings":
            say("  ok     config.toml")  # or there would be no `config`
        for name, attempt in parts:
            found = attempt()
            for line in [f"FAULT  {name}: {fault}" for fault in found] or [f"ok     {name}"]:
                say(f"  {line}")
            count += len(found)
    if told := notes(config):
        say("Notes: worth knowing, no faults")
        for words in told:
            say(f"  note   {words}")
    say("all well" if not count else f"{count} fault{'s' if count > 1 else ''}")
    return count


def look(config: Config, *, tool_answers: bool) -> Mapping[str, Sequence[str] | str]:
    """What the checks find that change nothing and start nothing, by name: the faults, "ok", or
    why one was not tried. tool_answers: whether the labeling tool does."""
    found: dict[str, Sequence[str] | str] = {}
    untried = NOT_TRIED if tool_answers else {**dict.fromkeys(ASK_THE_TOOL, _SILENT), **NOT_TRIED}
    for name, attempt in checks(config):
        if name == "state folder":  # its own check writes a file
            attempt = _guarded(config, name, lambda: access_faults(config))
        found[name] = f"not tried: {untried[name]}" if name in untried else attempt() or "ok"
    return found


def _guarded(
    config: Config, name: str, attempt: Callable[[], Sequence[str]]
) -> Callable[[], Sequence[str]]:
    """The check, whatever it meets: the others go on, and one line says what it was."""

    def guarded() -> Sequence[str]:
        found: Sequence[str] = ()
        intake = Intake()
        try:
            with intake.one(
                name, expected="a check that ends", cure="report it with `maskloop doctor`"
            ):
                found = _in_its_words(attempt)
        except MaskloopError as exc:
            return [str(exc)]
        except OSError as exc:
            return [in_words(exc, str(config.state))]
        except sqlite3.Error as exc:
            return [f"the store: {exc}; restore a copy that `maskloop backup` made"]
        return [*found, *map(str, intake.faults())]

    return guarded


def _in_its_words(attempt: Callable[[], Sequence[str]]) -> Sequence[str]:
    """What a check finds; an error that is of no input says itself what to do."""
    try:
        return attempt()
    except InputRefused:
        raise
    except MaskloopError as exc:
        return [str(exc)]


def _classes(config: Config) -> Sequence[str]:
    """Whether the labels in the store were read with these classes."""
    path = config.state / FILE
    if not path.exists():
        return []
    with Store(path, read_only=True) as store:
        return _caught(lambda: require_same_classes(store, config))


def _tool(config: Config) -> Sequence[str]:
    try:
        require_token(config)
        with closing(open_connector(config)) as connector:
            return [str(fault) for fault in connector.check()]
    except MaskloopError as exc:
        return [str(exc)]


def notes(config: Config) -> Sequence[str]:
    """What is well and still worth knowing; of the tool nothing where it does not answer."""
    try:
        with closing(open_connector(config)) as connector:
            found = [*connector.notes(), *faults_and_notes(connector.left_out())[1]]
    except (MaskloopError, OSError):
        found = []
    return [*_notes_on_store(config), *_notes_on_runs(config), *found]


def _notes_on_store(config: Config) -> Iterator[str]:
    """That the next start brings a store of an older version up to date."""
    path = config.state / FILE
    try:
        if path.exists():
            with Store(path, read_only=True) as store:
                store.require_current(path)
    except StoreTooOld as exc:
        yield f"{exc}; `maskloop backup FILE` keeps it as it is, for the older version"
    except MaskloopError:
        return  # the checks say it


def _notes_on_runs(config: Config) -> Iterator[str]:
    """What changed settings mean for the run in progress and for the next training."""
    runs = [RunFolder(path) for path in sorted((config.state / "runs").glob("[0-9]*-*"))]
    trained = [run for run in runs if run.finished() and run.checkpoint.exists()]
    try:
        for run in runs[-len(Stage) :]:
            stage = Stage(run.path.name.rpartition("-")[2])
            if words := pending_changes(config, run, stage):
                yield f"run {run.path.name} will be started again, config.toml changed: {words}"
        if trained and (words := network_changes(config, trained[-1])):
            yield f"the next training starts from ImageNet weights, the network changed: {words}"
    except (MaskloopError, OSError, ValueError) as exc:
        yield f"the runs in {config.state}: {exc}"


def _images(config: Config) -> Sequence[str]:
    """The first images are opened; all of them are when the daemon takes them in."""
    try:
        with closing(open_connector(config)) as connector:
            found = list(islice(connector.images(), LOOKED_AT))
            intake = Intake()
            for image in found:
                with intake.one(fault_location(image.key), expected=EXPECTED, cure=CURE):
                    check_image(connector, config, image)
            faults = [str(fault) for fault in intake.faults()]
            faults += faults_and_notes(connector.left_out())[0]
    except MaskloopError as exc:
        return [str(exc)]
    return faults if found else ["there is none; expected at least one; see [images]"]


def _quarantine(config: Config) -> Sequence[str]:
    try:
        return [fault.line() for fault in read_status(config).quarantine]
    except StoreTooOld:
        return []  # no fault: a note says what becomes of it


def _cv2() -> Sequence[str]:
    done = subprocess.run([sys.executable, "-c", _CV2], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    found = (done.stderr.strip().splitlines() or ["an import that failed"])[-1]
    return [
        f"got {found}; expected the headless OpenCV; run `make setup`, or pip install "
        f"--force-reinstall --no-deps opencv-python-headless==4.12.0.88"
    ]


def _learner(config: Config, launcher: Launcher) -> Sequence[str]:
    """Embed no image at all: this loads the encoder's weights and opens the device."""
    with tempfile.TemporaryDirectory(prefix="maskloop-check-") as folder:
        run = RunFolder(Path(folder) / "check")
        training = config.training
        request = EmbedRequest(
            classes=config.classes.names,
            device=training.device,
            threads=training.threads,
            settings={"preset": training.preset, **training.settings},
            images=(),
        )
        run.write_request(request)
        try:
            deadline = time.monotonic() + _LEARNER_S
            while not launcher.advance(run, "embed"):
                if time.monotonic() > deadline:
                    return [f"the learner gave no answer in {_LEARNER_S:.0f} s; see {run.log}"]
                time.sleep(0.2)
        except MaskloopError as exc:
            return [str(exc)]
        finally:
            launcher.stop()
    return []


def _caught(attempt: Callable[[], object]) -> Sequence[str]:
    try:
        attempt()
    except MaskloopError as exc:
        return [str(exc)]
    return []

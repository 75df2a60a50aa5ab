"""The probe: a linear head on frozen features in place of HRDA, for studies with many seeds.

`make_features` computes the features of all images once; `ProbeLauncher` then answers the runs of
any number of simulated loops in about a second each, with one process that stays. What the probe
cannot show stands in daemon/hrda/probe/README.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from daemon.config.learner import ENCODER, settings_of
from daemon.experiment.child_runs import run_to_end
from daemon.launchers import module_of
from daemon.launchers.local import LocalLauncher, child_environment, failure_of
from daemon.runs.checksums import sha256_of
from daemon.runs.parent_death import PARENT_STDIN
from daemon.runs.run_folder import FeaturesRequest, ImageFile, RunFolder

STOP_S = 20.0  # between SIGTERM and SIGKILL
FORMAT = 1  # of the features: another one is another folder


def make_features(
    images: Sequence[Path],
    out: Path,
    settings: Mapping[str, Any],
    *,
    device: str = "auto",
    threads: int = 0,
    on_progress: Callable[[RunFolder], None] = lambda _: None,
) -> Path:
    """The folder with the features of these images, made in `out` unless it is there already.

    Its name depends on the bytes of the images and the encoder's settings, so that arms, seeds and
    later simulations share it; a run that was killed goes on. images: of the pool and the test
    set, in any order. settings: of the learner; the encoder's count. Raises ConfigError, RunFailed.
    """
    encoder = {name: getattr(settings_of(settings), name) for name in ENCODER}
    request = FeaturesRequest(
        device=device,
        threads=threads,
        settings=encoder,
        images=tuple(
            ImageFile(id=row, image=path.absolute()) for row, path in enumerate(sorted(images))
        ),
    )
    run = RunFolder(out / f"features-{features_key(request)}")
    run.write_request(request)
    run_to_end(run, "features", on_progress)
    return run.path


def features_key(request: FeaturesRequest) -> str:
    """16 hex digits of what features depend on: the encoder, how cells are made, and the bytes of
    the images, whatever their paths and order. Settings of the learner beside the encoder's count
    if the request has them."""
    contents = sorted({_content(file.image) for file in request.images})
    cells = [FORMAT, request.stride, request.channels, request.seed]
    what = json.dumps([cells, dict(request.settings), contents], sort_keys=True)
    return hashlib.sha256(what.encode()).hexdigest()[:16]


def _content(path: Path) -> str:
    """What the key has of an image: its bytes; its name where the run will leave it out."""
    try:
        return sha256_of(path)
    except OSError:
        return f"unreadable: {path.name}"


class ProbeLauncher:
    """Runs the probe on the features in a folder; the contract is daemon.launchers.Launcher.

    A process does one run after the other and stays for the next, since starting one would take
    longer than a run; runs at the same time have a process each. Commands without a learner run as
    everywhere (`module_of`). module: what `python -m` runs with the folder; it reads lines of a
    verb and a run folder.
    """

    def __init__(self, features: Path, module: str = "daemon.hrda.probe") -> None:
        self._module, self._features = module, features
        self._without_learner = LocalLauncher()
        self._working: dict[Path, subprocess.Popen[bytes]] = {}
        self._idle: list[subprocess.Popen[bytes]] = []

    def advance(self, run: RunFolder, command: str) -> bool:
        """Start the run unless it runs; True once it has finished. Never waits.

        Raises RunFailed when a process ended without a result.
        """
        if module_of(command, self._module) != self._module:
            return self._without_learner.advance(run, command)
        child = self._working.get(run.path)
        if child is None:
            if run.finished():
                return True
            if run.holder() is None:  # else a process of an earlier simulation ends its work
                self._start(run, command)
            return False
        code = child.poll()
        if run.finished():
            self._working.pop(run.path)
            self._idle.append(child)
            return True
        if code is None:
            return False
        _close(self._working.pop(run.path))
        raise failure_of(run, command, code)

    def release(self, run: RunFolder) -> bool:
        """End the process of the folder; True once there is none. Never waits."""
        child = self._working.get(run.path)
        if child is not None:
            if child.poll() is None:
                child.terminate()
                return False
            _close(self._working.pop(run.path))
        return self._without_learner.release(run)

    def stop(self) -> None:
        """End every process that was started; those that have not ended after STOP_S are killed."""
        self._without_learner.stop()
        children = [*self._working.values(), *self._idle]
        self._working.clear()
        self._idle.clear()
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            _close(child)

    def _start(self, run: RunFolder, command: str) -> None:
        run.error_file.unlink(missing_ok=True)
        child = self._process(run)
        self._working[run.path] = child
        line = json.dumps([command, str(run.path.absolute())])
        with suppress(BrokenPipeError):  # it has ended: `advance` finds that, with its last words
            _input(child).write(f"{line}\n".encode())
            _input(child).flush()

    def _process(self, run: RunFolder) -> subprocess.Popen[bytes]:
        """One that waits, else a new one; until its first run it prints into the log of this."""
        while self._idle:
            child = self._idle.pop()
            if child.poll() is None:
                return child
            _close(child)
        environment = child_environment(os.environ)
        environment.pop(PARENT_STDIN)  # its stdin carries the runs, and ends with this process too
        with run.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", self._module, str(self._features)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )


def _input(child: subprocess.Popen[bytes]) -> Any:
    return child.stdin


def _close(child: subprocess.Popen[bytes]) -> None:
    with suppress(BrokenPipeError):
        _input(child).close()

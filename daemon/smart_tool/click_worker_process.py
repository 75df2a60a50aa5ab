"""The worker child that answers clicks by a network: started, asked in time, started again.

It is started by a thread that lives as long as it should (daemon/runs/parent_death.py), which also
reads its answers. A worker that ends is started again after 1, 2, 4, ... seconds, 5 minutes at
most.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from daemon.domain.errors import RunFailed
from daemon.launchers.local import child_environment
from daemon.runs.click_worker_messages import (
    MAX_ANSWER_BYTES,
    ClicksRequest,
    WorkerAnswer,
    WorkerError,
    WorkerQuestion,
    WorkerReady,
    line_of,
    next_line,
    read_answer,
)
from daemon.runs.durable import write_json
from daemon.runs.run_folder import RunFolder

MOST_WAITING = 8  # questions without an answer; they fit into the pipe
STUCK_S = 60.0  # a worker that has not answered for so long is ended
LOOK_S = 5.0  # between two looks at which model is wanted
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 300.0
_STOP_S = 5.0

log = logging.getLogger(__name__)

Wanted = Callable[[], ClicksRequest | None]


class NoAnswerError(Exception):
    """The worker gave no answer in time; the words say why. is_wanted: whether there should be a
    worker at all."""

    def __init__(self, why: str, *, is_wanted: bool = True) -> None:
        super().__init__(why)
        self.is_wanted = is_wanted


@dataclass
class _Child:
    """A running worker. asked_s: when each question without an answer was asked."""

    process: subprocess.Popen[bytes]
    request: ClicksRequest
    is_ready: bool = False
    is_unwanted: bool = False
    asked_s: dict[str, float] = field(default_factory=dict)


class ClickWorkerProcess:
    """One worker for the model that is wanted. Thread-safe; close it.

    wanted: what the worker shall serve now; None: none is started. folder: of its run. module: what
    `python -m` runs. steady_s: a monotonic clock in seconds.
    """

    def __init__(
        self,
        wanted: Wanted,
        folder: RunFolder,
        steady_s: Callable[[], float],
        module: str = "daemon.hrda",
    ) -> None:
        self._wanted, self._folder, self._module = wanted, folder, module
        self._steady_s, self._looked_s = steady_s, steady_s()
        self._child: _Child | None = None
        self._waiting: dict[str, Future[WorkerAnswer]] = {}
        self._count, self._pause_s = 0, FIRST_PAUSE_S
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="click-worker", daemon=True)
        self._thread.start()

    def ask(self, question: WorkerQuestion, deadline_s: float) -> WorkerAnswer:
        """The answer to a question, whose id is replaced. Raises NoAnswerError after the deadline,
        and at once where no worker is ready."""
        started = self._steady_s()
        with self._lock:
            self._end_unwanted_child(started)
            name, future = self._send(question, started)
        try:
            return future.result(timeout=max(0.0, deadline_s - (self._steady_s() - started)))
        except LateError as exc:
            raise NoAnswerError("the worker was late") from exc
        finally:
            with self._lock:
                self._waiting.pop(name, None)

    def close(self) -> None:
        """End the worker and wait for that."""
        self._stopped.set()
        with self._lock:
            child = self._child
        if child is not None:
            _end(child)
            try:
                child.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.process.kill()
        self._thread.join()

    def _send(self, question: WorkerQuestion, now_s: float) -> tuple[str, Future[WorkerAnswer]]:
        child = self._child
        if child is None:
            raise NoAnswerError("no worker runs", is_wanted=self._wanted() is not None)
        if not child.is_ready or child.process.stdin is None:
            raise NoAnswerError("the worker is starting")
        if len(child.asked_s) >= MOST_WAITING:
            raise NoAnswerError("the worker has too much to do")
        self._count += 1
        name, future = str(self._count), Future[WorkerAnswer]()
        try:
            child.process.stdin.write(line_of(question.model_copy(update={"id": name})))
            child.process.stdin.flush()
        except (OSError, ValueError) as exc:  # it has ended, or is being ended
            raise NoAnswerError("the worker has ended") from exc
        self._waiting[name] = future
        child.asked_s[name] = now_s
        return name, future

    def _end_unwanted_child(self, now_s: float) -> None:
        """End a worker of another model than the wanted one, and one that is stuck."""
        child = self._child
        if child is None or child.is_unwanted:
            return
        if any(now_s - asked > STUCK_S for asked in child.asked_s.values()):
            log.warning("the click worker has not answered for %.0f s: it is ended", STUCK_S)
            child.process.kill()
        elif now_s - self._looked_s > LOOK_S:
            self._looked_s = now_s
            if self._wanted() != child.request:
                child.is_unwanted = True
                _end(child)

    def _supervise(self) -> None:
        while not self._stopped.is_set():
            request = self._wanted()
            if request is None:
                self._stopped.wait(LOOK_S)
                continue
            was_unwanted = self._run(request)
            if not was_unwanted and not self._stopped.wait(self._pause_s):
                self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _run(self, request: ClicksRequest) -> bool:
        """Start a worker and read what it says until it ends; whether it was ended on purpose."""
        try:
            child = _Child(process=self._start(request), request=request)
        except OSError as exc:
            log.warning("the click worker cannot be started: %s", exc)
            return False
        with self._lock:
            self._child = child
        try:
            self._read(child)
        except RunFailed as exc:
            log.warning("%s", exc)
        finally:
            self._remove(child)
        return child.is_unwanted

    def _start(self, request: ClicksRequest) -> subprocess.Popen[bytes]:
        folder = self._folder
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.error_file.unlink(missing_ok=True)
        write_json(folder.request_file, request.model_dump(mode="json"))
        with folder.log.open("wb") as written:
            return subprocess.Popen(
                [sys.executable, "-m", self._module, "clicks", str(folder.path.absolute())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=written,
                env=child_environment(os.environ),
                start_new_session=True,
            )

    def _read(self, child: _Child) -> None:
        answers = cast("BinaryIO", child.process.stdout)
        while (line := next_line(answers, MAX_ANSWER_BYTES)) is not None:
            said = read_answer(line)
            with self._lock:
                if isinstance(said, WorkerReady):
                    child.is_ready = True
                    continue
                child.asked_s.pop(said.id, None)
                future = self._waiting.pop(said.id, None)
                self._pause_s = FIRST_PAUSE_S
            if future is not None and isinstance(said, WorkerAnswer):
                future.set_result(said)
            elif future is not None and isinstance(said, WorkerError):
                future.set_exception(NoAnswerError(said.error))

    def _remove(self, child: _Child) -> None:
        """After its end: nobody waits for it any more."""
        with self._lock:
            self._child = None
            lost, self._waiting = list(self._waiting.values()), {}
        for future in lost:
            future.set_exception(NoAnswerError("the worker has ended"))
        _end(child)
        if child.process.stdout is not None:
            child.process.stdout.close()
        child.process.kill()
        code = child.process.wait()
        if not child.is_unwanted and not self._stopped.is_set():
            failure = self._folder.read_error()
            why = "" if failure is None else f" ({failure.message})"
            log.warning("the click worker ended with %d%s; its output is in %s", code, why,
                        self._folder.log)  # fmt: skip


def _end(child: _Child) -> None:
    """Close what it reads: it ends with that."""
    with suppress(OSError, ValueError):
        if child.process.stdin is not None:
            child.process.stdin.close()

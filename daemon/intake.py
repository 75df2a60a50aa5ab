"""The guard around everything that comes from outside: one bad input never ends a tick.

`Intake.guard` wraps the reading of one image, annotation, skip, file or address. An exception in it
becomes a fault that names the input; the caller goes on with the next one. Exceptions that are not
about the input pass through (`is_environment_error`): too little memory or disk, a lost connection,
a server that refuses every request, a fault of the configuration.

If one line of Maskloop's own code fails on more than a fifth of at least 20 inputs, the fault is
Maskloop's: `Intake.faults` then raises IntakeBroken and nothing is quarantined.
"""

from __future__ import annotations

import errno
import sqlite3
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from daemon.domain import AnswerId, Fault
from daemon.domain.errors import (
    ConfigError,
    ConnectorRefused,
    ConnectorUnavailable,
    DiskFull,
    InputRefused,
    IntakeBroken,
    MaskloopError,
    StoreInUse,
)

MIN_INPUTS = 20  # with fewer, every failure is a fault of its input
MAX_FAILING_SHARE = 0.2  # above it the line of code is at fault, not the inputs
_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("daemon", "connectors", "strategies")
_RESOURCE_ERRNOS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENOMEM,
    errno.EMFILE,
    errno.ENFILE,
    errno.EROFS,
)
_ENVIRONMENT_ERRORS = (
    MemoryError,
    DiskFull,
    ConnectorUnavailable,
    ConnectorRefused,
    ConfigError,
    IntakeBroken,
    sqlite3.OperationalError,
)


T = TypeVar("T")
OwnLine = tuple[str, str]  # name of an exception, line of our code that raised it


@dataclass(frozen=True, kw_only=True)
class InputFailure:
    """Why one input cannot be used. own_line: None for a refusal, a MaskloopError."""

    fault: Fault
    own_line: OwnLine | None


@dataclass(frozen=True, kw_only=True)
class Postponed:
    """The work failed for a reason that is not about its input: it has to be done again later."""

    cause: Exception


def try_input(
    work: Callable[[], T], where: str, *, expected: str, cure: str
) -> T | InputFailure | Postponed:
    """The result of the work on one input, or its failure as a value, for use in another thread.

    where, expected, cure: as in `Intake.guard`. `Intake.add_failure` takes the failure.
    """
    try:
        return _run_guarded(work, where, expected, cure)
    except (*_ENVIRONMENT_ERRORS, OSError) as exc:
        return Postponed(cause=exc)


def _run_guarded(work: Callable[[], T], where: str, expected: str, cure: str) -> T | InputFailure:
    try:
        return work()
    except Exception as exc:
        if is_environment_error(exc):
            raise
        return failure_of(exc, where, expected=expected, cure=cure)


class Intake:
    """Guards inputs one by one and collects a fault for each that cannot be used.

    accepted: inputs that an earlier intake could use before it raised IntakeBroken; they are not
    read again, and count among the inputs.
    """

    def __init__(self, accepted: int = 0) -> None:
        self.count = accepted  # of the inputs so far
        self.accepted = accepted  # of them, those that can be used
        self._faults: list[Fault] = []
        self._failing_lines: Counter[OwnLine] = Counter()  # failures by line
        self._first_faults: dict[OwnLine, str] = {}

    @contextmanager
    def guard(
        self,
        where: str,
        *,
        expected: str,
        cure: str,
        answer: AnswerId | None = None,
        task: str | None = None,
    ) -> Iterator[None]:
        """Read one input inside this block; an exception in it becomes a fault of `where`.

        expected, cure: used where the exception does not carry its own. answer: set if the input is
        a person's answer about a known image. task: set if it is a task of the labeling tool.
        """
        try:
            yield
        except Exception as exc:
            if is_environment_error(exc):
                raise
            failure = failure_of(exc, where, expected=expected, cure=cure)
            fault = failure.fault
            fault = replace(fault, answer=answer or fault.answer, task=task or fault.task)
            self.add_failure(replace(failure, fault=fault))
        else:
            self.count += 1
            self.accepted += 1

    def add_failure(self, failure: InputFailure) -> None:
        """Count and collect a failure of `try_input`."""
        self.count += 1
        self._faults.append(failure.fault)
        if failure.own_line is not None:
            self._failing_lines[failure.own_line] += 1
            self._first_faults.setdefault(failure.own_line, str(failure.fault))

    def add(self, fault: Fault) -> None:
        """Collect a fault that was found without an exception."""
        self._faults.append(fault)

    def faults(self) -> tuple[Fault, ...]:
        """The faults so far. Raises IntakeBroken if one line of ours failed on too many inputs."""
        for line, times in self._failing_lines.most_common(1):
            if self.count >= MIN_INPUTS and times > MAX_FAILING_SHARE * self.count:
                raise IntakeBroken(
                    f"{line[1]}: {line[0]} on {times} of {self.count} inputs, the first: "
                    f"{self._first_faults[line]}; expected none; this is a fault of Maskloop, not "
                    f"of your data: nothing was quarantined, it is tried again at every tick; "
                    f"please report it with the output of `maskloop doctor`"
                )
        return tuple(self._faults)


class DeferredFailures:
    """Failures of parts of a tick, raised at its end: one part that fails stops no other.

    Deferred are failures that say nothing about the rest of the tick, and IntakeBroken. Other
    environment errors, errors of the operating system and StoreInUse are raised at once.
    """

    def __init__(self) -> None:
        self._failed: list[Exception] = []

    @contextmanager
    def defer(self, name: str) -> Iterator[None]:
        """Do one part of a tick inside this block; its exception waits for `raise_deferred`."""
        try:
            yield
        except Exception as exc:
            is_broken = isinstance(exc, IntakeBroken)
            if not is_broken and (
                is_environment_error(exc) or isinstance(exc, OSError | StoreInUse)
            ):
                raise
            exc.add_note(f"while {name}")
            self._failed.append(exc)

    def raise_deferred(self) -> None:
        """Raise the first deferred failure, if any, with the others as its notes."""
        if not self._failed:
            return
        first, *others = self._failed
        for other in others:
            first.add_note(f"and then {type(other).__name__}: {other}")
        raise first


def is_environment_error(exc: BaseException) -> bool:
    """Whether an exception is about the machine, the server or the configuration, not the input.

    The caller has to stop and try again later, since the next input would fail too.
    """
    if isinstance(exc, OSError) and exc.errno in _RESOURCE_ERRNOS:
        return True
    return isinstance(exc, _ENVIRONMENT_ERRORS)


def failure_of(exc: Exception, where: str, *, expected: str, cure: str) -> InputFailure:
    """The failure of an input as a value that holds no reference to the exception."""
    is_refusal = isinstance(exc, MaskloopError)
    return InputFailure(
        fault=fault_of(exc, where, expected=expected, cure=cure),
        own_line=None if is_refusal else (type(exc).__name__, own_source_line(exc)),
    )


def fault_of(exc: Exception, where: str, *, expected: str, cure: str) -> Fault:
    """The fault of an exception: the one that it carries, else one made of its message."""
    own = getattr(exc, "fault", None)
    if isinstance(own, Fault):
        return own
    if isinstance(exc, InputRefused) and exc.got:
        return Fault(
            where=where, got=exc.got, expected=exc.expected or expected, cure=exc.cure or cure
        )
    if isinstance(exc, MaskloopError):
        return Fault(where=where, got=str(exc), expected=expected, cure=cure)
    got = f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
    return Fault(where=where, got=got, expected=expected, cure=cure)


def own_source_line(exc: BaseException) -> str:
    """The innermost line of our own code in the traceback, as "connectors/folder.py:167"."""
    for frame in reversed(traceback.extract_tb(exc.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(_ROOT):
            inner = path.relative_to(_ROOT)
            if inner.parts[0] in _PACKAGES and inner.as_posix() != "daemon/intake.py":
                return f"{inner.as_posix()}:{frame.lineno}"
    return "outside of Maskloop"

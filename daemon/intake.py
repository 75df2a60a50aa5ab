"""The guard around everything that comes from outside: one bad input never ends a tick.

`Intake.one` wraps the reading of one image, annotation, skip, file or address. Whatever that
raises becomes a fault which names the culprit; the caller goes on with the next input. Three kinds
of exceptions are no fault of the input and pass through: want of memory or disk, a lost
connection or a refusal of the whole server, and faults of the configuration.

One line of our own code that fails on more than a fifth of at least 20 inputs is our own fault:
`Intake.faults` then raises IntakeBroken and nothing is quarantined.
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

ENOUGH_INPUTS = 20  # fewer say nothing about whose fault it is
OUR_SHARE = 0.2  # of the inputs: above it the line of code is at fault, not the inputs
_OURS = Path(__file__).resolve().parent.parent
_PACKAGES = ("daemon", "connectors", "strategies")
_RESOURCES = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EROFS)
_PASSING = (
    MemoryError,
    DiskFull,
    ConnectorUnavailable,
    ConnectorRefused,
    ConfigError,
    IntakeBroken,
    sqlite3.OperationalError,
)


T = TypeVar("T")
Line = tuple[str, str]  # the name of an exception, and the line of ours that raised it


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why one input cannot be used. surprise: set where it was no refusal of our own."""

    fault: Fault
    surprise: Line | None


@dataclass(frozen=True, kw_only=True)
class Paused:
    """An attempt that says nothing about its input: it has to be made again later."""

    cause: Exception


def attempt(work: Callable[[], T], where: str, *, expected: str, cure: str) -> T | Failure | Paused:
    """Do the work on one input; what it raises is told as a value, for another thread to judge.

    where, expected, cure: as in `Intake.one`.
    """
    try:
        return _tried(work, where, expected, cure)
    except (*_PASSING, OSError) as exc:
        return Paused(cause=exc)


def _tried(work: Callable[[], T], where: str, expected: str, cure: str) -> T | Failure:
    try:
        return work()
    except Exception as exc:
        if passes(exc):
            raise
        return failure_of(exc, where, expected=expected, cure=cure)


class Intake:
    """Takes inputs in, one by one, and collects a fault for each that cannot be used.

    through: inputs that came through an earlier intake, which was broken: they are not tried again
    and count beside those that are.
    """

    def __init__(self, through: int = 0) -> None:
        self.count = through  # of the inputs so far
        self.through = through  # of them, those that can be used
        self._faults: list[Fault] = []
        self._lines: Counter[Line] = Counter()  # of surprises
        self._samples: dict[Line, str] = {}

    @contextmanager
    def one(
        self,
        where: str,
        *,
        expected: str,
        cure: str,
        answer: AnswerId | None = None,
        task: str | None = None,
    ) -> Iterator[None]:
        """Read one input inside this block; what the block raises becomes a fault of `where`.

        expected, cure: for exceptions that do not say so themselves. answer: where the input is a
        person's answer about a known image. task: where it is a task of the labeling tool.
        """
        try:
            yield
        except Exception as exc:
            if passes(exc):
                raise
            failure = failure_of(exc, where, expected=expected, cure=cure)
            fault = failure.fault
            fault = replace(fault, answer=answer or fault.answer, task=task or fault.task)
            self.add_failure(replace(failure, fault=fault))
        else:
            self.count += 1
            self.through += 1

    def add_failure(self, failure: Failure) -> None:
        """Count an input that somebody else tried in vain."""
        self.count += 1
        self._faults.append(failure.fault)
        if failure.surprise is not None:
            self._lines[failure.surprise] += 1
            self._samples.setdefault(failure.surprise, str(failure.fault))

    def add(self, fault: Fault) -> None:
        """Keep a fault that was found without an exception."""
        self._faults.append(fault)

    def faults(self) -> tuple[Fault, ...]:
        """The faults so far. Raises IntakeBroken where one line of ours failed on too many."""
        for line, times in self._lines.most_common(1):
            if self.count >= ENOUGH_INPUTS and times > OUR_SHARE * self.count:
                raise IntakeBroken(
                    f"{line[1]}: {line[0]} on {times} of {self.count} inputs, the first: "
                    f"{self._samples[line]}; expected none; this is a fault of Maskloop, not of "
                    f"your data: nothing was quarantined, it is tried again at every tick; please "
                    f"report it with the output of `maskloop doctor`"
                )
        return tuple(self._faults)


class Failures:
    """What went wrong in the parts of a tick: a part that fails does not stop the others.

    Only for failures that say nothing about the rest of the tick. Whatever `passes`, except for
    IntakeBroken, and errors of the machine come through at once.
    """

    def __init__(self) -> None:
        self._failed: list[Exception] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Do one part of a tick inside this block; what it raises is kept for `raise_first`."""
        try:
            yield
        except Exception as exc:
            is_ours = isinstance(exc, IntakeBroken)
            if not is_ours and (passes(exc) or isinstance(exc, OSError | StoreInUse)):
                raise
            exc.add_note(f"while {name}")
            self._failed.append(exc)

    def raise_first(self) -> None:
        """Raise the first failure, when every part had its turn; the others come as notes."""
        if not self._failed:
            return
        first, *others = self._failed
        for other in others:
            first.add_note(f"and then {type(other).__name__}: {other}")
        raise first


def passes(exc: BaseException) -> bool:
    """Whether an exception says nothing about the input: the tick has to pause instead."""
    if isinstance(exc, OSError) and exc.errno in _RESOURCES:
        return True
    return isinstance(exc, _PASSING)


def failure_of(exc: Exception, where: str, *, expected: str, cure: str) -> Failure:
    """What an exception means for its input; nothing of the exception is kept."""
    is_ours = isinstance(exc, MaskloopError)
    return Failure(
        fault=fault_of(exc, where, expected=expected, cure=cure),
        surprise=None if is_ours else (type(exc).__name__, line_of_ours(exc)),
    )


def fault_of(exc: Exception, where: str, *, expected: str, cure: str) -> Fault:
    """The fault that an exception means: its own where it carries one."""
    own = getattr(exc, "fault", None)
    if isinstance(own, Fault):
        return own
    if isinstance(exc, InputRefused) and exc.got:
        told = exc.expected or expected, exc.cure or cure
        return Fault(where=where, got=exc.got, expected=told[0], cure=told[1])
    if isinstance(exc, MaskloopError):
        return Fault(where=where, got=str(exc), expected=expected, cure=cure)
    words = f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
    return Fault(where=where, got=words, expected=expected, cure=cure)


def line_of_ours(exc: BaseException) -> str:
    """The innermost line of our own code in the traceback, as "connectors/folder.py:167"."""
    for frame in reversed(traceback.extract_tb(exc.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(_OURS):
            inner = path.relative_to(_OURS)
            if inner.parts[0] in _PACKAGES and inner.as_posix() != "daemon/intake.py":
                return f"{inner.as_posix()}:{frame.lineno}"
    return "outside of Maskloop"

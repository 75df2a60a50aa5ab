"""Every error of ours. The docstring is what it means and what to do; the message says where.

MaskloopError
├── ConfigError            config.toml
├── CommandRefused         what a person asks the loop to do
├── CommandPostponed
├── StoreInUse             the state folder
├── StoreUnreadable
├── StoreTooNew
├── StoreTooOld
├── ConnectorUnavailable   the labeling tool
├── ConnectorRefused
│   └── OutcomeUnknown
├── IntakeBroken           our own code, on many inputs
├── InputRefused           one input
│   ├── ImageRefused       one image
│   └── MaskRefused        one mask
├── PoolInvalid            arrays given to a strategy
├── PoolEmpty              what validation and test leave to train on
├── RunFailed              a child process
├── DiskFull
├── DatasetRefused         the source, class map or folder of `maskloop import`
├── DemoFailed             the demo's own Label Studio, images or folder
└── ExperimentRefused      the folders, lists and options of `maskloop train`
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class MaskloopError(Exception):
    """Base class: anything below is expected and is shown without a traceback."""


class ConfigError(MaskloopError):
    """config.toml says something the daemon cannot do. Correct the lines that it lists."""


class CommandRefused(MaskloopError):
    """A command asks for what does not exist or may not be done. The message says what may."""


class CommandPostponed(MaskloopError):
    """A command cannot be carried out yet. The next tick tries it again."""


class StoreInUse(MaskloopError):
    """Another daemon works on this state folder. Stop it first."""


class StoreUnreadable(MaskloopError):
    """The file of the store is damaged, locked, no database, or may not be opened."""


class StoreTooNew(MaskloopError):
    """The store was written by a newer Maskloop. Install that version, or restore a backup."""


class StoreTooOld(MaskloopError):
    """The store was written by an older Maskloop, and is read only now. Start the daemon once."""


class ConnectorUnavailable(MaskloopError):
    """The labeling tool did not answer. Worth trying again later."""


class ConnectorRefused(MaskloopError):
    """The labeling tool answered with a refusal. A person has to change something."""


class OutcomeUnknown(ConnectorUnavailable):
    """A write was sent and its answer never came: it may or may not have happened.

    Look for our key before writing again.
    """


class IntakeBroken(MaskloopError):
    """One line of our own code failed on many inputs: nothing is quarantined. Report it."""


class InputRefused(MaskloopError):
    """One input cannot be used.

    got, expected, cure: the three facts in words, without the name of the input; "" where only
    the message is known.
    """

    def __init__(
        self, words: str = "", *, got: str = "", expected: str = "", cure: str = ""
    ) -> None:
        super().__init__(words or f"got {got}; expected {expected}; {cure}")
        self.got, self.expected, self.cure = got, expected, cure


class ImageRefused(InputRefused):
    """An image is unreadable, truncated, too large or of an unknown kind. It is quarantined."""

    def at(self, where: str) -> ImageRefused:
        """The same refusal with the name of the image in its message."""
        words = f"{where}: {self}"
        got = self.got or str(self)
        return ImageRefused(words, got=got, expected=self.expected, cure=self.cure)


class MaskRefused(InputRefused):
    """A mask has the wrong size, an unknown class or a broken encoding. It is quarantined."""


class PoolInvalid(MaskloopError):
    """The pool holds NaN, wrong shapes or lacks what the strategy needs. Never repaired."""


class PoolEmpty(MaskloopError):
    """Validation, its near-duplicates and groups, and the test set leave nothing to train on.

    The message names the setting that decides it; the daemon looks again at every tick.
    """


class RunFailed(MaskloopError):
    """A child process ended without a result. Its log says why.

    faults: the files that it could not use (daemon.runs.records.FileFault); empty: other causes.
    """

    def __init__(self, message: str, faults: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class DiskFull(MaskloopError):
    """Too little free space to go on without risking partial writes. Free some, it resumes."""


class DatasetRefused(MaskloopError):
    """A data set that `maskloop import` cannot take in, or no place for it. Nothing is written."""


class ExportRefused(MaskloopError):
    """A store that `maskloop export` cannot export, or no place for it. Nothing is written."""


class DemoFailed(MaskloopError):
    """The demo cannot start or go on. The message says what is in its way."""


class ExperimentRefused(MaskloopError):
    """`maskloop train` was given folders, lists or options that do not fit together."""

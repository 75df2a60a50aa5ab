"""How far the masks of a folder were read: tasks by number, and masks that were saved again since.

A mask counts as saved when its file was written or put there, whichever is later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

Moments = Mapping[str, int | None]  # task -> when its mask was saved, ns since 1970; None: removed


@dataclass(frozen=True, kw_only=True)
class FolderCursor:
    """task: the last one that was read. saved: the newest mask that was, ns since 1970."""

    task: int = 0
    saved: int = 0

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """The cursor that `str` wrote, or the number alone that older releases wrote."""
        task, _, saved = (text or "0").partition(" ")
        return cls(task=int(task), saved=int(saved or 0))

    def __str__(self) -> str:
        return f"{self.task} {self.saved}"

    def to_read(self, moments: Moments) -> list[str]:
        """The tasks that are new, by number, then those whose mask was saved again, by moment."""
        new = [task for task in moments if int(task) > self.task]
        again = [
            task
            for task, moment in moments.items()
            if int(task) <= self.task and (moment or 0) > self.saved
        ]
        return [*sorted(new, key=int), *sorted(again, key=lambda task: moments[task] or 0)]

    def removed(self, moments: Moments) -> list[str]:
        """The tasks that were read and whose mask is gone."""
        return [
            task for task, moment in moments.items() if moment is None and int(task) <= self.task
        ]

    def after(self, read: Sequence[str], moments: Moments) -> Self:
        """The cursor when these tasks are read. Those that are new are read before any again, so
        what was saved until now is told by their numbers at the first reading of all."""
        new = [int(task) for task in read if int(task) > self.task]
        of = moments if self.task == 0 else [task for task in read if not new]
        newest = max((moments[task] or 0 for task in of), default=0)
        return type(self)(task=max([self.task, *new]), saved=max(self.saved, newest))

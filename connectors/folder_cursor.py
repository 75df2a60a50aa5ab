"""The cursor of a folder: up to which task its masks were read, and up to which time of saving.

A mask counts as saved when its file was written or moved there, whichever is later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

SaveTimes = Mapping[str, int | None]  # task -> save time of its mask, ns; None: removed


@dataclass(frozen=True, kw_only=True)
class FolderCursor:
    """task: the highest number that was read. saved: the latest save time of these, in ns."""

    task: int = 0
    saved: int = 0

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """The cursor that `str` wrote, or the number alone that older releases wrote."""
        task, _, saved = (text or "0").partition(" ")
        return cls(task=int(task), saved=int(saved or 0))

    def __str__(self) -> str:
        return f"{self.task} {self.saved}"

    def unread(self, saved_at: SaveTimes) -> list[str]:
        """The new tasks, by number, then those whose mask was saved again, by time."""
        new = [task for task in saved_at if int(task) > self.task]
        again = [
            task
            for task, time in saved_at.items()
            if int(task) <= self.task and (time or 0) > self.saved
        ]
        return [*sorted(new, key=int), *sorted(again, key=lambda task: saved_at[task] or 0)]

    def removed(self, saved_at: SaveTimes) -> list[str]:
        """The tasks that were read and whose mask was removed."""
        return [task for task, time in saved_at.items() if time is None and int(task) <= self.task]

    def after(self, read: Sequence[str], saved_at: SaveTimes) -> Self:
        """The cursor behind these tasks. New tasks are read before any other, and at the first
        reading their numbers cover every save time."""
        new = [int(task) for task in read if int(task) > self.task]
        counted = saved_at if self.task == 0 else [task for task in read if not new]
        latest = max((saved_at[task] or 0 for task in counted), default=0)
        return type(self)(task=max([self.task, *new]), saved=max(self.saved, latest))

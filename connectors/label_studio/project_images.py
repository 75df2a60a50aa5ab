"""The images of a project that holds them as tasks, remembered from look to look.

A list of all tasks with their data takes a server seconds (8 s for 10000, measured). So only those
are read that changed since the last look, and all where that does not give the project's count.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.label_studio import tasks
from connectors.label_studio.api import Api
from connectors.label_studio.cursor import OVERLAP
from connectors.label_studio.image_fetch import name_of
from connectors.label_studio.image_source import ProjectSource
from daemon.domain import FoundImage

WHOLE_EVERY = timedelta(hours=1)  # for what neither a time nor the count tells: a clock set back

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Listed:
    """What is remembered of a task. key: of the image that it shows, None where it shows none."""

    key: str | None
    updated_at: str


class Listing:
    """The images that the tasks of one project show. now: the time."""

    def __init__(self, api: Api, project: int, now: Callable[[], datetime]) -> None:
        self._api, self._project, self._now = api, project, now
        self._tasks: dict[int, _Listed] = {}
        self._field = ""  # of the data, where the addresses were found
        self._whole_at: datetime | None = None
        self._said: set[str] = set()

    def images(self, source: ProjectSource, task_number: int) -> Iterator[FoundImage]:
        """Every task's image; of several tasks with the same address the oldest one counts, so
        that a task in which an image was asked again is none of its own.

        task_number: how many tasks the project holds now.
        """
        if source.image_field != self._field:
            self._tasks, self._whole_at, self._field = {}, None, source.image_field
        self._look(source, task_number)
        others: dict[str, list[int]] = defaultdict(list)
        for number, task in sorted(self._tasks.items()):
            if task.key is not None:  # else the reading of its answers says so
                others[task.key].append(number)
        for key, numbers in others.items():
            if len(numbers) > 1 and key not in self._said:
                self._said.add(key)
                log.info("image %s is in tasks %s; it is asked once", key, numbers)
            yield FoundImage(key=key, name=name_of(key), uri=key, task=str(numbers[0]))

    def _look(self, source: ProjectSource, task_number: int) -> None:
        now = self._now()
        recent = self._whole_at and timedelta() <= now - self._whole_at < WHOLE_EVERY
        if recent and self._tasks:
            newest = max(task.updated_at for task in self._tasks.values())
            self._tasks |= self._changed(source, datetime.fromisoformat(newest) - OVERLAP)
        if not recent or len(self._tasks) != task_number:
            self._tasks, self._whole_at = self._changed(source, None), now

    def _changed(self, source: ProjectSource, since: datetime | None) -> dict[int, _Listed]:
        condition = [] if since is None else [tasks.is_since("updated_at", since)]
        found = tasks.find(self._api, self._project, condition, ["data", "updated_at"])
        return {
            task["id"]: _Listed(
                key=source.key_of(task["data"], source.image_field), updated_at=task["updated_at"]
            )
            for task in found
        }

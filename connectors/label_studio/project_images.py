"""The images of a project that holds them as tasks, cached between listings.

A list of all tasks with their data takes a server seconds (8 s for 10000, measured). So only the
tasks that changed since the last listing are read, and all of them where the number of tasks then
differs from the project's.
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

FULL_LISTING_EVERY = timedelta(hours=1)  # finds changes whose time cannot be trusted

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _CachedTask:
    """A task as it was read last. key: of the image that it shows, None where it shows none."""

    key: str | None
    updated_at: str


class ProjectImages:
    """The images that the tasks of one project show. now: the time."""

    def __init__(self, api: Api, project: int, now: Callable[[], datetime]) -> None:
        self._api, self._project, self._now = api, project, now
        self._tasks: dict[int, _CachedTask] = {}
        self._field = ""  # of the tasks' data, that holds the addresses
        self._full_listing_at: datetime | None = None
        self._logged: set[str] = set()

    def images(self, source: ProjectSource, task_number: int) -> Iterator[FoundImage]:
        """The image of every task; of several tasks with the same address only the oldest counts:
        the others are tasks in which an image was asked again.

        task_number: how many tasks the project holds now.
        """
        if source.image_field != self._field:
            self._tasks, self._full_listing_at, self._field = {}, None, source.image_field
        self._refresh(source, task_number)
        numbers_of: dict[str, list[int]] = defaultdict(list)
        for number, task in sorted(self._tasks.items()):
            if task.key is not None:  # else reading its annotations reports the fault
                numbers_of[task.key].append(number)
        for key, numbers in numbers_of.items():
            if len(numbers) > 1 and key not in self._logged:
                self._logged.add(key)
                log.info("image %s is in tasks %s; it is asked once", key, numbers)
            yield FoundImage(key=key, name=name_of(key), uri=key, task=str(numbers[0]))

    def _refresh(self, source: ProjectSource, task_number: int) -> None:
        now = self._now()
        last = self._full_listing_at
        recent = last is not None and timedelta() <= now - last < FULL_LISTING_EVERY
        if recent and self._tasks:
            newest = max(task.updated_at for task in self._tasks.values())
            self._tasks |= self._read_tasks(source, datetime.fromisoformat(newest) - OVERLAP)
        if not recent or len(self._tasks) != task_number:
            self._tasks, self._full_listing_at = self._read_tasks(source, None), now

    def _read_tasks(self, source: ProjectSource, since: datetime | None) -> dict[int, _CachedTask]:
        condition = [] if since is None else [tasks.changed_since("updated_at", since)]
        found = tasks.find(self._api, self._project, condition, ["data", "updated_at"])
        return {
            task["id"]: _CachedTask(
                key=source.key_of(task["data"], source.image_field), updated_at=task["updated_at"]
            )
            for task in found
        }

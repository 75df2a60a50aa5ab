"""The images of a project that holds them as tasks, remembered from look to look.

A list of all tasks with their data takes a server seconds (8 s for 10000, measured). So only those
are read that changed since the last look, and all where that does not give the project's count.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from connectors.label_studio import tasks
from connectors.label_studio.api import Api
from connectors.label_studio.changed import OVERLAP
from connectors.label_studio.pictures import name_of
from connectors.label_studio.sources import KEY_FIELD, ProjectSource
from daemon.domain import FoundImage

WHOLE_EVERY = timedelta(hours=1)  # for what neither a time nor the count tells: a clock set back

log = logging.getLogger(__name__)


class Listing:
    """The images that the tasks of one project show. now: the time."""

    def __init__(self, api: Api, project: int, now: Callable[[], datetime]) -> None:
        self._api, self._project, self._now = api, project, now
        self._tasks: dict[int, tasks.Task] = {}
        self._whole_at: datetime | None = None

    def images(self, source: ProjectSource, task_number: int) -> Iterator[FoundImage]:
        """Every task's image; of two tasks with the same image the older one counts.

        task_number: how many tasks the project holds now.
        """
        self._look(task_number)
        others: dict[str, list[int]] = defaultdict(list)
        for number, task in sorted(self._tasks.items()):
            if KEY_FIELD in task["data"]:
                continue  # ours: the image was asked again, its first task is there too
            key = source.key_of(task["data"], source.image_field)
            if key is None:
                log.warning("task %d has no image under %r", number, source.image_field)
            else:
                others[key].append(number)
        for key, numbers in others.items():
            if len(numbers) > 1:
                log.warning("image %s is in tasks %s; only the first is used", key, numbers)
            yield FoundImage(key=key, name=name_of(key), uri=key, task=str(numbers[0]))

    def _look(self, task_number: int) -> None:
        now = self._now()
        recent = self._whole_at and timedelta() <= now - self._whole_at < WHOLE_EVERY
        if recent and self._tasks:
            newest = max(task["updated_at"] for task in self._tasks.values())
            self._keep(self._changed(datetime.fromisoformat(newest) - OVERLAP))
        if not recent or len(self._tasks) != task_number:
            whole = self._changed(None)
            self._tasks, self._whole_at = {}, now
            self._keep(whole)

    def _keep(self, found: Sequence[tasks.Task]) -> None:
        self._tasks |= {task["id"]: task for task in found}

    def _changed(self, since: datetime | None) -> Sequence[tasks.Task]:
        condition = [] if since is None else [tasks.is_since("updated_at", since)]
        return list(tasks.find(self._api, self._project, condition, ["data", "updated_at"]))

"""What must hold after any history, once two looks went well."""

from __future__ import annotations

import io
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
from PIL import Image

from connectors.label_studio import FolderSource
from daemon.config.loading import Config
from daemon.domain import TaskState
from daemon.loop.components import folder_source
from daemon.stages.push import batch_image_ids, serving_order
from daemon.store import FILE, Store
from tests.fakes.faulty import Faulty
from tests.faults.people import People
from tests.integration.counted import disagreements

Row = dict[str, Any]


class Checks:
    """Compares what the server holds with what the store holds."""

    def __init__(self, config: Config, server: Faulty, people: People) -> None:
        self._config, self._server, self._people = config, server, people
        self._folder: FolderSource | None = folder_source(config)

    def standing(self) -> object:
        """Changes whenever the daemon writes to the server or moves on."""
        writes = [r for r in self._server.requests if not r.startswith("GET")]
        with self._store() as store:
            return len(writes), store.last_cycle()

    def wrong(self) -> list[str]:
        """All that is broken, in words."""
        with self._store() as store:
            tasks = self._people.tasks()
            return [
                *self._people.refused,
                *_lost(self._rows("annotations"), tasks, self._known(store), self._people),
                *_skips(self._rows("skips"), tasks, self._known(store)),
                *self._stream(store, tasks),
                *_store(store, self._config.loop.budget_labels),
                *self._asked_twice(),
                *disagreements(self._config),
            ]

    def wrong_order(self) -> list[str]:
        """Whether somebody new is handed what the store holds, in its order."""
        with self._store() as store:
            wanted = [int(row.id) for row in store.tasks(TaskState.OPEN)]
        served = self._people.drain("zoe", len(wanted) + 3)
        return [] if served == wanted else [f"served {served}, the store wanted {wanted}"]

    def _stream(self, store: Store, tasks: list[Row]) -> Iterator[str]:
        served = [t for t in tasks if t["overlap"] > 0 and not t["is_labeled"]]
        doubles = Counter(self._key(task) for task in served)
        yield from (f"{n} open tasks of {key}" for key, n in doubles.items() if n > 1)
        wanted = {int(row.id) for row in store.tasks(TaskState.OPEN)}
        if (found := {task["id"] for task in served}) != wanted:
            yield f"open are {sorted(found)}; the store wants {sorted(wanted)}"
        keys = {image.id: image.key for image in store.images()}
        shown = {task["id"]: self._key(task) for task in tasks}
        for row in store.tasks(TaskState.OPEN):
            if shown.get(int(row.id)) != keys[row.image_id]:
                yield f"task {row.id} shows {shown.get(int(row.id))}, not {row}"

    def _asked_twice(self) -> Iterator[str]:
        """A push makes one task of an image, and one more each time that it surfaced late."""
        made = Counter(
            _push_of(task) for task in self._people.tasks() if "maskloop_push" in task["data"]
        )
        late: Counter[tuple[str, str]] = Counter()
        for request in self._server.surfaced:
            if request.path.endswith("/import"):
                late.update(map(_push_of, request.body))
        for push, n in made.items():
            if n > 1 + late[push]:
                yield f"{n} tasks were made by the push {push}, {late[push]} of them late"

    def _known(self, store: Store) -> dict[int, str]:
        """Task -> key, of the tasks whose image the loop knows."""
        keys = {image.key for image in store.images()}
        shown = {task["id"]: self._key(task) for task in self._people.tasks()}
        return {task: key for task, key in shown.items() if key in keys}

    def _key(self, task: Row) -> str:
        if self._folder is None:
            return str(task["data"]["image"])
        return str(self._folder.key_of(task["data"], "image"))

    def _store(self) -> Store:
        return Store(self._config.state / FILE, read_only=True)

    def _rows(self, table: str) -> list[Row]:
        with closing(sqlite3.connect(self._config.state / FILE)) as store:
            store.row_factory = sqlite3.Row
            return [dict(row) for row in store.execute(f"SELECT * FROM {table}")]


def _push_of(task: Row) -> tuple[str, str]:
    return task["data"]["maskloop_push"], task["data"]["maskloop_key"]


def _lost(
    rows: list[Row], tasks: list[Row], known: dict[int, str], people: People
) -> Iterator[str]:
    kept = {row["id"]: row for row in rows if not row["deleted"]}
    given = {str(a["id"]): a for task in tasks for a in task["annotations"]}
    for task in tasks:
        for one in task["annotations"]:
            if task["id"] not in known or one["was_cancelled"]:
                continue
            row = kept.get(str(one["id"]))
            if row is None:
                yield f"annotation {one['id']} of task {task['id']} is lost"
            elif not np.array_equal(_mask(row), people.drawn[one["id"]]):
                yield f"annotation {one['id']} of task {task['id']} has an old mask"
    for row in kept.values():
        lives = row["task"].isdigit() and int(row["task"]) in known
        if lives and (row["id"] not in given or given[row["id"]]["was_cancelled"]):
            yield f"annotation {row['id']} of task {row['task']} was withdrawn and still counts"


def _skips(rows: list[Row], tasks: list[Row], known: dict[int, str]) -> Iterator[str]:
    given = {
        str(one["id"])
        for task in tasks
        for one in task["annotations"]
        if one["was_cancelled"] and task["id"] in known
    }
    kept = {row["id"] for row in rows}
    yield from (f"skip {number} is lost" for number in given - kept)
    alive = {row["id"] for row in rows if row["task"].isdigit() and int(row["task"]) in known}
    yield from (f"skip {number} was withdrawn and still counts" for number in alive - given)


def _mask(row: Row) -> np.ndarray:
    with Image.open(io.BytesIO(row["mask"])) as png:
        return np.asarray(png)


def _store(store: Store, budget: int) -> Iterator[str]:
    open_rows = store.tasks(TaskState.OPEN)
    standing = store.tasks(TaskState.OPEN, TaskState.LABELED)
    images: dict[int, list[str]] = defaultdict(list)
    for row in standing:
        images[row.image_id].append(row.id)
    for image, numbers in images.items():
        if len(numbers) > 1:
            yield f"image {image} is asked by the tasks {numbers}"
    if len(standing) > budget:
        yield f"{len(standing)} images were asked; the budget is {budget}"
    if pending := store.pending_pushes():
        yield f"{len(pending)} pushes are pending for ever"
    positions = [row.position for row in open_rows]
    ordered = serving_order(open_rows, batch_image_ids(store, open_rows))
    if len(positions) != len(set(positions)) or ordered != open_rows:
        order = [(row.id, row.arm, row.cycle, row.position) for row in open_rows]
        yield f"the store's own order is wrong: {order}"
    for event in store.events(1000):
        if "unexpected" in event.message:
            yield event.message

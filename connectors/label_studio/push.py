"""Asking people: tasks, their predictions and their order, without ever asking twice.

Label Studio has no unique external id and imports a POST wholly or not at all. So every task
we create carries the key of its push in its data, and the key is looked up before a POST and
after one whose answer never came. A prediction's version plays that part for predictions.

The order is that of uncertainty sampling: among the predictions of the project's current
`model_version`, the lowest score is served first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from connectors.images.data_urls import stands_for_more
from connectors.label_studio import tasks
from connectors.label_studio.api import Api, Refused
from connectors.label_studio.image_source import KEY_FIELD, FolderSource, ProjectSource, Source
from connectors.label_studio.label_config import REASON_FIELD, Wiring
from connectors.label_studio.prediction_versions import count_of
from connectors.label_studio.provenance import ShownPrediction
from connectors.masks.regions import encode
from connectors.refusals import kind
from daemon.domain import Ask, ClassSet
from daemon.domain.errors import ConnectorRefused, OutcomeUnknown
from daemon.prefetch import prefetch

PUSH_FIELD = "maskloop_push"
RANK_FIELD = "maskloop_rank"
CYCLE_FIELD = "maskloop_cycle"
POSITIONS = 2**20  # a fixed denominator: a later batch goes behind the open tasks
NEW_TASKS = 50  # a POST, so that masks are encoded while the one before is imported
PREDICTIONS = 500  # a POST, which itself costs the server as much as some 100
CHUNK_BYTES = 8 * 2**20  # of JSON a POST, unless one row alone is larger
ENCODED_AHEAD = 50  # predictions that wait for their POST
LOOKS_S = (0.0, 1.0, 3.0)  # after a lost answer, before giving up for now
STATE = {"data": dict, "overlap": int, "is_labeled": int, "total_annotations": int}  # bool is int

Row = dict[str, Any]
T = TypeVar("T")


def score(position: int) -> float:
    """The prediction score of a 0-based position: in (0, 1), lower is served sooner."""
    return (position + 0.5) / POSITIONS


class Pusher:
    """Writes to one project."""

    def __init__(self, api: Api, project: int, classes: ClassSet) -> None:
        self._api, self._project, self._classes = api, project, classes

    def create(
        self, asks: Sequence[Ask], key: str, version: str, source: Source, wiring: Wiring
    ) -> dict[int, str]:
        """Tasks for these images, made by one import where they fit into one; image id -> task.
        An image whose first task people deleted is left out, where that one says what it is."""
        rest = _without_task(asks, self._asked(asks, key))
        theirs = self._team_data(rest, source, wiring) if rest else {}
        gone = {ask.image.key for ask in rest} - theirs.keys()
        rest = [ask for ask in rest if ask.image.key not in gone]

        def made(ask: Ask) -> Row:
            return self._new_task(ask, key, version, wiring, theirs[ask.image.key])

        for body in _bodies(made, rest, NEW_TASKS):
            try:
                self._api.post(f"api/projects/{self._project}/import", body)
            except OutcomeUnknown:
                self._await_import(rest[: len(body)], key)
            rest = rest[len(body) :]
        found = self._asked(asks, key)
        asks = [ask for ask in asks if ask.image.key not in gone]
        if missing := _without_task(asks, found):
            raise OutcomeUnknown(
                f"push {key}: {len(missing)} of {len(asks)} tasks cannot be seen after their "
                f"import, first {missing[0].image.key}; they are looked up again"
            )
        self._reveal(found.values())
        return {ask.image.id: str(found[ask.image.key]["id"]) for ask in asks}

    def ask_existing(
        self, asks: Sequence[Ask], version: str, source: ProjectSource, wiring: Wiring
    ) -> dict[int, str]:
        """Predictions for tasks that exist, which then join the stream; image id -> task.

        Where the label config shows reasons, the change that lets a task join it puts them into
        its data too, once. An image whose task people deleted is left out.
        """
        found = self._existing(asks, source, wiring)
        rest = [ask for ask in asks if ask.image.key in found]
        numbered = {int(found[ask.image.key]["id"]): ask for ask in rest}
        self.predict(version, numbered, wiring)
        self._reveal(found.values(), numbered if wiring.shows_reason else {})
        return {ask.image.id: str(task) for task, ask in numbered.items()}

    def rerank(self, version: str, asks: Sequence[Ask], wiring: Wiring) -> None:
        """One prediction of `version` on each of these tasks, then the switch to it."""
        numbered = {int(ask.task): ask for ask in asks if ask.task is not None}
        if len(numbered) != len(asks):
            raise ValueError("rerank: every ask needs a task of its own")
        if not asks:
            return
        self.predict(version, numbered, wiring)
        held = self._holders(version)
        count = count_of(self._api, self._project, version)
        if missing := sorted(numbered.keys() - held):
            raise OutcomeUnknown(f"rerank {version}: task {missing[0]} has no prediction of it")
        if count != len(held):
            raise OutcomeUnknown(
                f"rerank {version}: got {count} predictions on {len(held)} tasks; expected one "
                f"each: an import was repeated; the next attempt takes a fresh version"
            )
        self._api.patch(f"api/projects/{self._project}/", {"model_version": version})

    def predict(self, version: str, asks: Mapping[int, Ask], wiring: Wiring) -> None:
        """Predictions of `version` for those of these tasks that have none of it yet."""
        held = self._holders(version)
        rest = [task for task in asks if task not in held]

        def made(task: int) -> Row:
            return {"task": task, **self._prediction(asks[task], version, wiring)}

        for body in _bodies(made, rest, PREDICTIONS):
            try:
                self._api.post(f"api/projects/{self._project}/import/predictions", body)
            except OutcomeUnknown:
                wanted = {row["task"] for row in body}
                if not any(wanted <= self._holders(version) for _ in self._looks()):
                    raise

    def retire(self, retired: Iterable[int]) -> None:
        """Hand these tasks out no more; a task that is gone is not handed out either."""
        for task in retired:
            try:
                self._api.patch(f"api/tasks/{task}/", {"overlap": 0})
            except Refused as exc:
                if exc.status != 404:
                    raise

    def reveal(self, hidden: Collection[int]) -> list[int]:
        """Bring back those of these tasks that nobody answered and that left the stream."""
        return self._reveal(self._find("id", hidden))

    def _reveal(
        self, found: Iterable[tasks.Task], reasons: Mapping[int, Ask] = MappingProxyType({})
    ) -> list[int]:
        """A task with an answer is never asked again, so a repeated push asks once.

        reasons: task -> the ask whose reason its data is to say.
        """
        hidden = [
            task
            for task in found
            if task["total_annotations"] == 0 and (task["overlap"] == 0 or task["is_labeled"])
        ]
        for task in hidden:
            change: dict[str, Any] = {"overlap": 1, "is_labeled": False}
            if ask := reasons.get(int(task["id"])):
                change["data"] = {**task["data"], **_reason(ask)}
            self._api.patch(f"api/tasks/{task['id']}/", change)
        return [int(task["id"]) for task in hidden]

    def _asked(self, asks: Sequence[Ask], key: str) -> dict[str, tasks.Task]:
        """Image key -> the task of this push; or one that is open under another push, whose
        import surfaced after its sender had given up."""
        images = [ask.image.key for ask in asks]
        found = [
            task
            for task in self._find(f"data.{KEY_FIELD}", images)
            if isinstance(task["data"].get(KEY_FIELD), str)
            and (task["data"].get(PUSH_FIELD) == key or _is_open(task))
        ]
        found.sort(
            key=lambda task: (task["total_annotations"] == 0, not _is_open(task), task["id"]),
            reverse=True,
        )
        return {task["data"][KEY_FIELD]: task for task in found}  # answered, open, oldest first

    def _await_import(self, asks: Sequence[Ask], key: str) -> None:
        """Wait a little for an import whose answer was lost."""
        for _ in self._looks():
            if not _without_task(asks, self._asked(asks, key)):
                return

    def _looks(self) -> Iterator[None]:
        for pause_s in LOOKS_S:
            self._api.sleep(pause_s)
            yield

    def _find(self, field: str, values: Collection[str | int]) -> Iterator[tasks.Task]:
        for task in tasks.find_each(self._api, self._project, field, values, STATE):
            yield _judged(task)

    def _holders(self, version: str) -> set[int]:
        """Tasks with a prediction of exactly this version."""
        field = "predictions_model_versions"
        found = tasks.find(self._api, self._project, [tasks.has_prediction_of(version)], [field])
        return {task["id"] for task in found if version in str(task.get(field)).split(",")}

    def _new_task(
        self, ask: Ask, key: str, version: str, wiring: Wiring, base: Mapping[str, Any]
    ) -> dict[str, Any]:
        data = {
            **base,
            **_reason(ask),
            RANK_FIELD: ask.position,
            KEY_FIELD: ask.image.key,
            PUSH_FIELD: key,
        }
        return {"data": data, "predictions": [self._prediction(ask, version, wiring)]}

    def _team_data(
        self, asks: Sequence[Ask], source: Source, wiring: Wiring
    ) -> dict[str, Mapping[str, Any]]:
        """Image key -> what a new task says about it: its address, and in a project that had its
        images before us all that the first task of it says, which its label config may need."""
        if isinstance(source, FolderSource):
            field = wiring.image_field
            return {ask.image.key: {field: source.address(ask.image.key)} for ask in asks}
        return {key: row["data"] for key, row in self._existing(asks, source, wiring).items()}

    def _existing(
        self, asks: Sequence[Ask], source: ProjectSource, wiring: Wiring
    ) -> dict[str, tasks.Task]:
        """Image key -> the oldest task that shows it, found by its address; where the key is short
        for something longer, by the number of the task that the image was found in."""
        keys = [ask.image.key for ask in asks if not stands_for_more(ask.image.key)]
        others = [int(ask.task) for ask in asks if stands_for_more(ask.image.key) and ask.task]
        found: dict[str, tasks.Task] = {}
        for task in [*self._find(source.key_field, keys), *self._find("id", others)]:
            found.setdefault(source.key_of(task["data"], wiring.image_field) or "", task)
        return found

    def _prediction(self, ask: Ask, version: str, wiring: Wiring) -> dict[str, Any]:
        """An empty one opens a blank page, and still gives the task its place."""
        shown = ask.prediction
        regions = (
            encode(shown.mask, self._classes, wiring.control, shown.confidence) if shown else []
        )
        made = ShownPrediction(version=version, regions=len(regions))
        named = [{**one, "id": made.region_id(place)} for place, one in enumerate(regions)]
        return {"model_version": version, "score": score(ask.position), "result": named}


def _reason(ask: Ask) -> Row:
    """What a task's data says about why it is asked; it never changes afterwards."""
    return {REASON_FIELD: ask.reason, CYCLE_FIELD: ask.cycle}


def _judged(task: tasks.Task) -> tasks.Task:
    """A task that tells whether it is open. Raises ConnectorRefused for any other: to guess might
    ask for an image twice."""
    odd = [
        f"{name}: {kind(task.get(name))}"
        for name, expected in STATE.items()
        if not isinstance(task.get(name), expected)
    ]
    if odd:
        raise ConnectorRefused(
            f"task {task['id']}: got {', '.join(odd)}; expected numbers, and true or false for "
            f"is_labeled; correct or delete this task in Label Studio"
        )
    return task


def _is_open(task: tasks.Task) -> bool:
    return task["overlap"] > 0 and not task["is_labeled"]


def _without_task(asks: Sequence[Ask], found: Mapping[str, tasks.Task]) -> list[Ask]:
    return [ask for ask in asks if ask.image.key not in found]


def _bodies(made: Callable[[T], Row], things: Iterable[T], most: int) -> Iterator[list[Row]]:
    """What is made of these things, in lists of at most `most` and of bounded size, for masks are
    large; some are made while the list before is sent."""
    chunk: list[Row] = []
    size = 0
    for _, row in prefetch(made, things, ENCODED_AHEAD):
        weight = len(json.dumps(row))
        if chunk and (len(chunk) == most or size + weight > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += weight
    if chunk:
        yield chunk

"""Asking people: tasks, their predictions and their order, without ever asking twice.

Label Studio has no unique external id and imports a POST wholly or not at all. So every task
we create carries the key of its push in its data, and the key is looked up before a POST and
after one whose answer was lost. For predictions their version is that key. This is written by hand
on purpose: no retry library knows what to look up.

The order is that of uncertainty sampling: among the predictions of the project's current
`model_version`, the lowest score is served first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from connectors.images.data_urls import is_shortened
from connectors.label_studio import tasks
from connectors.label_studio.api import Api
from connectors.label_studio.api_errors import ApiRefused
from connectors.label_studio.image_source import KEY_FIELD, FolderSource, ProjectSource, Source
from connectors.label_studio.label_config import REASON_FIELD, LabelConfig
from connectors.label_studio.prediction_versions import count_of
from connectors.label_studio.provenance import SourcePrediction
from connectors.label_studio.request_bodies import Row, request_bodies
from connectors.masks.regions import encode
from connectors.unreadable import typed
from daemon.domain import ClassSet, TaskRequest
from daemon.domain.errors import ConnectorRefused, OutcomeUnknown

PUSH_FIELD = "maskloop_push"
RANK_FIELD = "maskloop_rank"
CYCLE_FIELD = "maskloop_cycle"
POSITIONS = 2**20  # a fixed denominator: a later batch goes behind the open tasks
NEW_TASKS = 50  # a POST, so that masks are encoded while the one before is imported
PREDICTIONS = 500  # a POST, which itself costs the server as much as some 100
LOOKUP_PAUSES_S = (0.0, 1.0, 3.0)  # before each look-up after a lost answer
STATE_TYPES = {
    "data": dict,
    "overlap": int,
    "is_labeled": int,
    "total_annotations": int,
}  # bool is int


def score(position: int) -> float:
    """The prediction score of a 0-based position: in (0, 1), lower is served sooner."""
    return (position + 0.5) / POSITIONS


Requests = Sequence[TaskRequest]


class Pusher:
    """Writes to one project."""

    def __init__(self, api: Api, project: int, classes: ClassSet) -> None:
        self._api, self._project, self._classes = api, project, classes

    def create(
        self, asks: Requests, key: str, version: str, source: Source, label_config: LabelConfig
    ) -> dict[int, str]:
        """Create tasks for these images, by one import where they fit into one; image id -> task.
        In a project with its own images they are copies, since Label Studio hands no task to
        somebody who answered it, and an image whose first task was deleted is left out. An export
        holds such an image twice; the copy is the one with `maskloop_push`."""
        rest = _without_task(asks, self._tasks_of(asks, key))
        base = self._base_data(rest, source, label_config) if rest else {}
        deleted = {ask.image.key for ask in rest} - base.keys()
        rest = [ask for ask in rest if ask.image.key not in deleted]

        def row_of(ask: TaskRequest) -> Row:
            return self._new_task(ask, key, version, label_config, base[ask.image.key])

        for body in request_bodies(row_of, rest, NEW_TASKS):
            try:
                self._api.post(f"api/projects/{self._project}/import", body)
            except OutcomeUnknown:
                self._await_import(rest[: len(body)], key)
            rest = rest[len(body) :]
        found = self._tasks_of(asks, key)
        asks = [ask for ask in asks if ask.image.key not in deleted]
        if missing := _without_task(asks, found):
            raise OutcomeUnknown(
                f"push {key}: {len(missing)} of {len(asks)} tasks cannot be seen after their "
                f"import, first {missing[0].image.key}; they are looked up again"
            )
        self._return_to_stream(found.values())
        return {ask.image.id: str(found[ask.image.key]["id"]) for ask in asks}

    def ask_existing(
        self, asks: Requests, version: str, source: ProjectSource, label_config: LabelConfig
    ) -> dict[int, str]:
        """Give tasks that exist a prediction and add them to the stream; image id -> task.

        Where the label config shows reasons, the same change writes them into the task's data,
        once: open pages can still submit, predictions and locks stay (measured on 1.23.2). An
        image whose task was deleted is left out.
        """
        found = self._existing(asks, source, label_config)
        rest = [ask for ask in asks if ask.image.key in found]
        numbered = {int(found[ask.image.key]["id"]): ask for ask in rest}
        self.predict(version, numbered, label_config)
        self._return_to_stream(found.values(), numbered if label_config.shows_reason else {})
        return {ask.image.id: str(task) for task, ask in numbered.items()}

    def rerank(self, version: str, asks: Requests, label_config: LabelConfig) -> None:
        """One prediction of `version` on each of these tasks, then the switch to it."""
        numbered = {int(ask.task): ask for ask in asks if ask.task is not None}
        if len(numbered) != len(asks):
            raise ValueError(
                "rerank: got asks without a task, or two of one task; expected one each"
            )
        if not asks:
            return
        self.predict(version, numbered, label_config)
        holders = self._tasks_with_prediction(version)
        count = count_of(self._api, self._project, version)
        if missing := sorted(numbered.keys() - holders):
            raise OutcomeUnknown(f"rerank {version}: task {missing[0]} has no prediction of it")
        if count != len(holders):
            raise OutcomeUnknown(
                f"rerank {version}: got {count} predictions on {len(holders)} tasks; expected one "
                f"each: an import was repeated; the next attempt takes a fresh version"
            )
        self._api.patch(f"api/projects/{self._project}/", {"model_version": version})

    def predict(
        self, version: str, asks: Mapping[int, TaskRequest], label_config: LabelConfig
    ) -> None:
        """Import predictions of `version` for those of these tasks that have none of it yet."""
        holders = self._tasks_with_prediction(version)
        rest = [task for task in asks if task not in holders]

        def row_of(task: int) -> Row:
            return {"task": task, **self._prediction(asks[task], version, label_config)}

        for body in request_bodies(row_of, rest, PREDICTIONS):
            try:
                self._api.post(f"api/projects/{self._project}/import/predictions", body)
            except OutcomeUnknown:
                wanted = {row["task"] for row in body}
                if not any(wanted <= self._tasks_with_prediction(version) for _ in self._lookups()):
                    raise

    def retire(self, retired: Iterable[int]) -> None:
        """Stop handing these tasks out; a deleted task is not handed out either."""
        for task in retired:
            try:
                self._api.patch(f"api/tasks/{task}/", {"overlap": 0})
            except ApiRefused as exc:
                if exc.status != 404:
                    raise

    def return_to_stream(self, hidden: Collection[int]) -> list[int]:
        """Put those of these tasks back that nobody answered and that left the stream."""
        return self._return_to_stream(self._find("id", hidden))

    def _return_to_stream(
        self, found: Iterable[tasks.Task], reasons: Mapping[int, TaskRequest] = MappingProxyType({})
    ) -> list[int]:
        """Tasks with an annotation stay out of the stream, so a repeated push asks once.

        reasons: task -> the ask whose reason is written into its data.
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

    def _tasks_of(self, asks: Requests, key: str) -> dict[str, tasks.Task]:
        """Image key -> the task of this push; or an open one of another push, whose import became
        visible after its sender had given up."""
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

    def _await_import(self, asks: Requests, key: str) -> None:
        """Look a few times for the tasks of an import whose answer was lost."""
        for _ in self._lookups():
            if not _without_task(asks, self._tasks_of(asks, key)):
                return

    def _lookups(self) -> Iterator[None]:
        for pause_s in LOOKUP_PAUSES_S:
            self._api.sleep(pause_s)
            yield

    def _find(self, field: str, values: Collection[str | int]) -> Iterator[tasks.Task]:
        for task in tasks.find_each(self._api, self._project, field, values, STATE_TYPES):
            yield _checked(task)

    def _tasks_with_prediction(self, version: str) -> set[int]:
        """Tasks with a prediction of exactly this version."""
        field = "predictions_model_versions"
        found = tasks.find(self._api, self._project, [tasks.has_prediction_of(version)], [field])
        return {task["id"] for task in found if version in str(task.get(field)).split(",")}

    def _new_task(
        self,
        ask: TaskRequest,
        key: str,
        version: str,
        label_config: LabelConfig,
        base: Mapping[str, Any],
    ) -> dict[str, Any]:
        data = {
            **base,
            **_reason(ask),
            RANK_FIELD: ask.position,
            KEY_FIELD: ask.image.key,
            PUSH_FIELD: key,
        }
        return {"data": data, "predictions": [self._prediction(ask, version, label_config)]}

    def _base_data(
        self, asks: Requests, source: Source, label_config: LabelConfig
    ) -> dict[str, Mapping[str, Any]]:
        """Image key -> data of a new task for it: its address; in a project with its own images all
        of the first task's data, which the label config may need."""
        if isinstance(source, FolderSource):
            field = label_config.image_field
            return {ask.image.key: {field: source.address(ask.image.key)} for ask in asks}
        return {key: row["data"] for key, row in self._existing(asks, source, label_config).items()}

    def _existing(
        self, asks: Requests, source: ProjectSource, label_config: LabelConfig
    ) -> dict[str, tasks.Task]:
        """Image key -> the oldest task that shows it, found by its address; where the key is a
        digest, by the id of the task that the image was found in."""
        keys = [ask.image.key for ask in asks if not is_shortened(ask.image.key)]
        embedded = [int(ask.task) for ask in asks if is_shortened(ask.image.key) and ask.task]
        found: dict[str, tasks.Task] = {}
        for task in [*self._find(source.key_field, keys), *self._find("id", embedded)]:
            found.setdefault(source.key_of(task["data"], label_config.image_field) or "", task)
        return found

    def _prediction(
        self, ask: TaskRequest, version: str, label_config: LabelConfig
    ) -> dict[str, Any]:
        """Without a mask the page opens blank, and the task still has its position."""
        given = ask.prediction
        control = label_config.control
        regions = encode(given.mask, self._classes, control, given.confidence) if given else []
        source = SourcePrediction(version=version, regions=len(regions))
        named = [{**one, "id": source.region_id(row)} for row, one in enumerate(regions)]
        return {"model_version": version, "score": score(ask.position), "result": named}


def _reason(ask: TaskRequest) -> Row:
    """The fields of a task's data that say why it is asked; they never change afterwards."""
    return {REASON_FIELD: ask.reason, CYCLE_FIELD: ask.cycle}


def _checked(task: tasks.Task) -> tasks.Task:
    """A task whose state can be read. Raises ConnectorRefused for any other: a guess might push an
    image twice."""
    wrong = [
        f"{name}: {typed(task.get(name))}"
        for name, expected in STATE_TYPES.items()
        if not isinstance(task.get(name), expected)
    ]
    if wrong:
        raise ConnectorRefused(
            f"task {task['id']}: got {', '.join(wrong)}; expected numbers, and true or false for "
            f"is_labeled; correct or delete this task in Label Studio"
        )
    return task


def _is_open(task: tasks.Task) -> bool:
    return task["overlap"] > 0 and not task["is_labeled"]


def _without_task(asks: Requests, found: Mapping[str, tasks.Task]) -> list[TaskRequest]:
    return [ask for ask in asks if ask.image.key not in found]

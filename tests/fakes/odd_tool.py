"""A Label Studio that tells odd things, and a store that takes them in; every input accounted for.

with OddField(folder, seed) as field:
    field.ask_tasks(500)  # odd tasks, each with a good annotation
    field.take_in()
    field.dropped()  # what is neither kept nor in quarantine: nothing should be
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from connectors.label_studio import LabelStudio
from connectors.label_studio.task_fields import content_digest, parse_id, parse_time
from connectors.masks import brush_rle
from connectors.masks.regions import Control, encode
from daemon.config.loading import Config
from daemon.domain import Image
from daemon.domain.faults import printable
from daemon.intake import DeferredFailures
from daemon.stages.context import Context
from daemon.stages.reask import reask
from daemon.stages.sync import close_tasks, sync_answers
from daemon.store import FILE, Store
from tests.fakes.labeling import TIME
from tests.fakes.launcher import ForkLauncher
from tests.fakes.mutations import broken_region, mutated
from tests.fakes.odd_server import Direct, OddServer

SIZE = (12, 16)  # height_px, width_px
TASKS = 500  # of a round
ANSWERED, ANSWERS = 50, 40  # tasks of a round, answers of each
TAGS = ("Bitmask", "Brush", "Polygon", "Rectangle", "Ellipse")


class OddField:
    """One project with odd things in it, and a new store. seed: of everything odd."""

    def __init__(self, folder: Path, config: Config, seed: int) -> None:
        self.server = OddServer()
        self.rng = random.Random(seed)
        self._labeling = self.server.labeling
        self._classes = config.class_set
        tags = "".join(_tag(tag, self._classes.drawn) for tag in TAGS)
        xml = f'<View><Image name="image" value="$image"/>{tags}</View>'
        self._project = self._labeling.create_project({"title": "odd", "label_config": xml})["id"]
        self._tool = LabelStudio(
            url=self.server.url,
            project=self._project,
            token=lambda: self.server.token,
            classes=self._classes,
            source=None,
            sleep=lambda seconds: None,
            transport=Direct(self.server),
        )
        folder.mkdir(parents=True, exist_ok=True)
        self.store = Store(folder / FILE)
        self.context = Context(
            config=config.model_copy(update={"home": folder}),
            store=self.store,
            connector=self._tool,
            launcher=ForkLauncher(),
            now=lambda: datetime(2026, 1, 2, tzinfo=UTC),
        )
        self._regions = list(self._good_regions())
        self._expected: list[Callable[[], str | None]] = []

    def __enter__(self) -> OddField:
        self.server.__enter__()  # pictures are fetched through a socket
        return self

    def __exit__(self, *_: object) -> None:
        self._tool.close()
        self.store.__exit__()
        self.server.__exit__()

    def ask_tasks(self, number: int) -> None:
        """Odd tasks, each with one good annotation."""
        for task in self._tasks(number):
            annotation = self._answered(task)
            whole = {
                **{name: task[name] for name in ("id", "data", "created_at", "updated_at")},
                "annotations": [_as_sent(annotation)],
            }
            listed = {
                **{name: task[name] for name in ("id", "data", "updated_at")},
                "annotations_ids": str(annotation["id"]),
            }
            self._tell_odd(task, listed, whole)

    def answer_oddly(self, tasks: int, each: int) -> None:
        """Good tasks with odd annotations."""
        self._answer(tasks, each, lambda given: mutated(self.rng, given))

    def draw_oddly(self, tasks: int, each: int) -> None:
        """Good annotations with odd masks."""

        def drawn(given: dict[str, Any]) -> dict[str, Any]:
            first, *others = given["result"]
            return {**given, "result": [broken_region(self.rng, first), *others]}

        self._answer(tasks, each, drawn)

    def take_in(self) -> None:
        """What a tick does with answers. Raises what would end the tick."""
        failures = DeferredFailures()
        for part in (sync_answers, close_tasks, reask):
            with failures.defer(part.__name__):
                part(self.context)
        failures.raise_deferred()

    def dropped(self) -> list[str]:
        """Inputs that are neither kept nor in quarantine."""
        self._accounted = {
            (row["task"], row["id"].partition("#")[0])
            for table in ("annotations", "skips")
            for row in self.store._rows(f"SELECT task, id FROM {table}")
        }
        rows = self.store._rows("SELECT place, task, annotation FROM quarantine")
        self._places = {row["place"] for row in rows}
        self._accounted |= {(row["task"], row["annotation"]) for row in rows}
        return [words for check in self._expected if (words := check())]

    def _answer(self, tasks: int, each: int, make: Callable[[Any], Any]) -> None:
        for task in self._tasks(tasks):
            sent = []
            for _ in range(each):
                annotation = self._answered(task)
                given = make(_as_sent(annotation))
                self.server.odd_annotations[annotation["id"]] = given
                sent.append(given)
            self._expect(str(task["id"]), sent)

    def _tell_odd(self, task: dict[str, Any], listed: Any, whole: Any) -> None:
        number = task["id"]
        listed, whole = mutated(self.rng, listed), mutated(self.rng, whole)
        for row in (listed, whole):  # the number of another task would make it that task
            if isinstance(row, dict) and parse_id(row.get("id")):
                row["id"] = number
        if isinstance(listed, dict) and (moment := parse_time(listed.get("updated_at"))):
            with suppress(OverflowError):
                task["updated_at"] = moment.strftime(TIME)
        self.server.odd_listed[number], self.server.odd_whole[number] = listed, whole
        self._expected.append(lambda: self._missing_task(str(number), listed, whole))

    def _missing_task(self, task: str, listed: Any, whole: Any) -> str | None:
        names = {task, content_digest(listed), content_digest(whole)}
        if any((name, None) in self._accounted for name in names):
            return None
        if isinstance(listed, dict) and listed.get("annotations_ids", 1) in ("", None):
            return None  # it says that there is no answer
        if any(printable(f"image {key}") in self._places for key in _keys(listed, whole)):
            return None  # its picture cannot be had
        missing = self._missing(task, whole["annotations"])
        return f"task {task}: {missing}" if missing else None

    def _expect(self, task: str, sent: list[Any]) -> None:
        self._expected.append(lambda: "; ".join(map(str, self._missing(task, sent))) or None)

    def _missing(self, task: str, sent: list[Any]) -> list[Any]:
        missing = []
        for given in sent:
            number = parse_id(given.get("id")) if isinstance(given, dict) else None
            names = {(task, str(number)), (task, content_digest(given))}
            if not names & self._accounted:
                missing.append(given)
        return missing

    def _tasks(self, number: int) -> Iterator[dict[str, Any]]:
        first = len(self._labeling.tasks)
        rows = [{"data": {"image": f"/data/upload/{n}.png"}} for n in range(first, first + number)]
        made = self._labeling.import_tasks(self._project, rows)["task_ids"]
        with self.store.atomic():
            for task in made:
                self.store.add_image(_image(self._labeling.tasks[task]["data"]["image"]), str(task))
        yield from (self._labeling.tasks[task] for task in made)

    def _answered(self, task: dict[str, Any]) -> dict[str, Any]:
        made = self._labeling.annotate(
            task["id"], 1, {"result": self.rng.sample(self._regions, 2), "lead_time": 12.5}
        )
        self._labeling.by_task[task["id"]].append(made)
        return made

    def _good_regions(self) -> Iterator[dict[str, Any]]:
        rng = np.random.default_rng(7)
        mask = rng.integers(0, 2, SIZE).astype(np.uint8)
        yield from encode(mask, self._classes, Control(from_name="Bitmask", to_name="image"), {})
        name = self._classes.drawn[0]
        brush = {"format": "rle", "rle": brush_rle.encode(mask * 255)}
        yield _region("Brush", {**brush, "brushlabels": [name]})
        points = [[10.0, 10.0], [60.5, 20.0], [30.0, 80.0]]
        yield _region("Polygon", {"points": points, "closed": True, "polygonlabels": [name]})
        box = {"x": 5.0, "y": 20.0, "width": 40.0, "height": 30.5, "rotation": 15.0}
        yield _region("Rectangle", {**box, "rectanglelabels": [name]})
        oval = {"x": 50.0, "y": 50.0, "radiusX": 20.0, "radiusY": 30.0, "rotation": 0}
        yield _region("Ellipse", {**oval, "ellipselabels": [name]})


def _keys(*rows: Any) -> list[Any]:
    """What these rows say about where their picture is."""
    data = [row.get("data") for row in rows if isinstance(row, dict)]
    return [one.get("image") for one in data if isinstance(one, dict)]


def _region(tag: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"r{tag}",
        "type": f"{tag.lower()}labels",
        "from_name": tag,
        "to_name": "image",
        "original_width": SIZE[1],
        "original_height": SIZE[0],
        "image_rotation": 0,
        "origin": "manual",
        "value": value,
    }


def _tag(tag: str, labels: tuple[str, ...]) -> str:
    inner = "".join(f'<Label value="{label}"/>' for label in labels)
    return f'<{tag}Labels name="{tag}" toName="image">{inner}</{tag}Labels>'


def _as_sent(annotation: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in annotation.items() if name != "task"}


def _image(key: str) -> Image:
    height_px, width_px = SIZE
    path = Path("images") / Path(key).name
    return Image(
        id=0,
        key=key,
        name=path.name,
        uri=key,
        path=path,
        height_px=height_px,
        width_px=width_px,
        sha256=key,
    )


def rounds(kind: str, inputs: int, folder: Path, config: Config, seed: int) -> Iterator[list[str]]:
    """Feed so many inputs of a kind ("tasks", "annotations" or "masks"), some hundreds to a store;
    what each round dropped. Raises what would end a tick."""
    size = TASKS if kind == "tasks" else ANSWERED * ANSWERS
    for number in range(-(-inputs // size)):
        with OddField(folder / f"{kind}{number}", config, seed + number) as field:
            left = min(size, inputs - number * size)
            if kind == "tasks":
                field.ask_tasks(left)
            else:
                odd = field.answer_oddly if kind == "annotations" else field.draw_oddly
                odd(ANSWERED, -(-left // ANSWERED))
            field.take_in()
            yield field.dropped()

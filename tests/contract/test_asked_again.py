"""An answer that cannot be used: its image is asked again, a few times, and never twice at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.masks.regions import encode
from daemon.config.loading import Config
from daemon.domain import Pick, Stage, TaskState
from daemon.domain.errors import OutcomeUnknown
from daemon.launchers.local import LocalLauncher
from daemon.stages.context import Context
from daemon.stages.push import VISIBLE_VERSION, deliver, push
from daemon.store import FILE, Store
from tests.contract.rigs import CLASSES, CONTROL, LabelStudioRig, Server, project_source_rig
from tests.fakes.sync import synchronize


def spoiled(region: dict[str, Any]) -> dict[str, Any]:
    """The same region with a label that nobody knows."""
    return {**region, "value": {**region["value"], "bitmasklabels": ["thistle"]}}


class Desk:
    """A store and a tool, without a learner: images are asked, answered and taken in."""

    def __init__(self, tool: LabelStudioRig, store: Store, home: Path, ask_again: int = 2) -> None:
        self.tool, self.store = tool, store
        config = Config.model_validate(
            {
                "home": home,
                "classes": {"names": CLASSES.names, "ignore_label": CLASSES.ignore_label},
                "loop": {"ask_again": ask_again},
                "storage": {"min_free_gb": 0.0},
            }
        )
        self.context = Context(
            config=config,
            store=store,
            connector=tool.connector,
            launcher=LocalLauncher(),
            now=lambda: datetime.now(UTC),
        )

    def ask(self, images: int) -> None:
        synchronize(self.context)
        self.store.start_cycle(0, Stage.PUSH, datetime.now(UTC), labels=0, train_labels=0)
        ids = [image.id for image in self.store.images()][:images]
        picks = [Pick(image_id=i, rank=n, arm="x", reason="new") for n, i in enumerate(ids, 1)]
        self.store.save_picks(0, picks, [])
        push(self.context, 0)

    def look(self) -> None:
        """What a tick does about people."""
        deliver(self.context)
        synchronize(self.context)
        tasks = [row.id for row in self.store.tasks(TaskState.OPEN)]
        self.tool.connector.repair(self.store.fact(VISIBLE_VERSION), tasks)

    def regions(self, key: str) -> list[dict[str, Any]]:
        return [
            {**one, "origin": "manual"}
            for one in encode(self.tool.truth[key], CLASSES, CONTROL, {})
        ]

    def answer(self, name: str, well: bool) -> str | None:
        """Answer what this person is handed; the annotation's id, None when nothing is left."""
        question = self.tool.person(name).next_task(self.tool.project)
        if question is None:
            return None
        regions = self.regions(self.tool.key_of(question))
        drawn = regions if well else [spoiled(regions[0])]
        return str(self.tool.person(name).submit(question, self.tool.project, drawn)["id"])

    def mend(self, annotation: str, key: str) -> None:
        """Open the answer once more and update it."""
        self.tool.api.patch(f"api/annotations/{annotation}/", {"result": self.regions(key)})

    def states(self) -> list[str]:
        return [row.state for row in self.store.quarantined()]

    def served(self) -> list[str]:
        """The images that the annotators' stream holds now."""
        rows = self.tool.api.get("api/tasks", **_all_of(self.tool.project))["tasks"]
        return [
            self.tool.key_of(_Shown(row["data"]))
            for row in rows
            if row["overlap"] > 0 and not row["is_labeled"]
        ]


class _Shown:
    def __init__(self, data: dict[str, Any]) -> None:
        self.details = {"data": data}


def _all_of(project: int) -> dict[str, Any]:
    query = (
        '{"ordering": ["tasks:id"], "filters": {"conjunction": "and", "items": '
        '[{"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": 0}]}}'
    )
    fields = "id,data,overlap,is_labeled,total_annotations"
    return {
        "project": project,
        "query": query,
        "fields": "task_only",
        "include": fields,
        "page": 1,
        "page_size": 500,
    }


@pytest.fixture
def desk_of(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    with Store(tmp_path / "state" / FILE) as store:
        yield lambda tool, ask_again=2: Desk(tool, store, tmp_path, ask_again)


@pytest.fixture
def desk(any_tool: LabelStudioRig, desk_of: Callable[..., Desk]) -> Desk:
    return desk_of(any_tool)


def test_the_same_person_is_asked_again_with_the_reason(desk: Desk) -> None:
    desk.ask(1)
    desk.answer("ada", well=False)
    desk.look()

    question = desk.tool.taken("ada")
    words = question.details["data"]["maskloop_reason"]
    assert words.startswith("Asked again: the last mask could not be used (got region 0: the label")
    assert "'thistle'" in words
    assert words.endswith("Please draw it again. cycle 0, new")
    assert desk.states() == ["asked again"]

    desk.answer("ada", well=True)
    desk.look()
    assert desk.states() == ["replaced"]
    assert len(desk.store.labeled_ids()) == 1
    assert desk.served() == []
    assert [row.state for row in desk.store.tasks_of_cycle(0)] == ["labeled"]


def test_a_mended_answer_counts_and_the_second_question_is_withdrawn(desk: Desk) -> None:
    desk.ask(1)
    first = desk.answer("ada", well=False)
    assert first is not None
    desk.look()
    assert len(desk.served()) == 1

    desk.mend(first, desk.tool.keys[0])
    desk.look()

    assert desk.states() == ["corrected"]
    assert desk.served() == []
    assert desk.tool.person("bo").next_task(desk.tool.project) is None
    assert len(desk.store.labeled_ids()) == 1
    assert [row.state for row in desk.store.tasks()] == ["labeled", "withdrawn"]


@pytest.mark.parametrize("times", [0, 2])
def test_after_so_many_unusable_answers_an_image_is_given_up(
    fake_tool: LabelStudioRig, desk_of: Any, times: int
) -> None:
    desk = desk_of(fake_tool, ask_again=times)
    desk.ask(1)

    answers = 0
    while desk.answer("ada", well=False) is not None:
        desk.look()
        answers += 1
        assert answers < 9

    assert answers == times + 1
    assert desk.states() == ["given up"] * answers
    assert desk.served() == []
    assert f"has {answers} unusable annotation" in desk.store.events()[0].message


def test_an_image_that_was_given_up_is_well_when_its_answer_is_mended(
    fake_tool: LabelStudioRig, desk_of: Any
) -> None:
    desk = desk_of(fake_tool)
    desk.ask(1)
    for _ in range(3):
        last = desk.answer("ada", well=False)
        desk.look()

    desk.mend(str(last), desk.tool.keys[0])
    desk.look()
    desk.look()

    assert sorted(desk.states()) == ["corrected", "replaced", "replaced"]
    assert len(desk.store.labeled_ids()) == 1


def test_a_deleted_answer_is_forgotten_and_the_image_stays_asked(
    fake_tool: LabelStudioRig, desk_of: Any
) -> None:
    desk = desk_of(fake_tool)
    desk.ask(1)
    first = desk.answer("ada", well=False)
    desk.look()

    fake_tool.api._send("DELETE", f"api/annotations/{first}/", params={})
    desk.look()

    assert desk.states() == []
    assert len(desk.served()) == 1


def test_a_class_that_config_learns_makes_the_answer_usable(
    fake_tool: LabelStudioRig, desk_of: Any, connect: Any
) -> None:
    desk = desk_of(fake_tool)
    desk.ask(1)
    desk.answer("ada", well=False)
    desk.look()
    names = ("soil", "crop", "thistle")
    fake_tool.connector = connect(
        source=fake_tool.source, classes=type(CLASSES)(names=names, ignore_label="unsure")
    )
    fuller = desk.context.config.model_copy(
        update={"classes": desk.context.config.classes.model_copy(update={"names": names})}
    )
    object.__setattr__(desk.context, "config", fuller)
    object.__setattr__(desk.context, "connector", fake_tool.connector)

    desk.look()

    assert desk.states() == ["corrected"]
    assert len(desk.store.labeled_ids()) == 1


def test_an_answer_that_was_there_before_us_does_not_keep_its_image_from_being_asked(
    fake_server: Server, desk_of: Any
) -> None:
    tool = project_source_rig(fake_server)
    desk = desk_of(tool)
    first = tool.api.get("api/tasks", **_all_of(tool.project))["tasks"][0]
    drawn = {"result": [spoiled(desk.regions(tool.keys[0])[0])]}
    tool.api.post(f"api/tasks/{first['id']}/annotations/", drawn)

    desk.ask(1)

    assert desk.served() == tool.keys[:1]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_people_do_nothing_is_asked_for_ever(
    fake: Any, patient: LabelStudioRig, desk_of: Any, seed: int
) -> None:
    rng, desk, images = np.random.default_rng(seed), desk_of(patient), 3
    desk.ask(images)
    bad: dict[str, str] = {}
    for _ in range(14):
        deed = rng.integers(0, 10)
        if deed < 5:
            name = ("ada", "bo")[rng.integers(0, 2)]
            made = desk.answer(name, well=bool(deed < 1))
            if made and deed >= 1:
                bad[made] = fake.labeling.annotations[int(made)]["task"]
        elif deed == 5 and bad:
            made = list(bad)[rng.integers(0, len(bad))]
            desk.mend(made, fake.labeling.tasks[bad.pop(made)]["data"]["maskloop_key"])
        elif deed == 6:
            fake.fail("POST", "/import$", "drop after")
        else:
            try:
                desk.look()
            except OutcomeUnknown:
                continue
        served = Counter(desk.served())
        assert all(count == 1 for count in served.values()), served

    desk.look()
    while any(desk.answer(name, well=False) for name in ("ada", "bo")):
        desk.look()
    desk.look()
    desk.look()

    asked = Counter(row.image_id for row in desk.store.tasks())
    assert max(asked.values()) <= 3
    assert len(asked) == images
    assert desk.store.pending_pushes() == []
    good = {
        fake.labeling.tasks[row["task"]]["data"]["maskloop_key"]
        for row in fake.labeling.annotations.values()
        if row["result"][0]["value"]["bitmasklabels"] != ["thistle"]
    }
    names = {image.id: image.key for image in desk.store.images()}
    assert {names[image_id] for image_id in desk.store.labeled_ids()} == good
    assert set(desk.states()) <= {"corrected", "replaced", "given up"}

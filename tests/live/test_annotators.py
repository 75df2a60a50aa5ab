"""Annotators on a real Label Studio: the order they get, and what becomes of their work."""

from __future__ import annotations

import io
import itertools
import os
import signal
import time
from collections import defaultdict

import httpx
import numpy as np
import pytest
from PIL import Image

from connectors.label_studio import FolderSource, create_or_adopt_project
from connectors.masks.regions import Control, decode, encode
from daemon.demo.annotators import Annotator, Person
from daemon.demo.truth import Truth, pair_masks
from daemon.demo.web_user import WebUser
from daemon.domain import ClassSet
from daemon.store import FILE, Store
from tests.live.live_field import field

__all__ = ["field"]

pytestmark = pytest.mark.live

CLASSES = ClassSet(names=("soil", "crop", "weed"))
CONTROL = Control(from_name="mask", to_name="image")
ORDER = (4, 0, 5, 2, 1, 3, 7, 6)  # import order; the number is the position asked
numbers = itertools.count()


class Work:
    """A project with eight tasks whose predictions are right, wrong, or missing a class."""

    def __init__(self, server):
        self.server = server
        name = f"annotators-{next(numbers)}"
        self.images = server.document_root / name / "images"
        self.masks = server.document_root / name / "masks"
        self.images.mkdir(parents=True)
        self.masks.mkdir()
        rng = np.random.default_rng(1)
        for position in range(len(ORDER)):
            picture = rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)
            mask = np.zeros((40, 60), np.uint8)
            mask[5:20, 5:20], mask[25:35, 30 + position :] = 1, 2
            Image.fromarray(picture).save(self.images / f"{position}.jpg")
            Image.fromarray(mask).save(self.masks / f"{position}.png")
        self.api = httpx.Client(
            base_url=server.url,
            headers={"Authorization": f"Token {server.credentials.token}"},
            trust_env=False,
            timeout=120,
        )
        source = FolderSource(self.images, server.document_root)
        self.project = create_or_adopt_project(
            url=server.url,
            token=lambda: server.credentials.token,
            project=name,
            classes=CLASSES,
            source=source,
        ).id
        tasks = [self._task(position, source) for position in ORDER]
        made = self.api.post(f"/api/projects/{self.project}/import", json=tasks)
        assert made.status_code == 201, made.text
        set_up = {"model_version": "v1"}
        assert self.api.patch(f"/api/projects/{self.project}/", json=set_up).status_code == 200

    def truth(self, position):
        return np.array(Image.open(self.masks / f"{position}.png"))

    def _task(self, position, source):
        guess = self.truth(position)
        if position % 2:  # odd ones: weed is wrong, crop is right
            guess[25:30, 30:] = 2
        shown = encode(guess, CLASSES, CONTROL, {"crop": 0.9})
        return {
            "data": {
                "image": source.address(f"{position}.jpg"),
                "position": position,
                "maskloop_reason": "test",
            },
            "predictions": [
                {"model_version": "v1", "score": (position + 0.5) / 2**20, "result": shown}
            ],
        }

    def annotator(self, name, pace_s=0.0):
        known = self.server.credentials
        return Annotator(
            url=self.server.url,
            person=Person(email=f"{name}@maskloop.local", password=known.annotator_password),
            invite=self._invite,
            project=self.project,
            classes=CLASSES,
            truth=Truth(pair_masks(sorted(self.images.iterdir()), self.masks)),
            pace_s=pace_s,
            idle_s=0.2,
        )

    def _invite(self):
        with WebUser(self.server.url) as admin:
            known = self.server.credentials
            assert admin.sign_in(known.username, known.password)
            return admin.invite_url()

    def annotations(self):
        """(position, annotation), oldest first."""
        listed = self.api.get(
            "/api/tasks",
            params={"project": self.project, "fields": "all", "page_size": 100},
        ).json()["tasks"]
        found = [
            (task["data"]["position"], answer) for task in listed for answer in task["annotations"]
        ]
        return sorted(found, key=lambda row: row[1]["created_at"])


@pytest.fixture
def work(label_studio):
    made = Work(label_studio)
    yield made
    made.api.close()


def _finish(work, *annotators, timeout_s=240):
    for annotator in annotators:
        annotator.start()
    deadline = time.monotonic() + timeout_s
    while len({position for position, _ in work.annotations()}) < len(ORDER):
        assert time.monotonic() < deadline, [annotator.failure for annotator in annotators]
        time.sleep(0.2)
    for annotator in annotators:
        annotator.stop()
        assert not annotator.failure


def test_one_annotator_takes_tasks_in_the_order_of_their_scores(work):
    _finish(work, work.annotator("ada"))
    assert [position for position, _ in work.annotations()] == sorted(ORDER)


def test_corrected_masks_arrive_with_what_was_kept_and_what_was_changed(work):
    _finish(work, work.annotator("ada"), work.annotator("ben"))
    for position, answer in work.annotations():
        stored = decode(answer["result"], CLASSES, CONTROL, (40, 60), f"task {position}")
        np.testing.assert_array_equal(stored.mask, work.truth(position))
        origins = {
            region["value"]["bitmasklabels"][0]: region["origin"] for region in answer["result"]
        }
        changed = "prediction-changed" if position % 2 else "prediction"
        assert origins == {"crop": "prediction", "weed": changed}
        assert answer["parent_prediction"] is not None


def test_two_annotators_work_under_their_own_names_each_in_order(work):
    _finish(work, work.annotator("ada", pace_s=0.1), work.annotator("ben", pace_s=0.1))
    taken = defaultdict(list)
    for position, answer in work.annotations():
        taken[answer["completed_by"]].append(position)
    assert len(taken) == 2
    for positions in taken.values():
        assert positions == sorted(positions)


@pytest.mark.long
def test_annotators_survive_a_kill_of_the_server(work, label_studio):
    annotators = [work.annotator(name, pace_s=0.3) for name in ("ada", "ben")]
    for annotator in annotators:
        annotator.start()
    while not work.annotations():
        time.sleep(0.1)
    killed = label_studio.pid
    os.kill(killed, signal.SIGKILL)
    while label_studio.pid in (killed, None):
        time.sleep(0.05)
    label_studio.wait_ready()
    deadline = time.monotonic() + 240
    while len({position for position, _ in work.annotations()}) < len(ORDER):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    for annotator in annotators:
        annotator.stop()
        assert not annotator.failure


def test_an_annotator_without_work_waits_and_leaves_when_told(work):
    idle = work.annotator("ada")
    _finish(work, work.annotator("ben"))
    idle.start()
    time.sleep(1.0)
    idle.stop()  # returns once it has left
    assert (idle.submitted, idle.failure) == (0, "")


def _in_step(field, users, rounds):
    """Both fetch, then both submit; the tasks in the order in which they were handed out."""
    handed = []
    for _ in range(rounds):
        questions = [user.next_task(field.project) for user in users]
        handed += [question.task for question in questions]
        for user, question in zip(users, questions, strict=True):
            field.submit(user, question)
    return handed


@pytest.mark.long
def test_in_lock_step_the_order_holds_over_a_rerank_and_open_tabs_count_once(field, annotator):
    field.set_loop(done_share=0.5)
    users = [annotator("ada"), annotator("grace")]
    field.tick()
    asked = field.open_tasks()
    assert _in_step(field, users, 3) == asked[:6]

    tabs = [user.next_task(field.project) for user in users]
    field.tick()  # a model, its masks on all open tasks, four more images
    turned = field.turn_order()
    for user, tab in zip(users, tabs, strict=True):
        field.submit(user, tab)
    later = _in_step(field, users, 2)
    field.ticker.tick()

    assert [tab.task for tab in tabs] == asked[6:]
    assert turned == [*asked[:5:-1], *later]
    assert later == sorted(later, reverse=True)  # before the re-rank it was 9, 10, 11, 12
    with Store(field.config.state / FILE, read_only=True) as store:
        labels = store.labels()
        keys = {image.id: image.key for image in store.images()}
        assert len(labels) == 12
        assert {row.id for row in store.tasks() if row.image_id in labels} == {
            str(task) for task in [*asked, *later]
        }
        for image_id in labels:
            mask = Image.open(io.BytesIO(store.label_png(image_id)))
            np.testing.assert_array_equal(np.asarray(mask), field.truth[keys[image_id]])

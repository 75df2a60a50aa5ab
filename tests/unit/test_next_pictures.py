"""The pictures of the next tasks are decoded while nobody clicks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from daemon.domain import Image, Stage
from daemon.pixels import Picture
from daemon.smart_tool import next_pictures
from daemon.smart_tool.click_answers import AskedObject
from daemon.smart_tool.decoded_pictures import DecodedPictures
from daemon.smart_tool.next_pictures import IDLE_S, NextPictures
from daemon.store import FILE, Store
from tests.fakes.clicking import clicked_store
from tests.fakes.labels import NOON, annotation, push


class Watched(DecodedPictures):
    """Decoded pictures that know what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def picture(self, image: Image) -> Picture:
        self.asked.append(image.name)
        return super().picture(image)


class Worker:
    """What decodes pictures in another process. is_ready: whether it answers yet."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_ready = True

    def prepare(self, asked: AskedObject) -> bool:
        self.asked.append(asked.image.name)
        return self.is_ready


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Five open tasks; the image of the last comes first."""
    clicked_store(tmp_path, 5)
    with Store(tmp_path / FILE) as store:
        store.start_cycle(0, Stage.EMBED, NOON, labels=0, train_labels=0)
        asked = push("a key", 5, 4, 3, 2, 1)
        store.enqueue_push(asked, NOON)
        store.record_push(asked, {number: f"t{number}" for number in range(1, 6)}, NOON)
    return tmp_path


def watched(state: Path, idle_s: float = 60.0) -> tuple[NextPictures, Watched, Worker]:
    pictures, worker = Watched(), Worker()
    made = NextPictures(state, pictures, lambda: idle_s, lambda: NOON + timedelta(hours=1), worker)
    return made, pictures, worker


def test_two_tasks_for_each_person_in_their_order(state: Path) -> None:
    made, pictures, worker = watched(state)

    assert made.decode() == 2
    assert pictures.asked == ["image 4", "image 3"]
    made.decode()

    assert worker.asked == ["image 4", "image 3"]  # once each


def test_a_worker_that_was_not_ready_is_asked_again(state: Path) -> None:
    made, _, worker = watched(state)
    worker.is_ready = False
    made.decode()
    worker.is_ready = True
    made.decode()
    made.decode()

    assert worker.asked == ["image 4", "image 3"] * 2


def test_more_people_more_pictures(state: Path) -> None:
    with Store(state / FILE) as store:
        for number, name in enumerate(("anna", "ben"), start=1):
            one = annotation(str(number), key="image 0", minutes=number)
            store.keep_annotation(1, replace(one, annotator=name))
    made, pictures, _ = watched(state)

    made.decode()

    assert len(pictures.asked) == 4


def test_a_click_comes_first(state: Path) -> None:
    made, pictures, _ = watched(state, idle_s=IDLE_S / 2)

    assert made.decode() == 0
    assert pictures.asked == []


def test_pictures_in_use_are_not_driven_out(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(next_pictures, "MOST_BYTES", 60 * 80 * 3)
    made, pictures, _ = watched(state)

    made.decode()

    assert pictures.asked == ["image 4"]


def test_an_image_that_cannot_be_read_keeps_no_other_one(state: Path) -> None:
    (state / "4.png").write_bytes(b"no picture")
    made, pictures, _ = watched(state)

    assert made.decode() == 2
    assert pictures.asked == ["image 4", "image 3"]


def test_without_a_store_there_is_nothing_to_do(tmp_path: Path) -> None:
    made, _, _ = watched(tmp_path)

    assert made.decode() == 0


def test_a_decoded_picture_is_the_one_that_a_click_gets(state: Path) -> None:
    made, pictures, _ = watched(state)
    made.decode()
    with Store(state / FILE, read_only=True) as store:
        image = store.images_of([5])[5]
    before = pictures.picture(image)

    assert pictures.picture(image) is before
    assert np.asarray(before).shape == (60, 80, 3)

"""The worker child: asked in time, replaced when it ends, and never waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from daemon.clicks.click import Click
from daemon.domain.clock import steady_s
from daemon.runs.click_worker_messages import ClicksRequest, WorkerQuestion
from daemon.runs.run_folder import RunFolder
from daemon.smart_tool import click_worker_process
from daemon.smart_tool.click_answers import AskedObject, FoundObject
from daemon.smart_tool.click_worker_process import ClickWorkerProcess, NoAnswerError
from daemon.smart_tool.network_first import NetworkFirst
from tests.fakes.clicking import PlainEngines
from tests.fakes.labels import image

QUESTION = WorkerQuestion(id="", image=Path("/image.png"), clicks=((5, 6, True),))
PATIENCE_S = 60.0


@contextmanager
def worker(folder: Path, kind: str | None) -> Iterator[ClickWorkerProcess]:
    """A worker that does what `kind` says; None: none is wanted."""
    wanted = kind and ClicksRequest(checkpoint=folder / kind, classes=("soil",))
    made = ClickWorkerProcess(
        lambda: wanted or None, RunFolder(folder / "run"), steady_s, "tests.fakes.click_worker"
    )
    try:
        yield made
    finally:
        made.close()


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def answers(made: ClickWorkerProcess, deadline_s: float = 10.0) -> bool:
    """Whether it answers."""
    try:
        found = made.ask(QUESTION, deadline_s).object_probability()
    except NoAnswerError:
        return False
    return (found.left, found.top) == (4, 5)


def pids(folder: Path) -> list[str]:
    file = folder / "run" / "pids"
    return file.read_text().split() if file.exists() else []


def asked() -> AskedObject:
    picture = np.zeros((9, 9, 3), np.uint8)
    return AskedObject(image=image("a"), picture=picture, clicks=(Click(x=5, y=6),), prior=None)


def test_a_question_is_answered_once_the_worker_is_ready(tmp_path: Path) -> None:
    with worker(tmp_path, "plain") as made:
        until(lambda: answers(made))

        assert answers(made)
        first, second = (made.ask(QUESTION, PATIENCE_S) for _ in range(2))
        assert first.id != second.id
    assert len(pids(tmp_path)) == 1


def test_a_late_answer_is_not_waited_for_and_never_taken_for_another(tmp_path: Path) -> None:
    with worker(tmp_path, "slow") as made:
        until(lambda: answers(made))

        with pytest.raises(NoAnswerError, match="late"):
            made.ask(QUESTION, 0.1)

        other = QUESTION.model_copy(update={"clicks": ((1, 1, True),)})
        assert made.ask(other, PATIENCE_S).left == 0


def test_a_worker_that_dies_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click_worker_process, "FIRST_PAUSE_S", 0.05)
    with worker(tmp_path, "dies") as made:
        until(lambda: answers(made) or len(pids(tmp_path)) > 1)

        assert not answers(made)


def test_a_worker_that_talks_nonsense_is_ended(tmp_path: Path) -> None:
    with worker(tmp_path, "junk") as made:
        until(lambda: bool(pids(tmp_path)))
        until(lambda: made._child is None)

        assert not answers(made)


def test_a_silent_worker_gets_a_bounded_number_of_questions(tmp_path: Path) -> None:
    words: list[str] = []
    with worker(tmp_path, "silent") as made:
        until(lambda: made._child is not None and made._child.is_ready)
        for _ in range(click_worker_process.MOST_WAITING + 1):
            with pytest.raises(NoAnswerError) as caught:
                made.ask(QUESTION, 0.01)
            words.append(str(caught.value))

    assert words[:-1] == ["the worker was late"] * click_worker_process.MOST_WAITING
    assert words[-1] == "the worker has too much to do"


def test_closing_leaves_no_process(tmp_path: Path) -> None:
    with worker(tmp_path, "silent"):
        until(lambda: bool(pids(tmp_path)))
    (pid,) = pids(tmp_path)

    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    ("kind", "fell_back"), [("refuses", True), ("silent", True), ("junk", True), (None, False)]
)
def test_another_engine_answers_where_the_worker_does_not(
    tmp_path: Path, kind: str | None, fell_back: bool
) -> None:
    with worker(tmp_path, kind) as made:
        if kind:
            until(lambda: bool(pids(tmp_path)))
        engines = NetworkFirst(made, PlainEngines(), deadline_s=0.3)

        found: FoundObject = engines.find(asked())

        assert (found.engine, found.fell_back) == ("same_colour", fell_back)


def test_the_network_answers_where_it_can(tmp_path: Path) -> None:
    with worker(tmp_path, "plain") as made:
        until(lambda: answers(made))

        found = NetworkFirst(made, PlainEngines(), deadline_s=PATIENCE_S).find(asked())

        assert (found.engine, found.fell_back) == ("click_net", False)
        assert found.probability.values.shape == (3, 3)

"""A session of clicks goes on beside a killed worker, other tabs and other people."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.smart_tool import click_worker_process
from daemon.smart_tool.click_answers import FindsObjects
from daemon.smart_tool.walks import Walks
from tests.fakes.click_desk import (
    FIRST_TASK,
    PATIENCE_S,
    ClickDesk,
    Region,
    click_desk,
    mask_bytes,
    network,
    session,
    store_of_objects,
    until,
    worker_pids,
)
from tests.fakes.clicking import point

THREADS, TASKS = 8, 4
CLICKS, WARM_CLICKS = 10_000, 2_000
MOST_GROWTH_BYTES = 20 * 2**20


@contextmanager
def engines_of(kind: str, folder: Path) -> Iterator[FindsObjects]:
    """The walks in this process, or the network in a worker that is ready."""
    if kind == "walks":
        yield Walks()
        return
    (folder / "run").mkdir(parents=True)
    (folder / "run" / "go").touch()
    with network(folder, "gated") as engines:
        yield engines


def engine(region: Region) -> str:
    """Which engine found it."""
    return str(region["meta"]["maskloop"])


def test_a_killed_worker_costs_no_click_and_the_network_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click_worker_process, "FIRST_PAUSE_S", 0.05)
    store_of_objects(tmp_path, 1)
    one, two, three = session(FIRST_TASK, 0)
    with engines_of("network", tmp_path) as engines, click_desk(tmp_path, engines) as desk:
        until(lambda: engine(desk.click(*one)) == "click_net")
        first = desk.click(*one)

        (tmp_path / "run" / "go").unlink()  # until it may be ready again
        os.kill(worker_pids(tmp_path)[0], signal.SIGKILL)
        second = desk.click(*two)
        (tmp_path / "run" / "go").touch()
        until(lambda: engine(desk.click(*three)) == "click_net")
        third = desk.click(*three)

        assert [engine(one) for one in (first, second, third)] == [
            "click_net", "colour_walk", "click_net",
        ]  # fmt: skip
        assert len({one["id"] for one in (first, second, third)}) == 1
        assert mask_bytes(third) != mask_bytes(first)
        assert desk.tool.figures().fallbacks >= 1
        assert len(worker_pids(tmp_path)) > 1


def test_a_worker_killed_over_a_question_is_not_waited_for(tmp_path: Path) -> None:
    store_of_objects(tmp_path, 1)
    with (
        network(tmp_path, "silent") as engines,
        click_desk(tmp_path, engines) as desk,
        ThreadPoolExecutor(1) as person,
    ):
        until(lambda: engines._worker._child is not None and engines._worker._child.is_ready)  # type: ignore[attr-defined]
        started = time.monotonic()
        clicked = person.submit(desk.click, *session(FIRST_TASK, 0)[0])
        until(lambda: bool(engines._worker._waiting))  # type: ignore[attr-defined]

        os.kill(worker_pids(tmp_path)[-1], signal.SIGKILL)

        assert engine(clicked.result()) == "colour_walk"
        assert time.monotonic() - started < PATIENCE_S  # its deadline


@pytest.mark.parametrize("kind", ["walks", "network"])
def test_tabs_and_people_on_some_tasks_never_mix(tmp_path: Path, kind: str) -> None:
    store_of_objects(tmp_path, TASKS)
    objects = list(itertools.product(range(FIRST_TASK, FIRST_TASK + TASKS), (0, 1)))
    with engines_of(kind, tmp_path) as engines, click_desk(tmp_path, engines) as desk:
        if kind == "network":
            until(lambda: engine(desk.click(*session(FIRST_TASK, 0)[0])) == "click_net")

        with ThreadPoolExecutor(THREADS) as people:
            found = [list(people.map(lambda one: _clicks(desk, *one), objects)) for _ in range(4)]

        with click_desk(tmp_path, engines) as alone:
            expected = [_clicks(alone, *one) for one in objects]
        assert all(round == expected for round in found)
        assert len({region["id"] for clicked in expected for region in clicked}) == len(objects)
        masks = {mask_bytes(last) for *_, last in expected}
        assert len(masks) >= TASKS  # those of two images differ


def test_two_tabs_that_click_the_same_place_are_two_sessions(tmp_path: Path) -> None:
    store_of_objects(tmp_path, 1)
    with click_desk(tmp_path, Walks()) as desk:
        ours, theirs = (
            [{**one, "id": f"{name}-{number}"} for number, one in enumerate(session(3, 0)[2])]
            for name in ("tab one", "tab two")
        )

        regions = [desk.click(*clicks[:count]) for count in (1, 2, 3) for clicks in (ours, theirs)]

        ids = [region["id"] for region in regions]
        assert ids[0::2] == [ids[0]] * 3
        assert ids[1::2] == [ids[1]] * 3
        assert ids[0] != ids[1]
        assert [mask_bytes(one) for one in regions[0::2]] == [
            mask_bytes(one) for one in regions[1::2]
        ]


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_memory_stays_flat_over_ten_thousand_clicks(tmp_path: Path) -> None:
    store_of_objects(tmp_path, TASKS)
    with click_desk(tmp_path, Walks()) as desk:
        numbers = itertools.count()

        def click(count: int) -> None:
            for number in itertools.islice(numbers, count // 3):
                task = FIRST_TASK + number % TASKS
                for points in session(task, number % 2):
                    moved = [{**one, "id": f"{number} {one['id']}"} for one in points]
                    extra = point(5 + number % 40, 90, is_positive=False)
                    desk.click(*moved, {**extra, "id": f"{number} extra"}, task=task)

        click(WARM_CLICKS)
        gc.collect()
        before = _resident_bytes()
        click(CLICKS - WARM_CLICKS)
        gc.collect()

        assert _resident_bytes() - before < MOST_GROWTH_BYTES
        assert threading.active_count() < 20


def _clicks(desk: ClickDesk, task: int, number: int) -> list[Region]:
    """What the three requests about an object suggest."""
    return [desk.click(*points, task=task) for points in session(task, number)]


def _resident_bytes() -> int:
    """Memory of this process that lies in RAM."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

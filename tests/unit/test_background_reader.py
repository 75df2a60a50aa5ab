"""The reader in a thread: it never delays a tick, and ends when it is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.config.loading import Config
from daemon.domain.errors import ConnectorUnavailable
from daemon.stages import image_readers
from daemon.stages.image_readers import BackgroundReader
from daemon.stages.image_reading import ReadRequest
from tests.fakes.gated import Gated, gated
from tests.integration.workbench import configured, paint


@pytest.fixture
def config(tmp_path: Path) -> Config:
    paint(tmp_path, images=8)
    return configured(tmp_path)


@pytest.fixture
def tool(config: Config) -> Gated:
    return gated(config)


@pytest.fixture
def woken() -> threading.Event:
    return threading.Event()


@pytest.fixture
def reader(config: Config, tool: Gated, woken: threading.Event) -> Iterator[BackgroundReader]:
    made = BackgroundReader(tool, config, woken.set)
    yield made
    made.stop()


def requests_for(tool: Gated) -> list[ReadRequest]:
    return [ReadRequest(found=found) for found in tool.images()]


def until(said: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not said():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_an_image_that_hangs_holds_up_neither_a_tick_nor_the_end(
    reader: BackgroundReader, tool: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_readers, "STOP_TIMEOUT_S", 0.1)
    tool.hold_back("field02.png")
    reader.request(requests_for(tool))
    until(lambda: tool.reads["field02.png"] == 1)

    found = list(reader.results())
    reader.stop()  # both would last until the image is let through

    assert [result.request.found.key for result in found] == ["field00.png", "field01.png"]
    tool.let_through("field02.png")


def test_what_is_being_read_is_not_read_again_by_a_new_list(
    reader: BackgroundReader, tool: Gated
) -> None:
    tool.hold_back("field01.png")
    reader.request(requests_for(tool))
    until(lambda: tool.reads["field01.png"] == 1)

    reader.request(requests_for(tool))
    tool.let_through("field01.png")
    until(lambda: tool.reads.total() == 8)

    assert set(tool.reads.values()) == {1}


def test_a_tick_is_hastened_when_all_is_read(
    reader: BackgroundReader, tool: Gated, woken: threading.Event
) -> None:
    tool.hold_back("field07.png")
    reader.request(requests_for(tool))
    until(lambda: tool.reads["field07.png"] == 1)
    assert not woken.is_set()

    tool.let_through("field07.png")

    assert woken.wait(60)


def test_a_tick_takes_no_more_than_it_has_time_for_and_the_rest_hastens_the_next(
    config: Config, tool: Gated, woken: threading.Event
) -> None:
    clock = iter(range(1000))
    reader = BackgroundReader(tool, config, woken.set, lambda: float(next(clock)))
    reader.request(requests_for(tool))
    until(woken.is_set)
    woken.clear()

    assert len(list(reader.results())) == 1
    assert woken.is_set()
    assert reader.remaining() == 7
    reader.stop()


def test_no_image_is_begun_while_a_tick_works(reader: BackgroundReader, tool: Gated) -> None:
    with reader.paused():
        reader.request(requests_for(tool))
        time.sleep(0.1)
        assert tool.reads.total() == 0

    until(lambda: tool.reads.total() == 8)


def test_after_a_failure_it_tries_once_a_tick(reader: BackgroundReader, tool: Gated) -> None:
    tool.raising[""] = ConnectorUnavailable("gone")
    reader.request(requests_for(tool))
    until(lambda: reader.failure() is not None)
    time.sleep(0.1)
    assert tool.reads == {"field00.png": 1}

    for tries in (2, 3):
        assert list(reader.results()) == []
        until(lambda tries=tries: tool.reads["field00.png"] == tries)  # type: ignore[misc]
        assert reader.failure() is not None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_died_of_a_fault_of_ours_is_followed_by_another(
    config: Config, tool: Gated
) -> None:
    reader = BackgroundReader(tool, config)
    tool.raising["field00.png"] = SystemExit("a fault of ours")
    reader.request(requests_for(tool))
    until(lambda: tool.reads["field00.png"] == 1)
    del tool.raising["field00.png"]

    found: list[str] = []
    deadline = time.monotonic() + 60
    while len(found) < 8:
        assert time.monotonic() < deadline
        found += [result.request.found.key for result in reader.results()]
        time.sleep(0.005)

    assert sorted(found) == [request.found.key for request in requests_for(tool)]
    reader.stop()

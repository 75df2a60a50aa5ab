"""The contract of both image readers: inside the tick, and in a thread beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.config.loading import Config
from daemon.domain import FoundImage, Image, KnownImage
from daemon.domain.errors import ConnectorUnavailable
from daemon.stages.file_stamps import stamp_of
from daemon.stages.image_readers import BackgroundReader, InlineReader, Reader
from daemon.stages.image_reading import ReadRequest, ReadResult
from tests.fakes.gated import Gated, gated
from tests.integration.workbench import configured, paint

IMAGES = 6


@pytest.fixture
def config(tmp_path: Path) -> Config:
    paint(tmp_path, images=IMAGES)
    made = configured(tmp_path)
    made.state.mkdir()
    return made


@pytest.fixture
def tool(config: Config) -> Gated:
    return gated(config)


@pytest.fixture(params=[InlineReader, BackgroundReader], ids=["inline", "background"])
def reader(request: pytest.FixtureRequest, config: Config, tool: Gated) -> Iterator[Reader]:
    made: Reader = request.param(tool, config)
    yield made
    made.stop()


def requests_for(tool: Gated) -> list[ReadRequest]:
    return [ReadRequest(found=found) for found in tool.images()]


def keys(results: list[ReadResult]) -> list[str]:
    return [result.request.found.key for result in results]


def collect(reader: Reader, until: Callable[[], bool] | None = None) -> list[ReadResult]:
    """The results until no request remains, or until a condition holds."""
    is_over, found = until or (lambda: not reader.remaining()), list(reader.results())
    deadline = time.monotonic() + 60
    while not is_over():
        assert time.monotonic() < deadline, "it does not get there"
        time.sleep(0.005)
        found += reader.results()
    return found


def known_of(found: FoundImage, image: Image, stamp: str) -> KnownImage:
    return KnownImage(
        id=1,
        key=found.key,
        sha256=image.sha256,
        task=None,
        stamp=stamp,
        checked_at="",
    )


def test_all_that_is_asked_for_comes_once_and_in_order(reader: Reader, tool: Gated) -> None:
    asked = requests_for(tool)[::-1]
    reader.request(asked)

    found = collect(reader)

    assert keys(found) == [request.found.key for request in asked]
    assert all(result.image and result.image.width_px == 32 and result.stamp for result in found)
    assert set(tool.reads.values()) == {1}
    assert list(reader.results()) == []


def test_one_that_cannot_be_read_is_a_failure_with_its_name_and_the_others_come(
    reader: Reader, config: Config, tool: Gated
) -> None:
    (config.home / "images/field02.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    tool.raising["field04.png"] = KeyError("MPF")
    reader.request(requests_for(tool))

    failed = [result for result in collect(reader) if result.failure]

    assert keys(failed) == ["field02.png", "field04.png"]
    assert next(result.failure.own_line for result in failed if result.failure) is None
    assert failed[1].failure is not None
    assert failed[1].failure.fault.where == "image field04.png"
    assert (failed[1].failure.own_line or ("",))[0] == "KeyError"
    assert failed[0].stamp == stamp_of(config.home / "images/field02.png")
    assert reader.failure() is None


def test_an_outage_is_told_until_an_image_can_be_read_again_and_loses_nothing(
    reader: Reader, tool: Gated
) -> None:
    tool.raising["field03.png"] = ConnectorUnavailable("gone")
    reader.request(requests_for(tool))
    found = collect(reader, until=lambda: reader.failure() is not None)
    found += collect(reader, until=lambda: tool.reads["field03.png"] > 2)
    assert isinstance(reader.failure(), ConnectorUnavailable)
    assert keys(found) == ["field00.png", "field01.png", "field02.png"]
    assert reader.remaining() == 3

    del tool.raising["field03.png"]
    found += collect(reader)

    assert keys(found) == [request.found.key for request in requests_for(tool)]
    assert reader.failure() is None
    assert {tool.reads[key] for key in keys(found) if key != "field03.png"} == {1}


def test_a_new_list_replaces_what_is_not_begun(reader: Reader, tool: Gated) -> None:
    reader.request(requests_for(tool))
    reader.request(requests_for(tool)[4:])

    found = keys(collect(reader))

    assert found[-2:] == ["field04.png", "field05.png"]
    assert len(found) == len(set(found))
    assert set(tool.reads.values()) == {1}


def test_what_is_told_by_an_address_or_a_stamp_is_not_read(reader: Reader, tool: Gated) -> None:
    first, second = requests_for(tool)[:2]
    reader.request([second])
    (before,) = collect(reader)
    assert before.image is not None
    same = known_of(second.found, before.image, before.stamp)
    tool.reads.clear()

    reader.request([replace(first, recognized_by_address=True), replace(second, known=same)])
    found = collect(reader)

    assert keys(found) == ["field00.png", "field01.png"]
    assert [result.image for result in found] == [None, None]
    assert tool.reads.total() == 0

    reader.request([replace(second, known=replace(same, stamp="another one"))])
    (after,) = collect(reader)

    assert after.image == before.image
    assert after.stamp == before.stamp


def test_nothing_is_asked_for_after_a_stop(reader: Reader, tool: Gated) -> None:
    reader.stop()

    assert list(reader.results()) == []
    assert tool.reads.total() == 0

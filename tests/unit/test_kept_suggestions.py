"""The newest suggestion of each session is kept, for a time and within bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from daemon.smart_tool.kept_suggestions import (
    FOLDER,
    KEPT_FOR,
    KeptSuggestions,
    mask_pixels,
    read_suggestion,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def keep(
    kept: KeptSuggestions, session: str, task: int = 3, side: int = 4, label: str = "weed"
) -> None:
    inside = np.zeros((60, 80), bool)
    inside[10 : 10 + side, 20 : 20 + 2 * side] = True
    inside[10, 20] = False
    kept.keep(task=task, session=session, region="mk1", label=label, inside=inside)


def sessions(state: Path, *names: str) -> list[str]:
    """Those of these that are kept."""
    return [name for name in names if read_suggestion(state, "3", name)]


def test_the_newest_of_a_session_is_read_back(tmp_path: Path, clock: Clock) -> None:
    kept = KeptSuggestions(tmp_path / FOLDER, clock)
    keep(kept, "a", side=2)
    keep(kept, "a", side=4, label="crop")

    found = read_suggestion(tmp_path, "3", "a")

    assert found is not None
    assert (found.label, found.region, found.area_px, found.at) == ("crop", "mk1", 31, NOON)
    pixels = mask_pixels(found.box_yxyx, found.mask_png)
    assert pixels is not None
    assert pixels.shape == (4, 8)
    assert not pixels[0, 0]
    assert pixels.sum() == 31
    assert read_suggestion(tmp_path, "4", "a") is None
    assert len(list((tmp_path / FOLDER).iterdir())) == 1


def test_the_oldest_go_first(tmp_path: Path, clock: Clock) -> None:
    kept = KeptSuggestions(tmp_path / FOLDER, clock, most_files=2)
    for name in ("a", "b", "a", "c"):
        clock.at += timedelta(minutes=1)
        keep(kept, name)

    assert sessions(tmp_path, "a", "b", "c") == ["a", "c"]


def test_bytes_are_bounded_too(tmp_path: Path, clock: Clock) -> None:
    kept = KeptSuggestions(tmp_path / FOLDER, clock, most_bytes=700)
    for name in ("a", "b", "c", "d"):
        keep(kept, name)

    left = sessions(tmp_path, "a", "b", "c", "d")
    assert left
    assert left[-1] == "d"
    assert "a" not in left
    assert sum(file.stat().st_size for file in (tmp_path / FOLDER).iterdir()) <= 700


def test_a_week_later_and_after_a_restart_only_newer_ones_are_there(
    tmp_path: Path, clock: Clock
) -> None:
    kept = KeptSuggestions(tmp_path / FOLDER, clock)
    keep(kept, "a")
    clock.at += timedelta(days=1)
    keep(kept, "b")
    clock.at = NOON + KEPT_FOR + timedelta(hours=1)

    KeptSuggestions(tmp_path / FOLDER, clock)

    assert sessions(tmp_path, "a", "b") == ["b"]


@pytest.mark.parametrize("session", ["../../etc/passwd", "a/b", "\ud800", "x" * 200, "ü\0"])
def test_no_path_is_made_of_an_id(tmp_path: Path, clock: Clock, session: str) -> None:
    keep(KeptSuggestions(tmp_path / FOLDER, clock), session)

    (file,) = (tmp_path / FOLDER).iterdir()
    assert file.stem.isalnum()
    assert sessions(tmp_path, session) == [session]


def test_a_folder_that_cannot_be_written_is_said_once(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FOLDER).write_text("a file")
    kept = KeptSuggestions(tmp_path / FOLDER, clock)

    for _ in range(3):
        keep(kept, "a")

    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"task": 3}'])
def test_a_damaged_file_is_none(tmp_path: Path, clock: Clock, content: bytes) -> None:
    keep(KeptSuggestions(tmp_path / FOLDER, clock), "a")
    (file,) = (tmp_path / FOLDER).iterdir()
    file.write_bytes(content)

    assert read_suggestion(tmp_path, "3", "a") is None

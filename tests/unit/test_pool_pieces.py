"""The benchmark of pairs: what is set aside, and what its figures say."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from daemon.config.learner import faults_of
from daemon.experiment.options import settings_given
from tests.benchmarks.pool_pieces import (
    PIECES,
    lost,
    read_lines,
    set_aside,
    t_interval,
)

SOIL, WEEDS = frozenset({0}), frozenset({0, 1})


def test_whole_videos_are_set_aside_and_both_parts_hold_every_class() -> None:
    held = {f"{video}_{n}": WEEDS if n == 0 else SOIL for video in "abcdefgh" for n in range(5)}

    learned, measured = set_aside(held, 100)

    assert sorted([*learned, *measured]) == sorted(held)
    assert {name[0] for name in learned} & {name[0] for name in measured} == set()
    assert len(measured) == 10
    assert (learned, measured) == set_aside(held, 100)
    assert measured != set_aside(held, 101)[1]


def test_images_without_a_video_are_set_aside_one_by_one() -> None:
    held = {f"{n:03d}": WEEDS if n % 2 else SOIL for n in range(20)}

    learned, measured = set_aside(held, 100)

    assert len(measured) == 5
    assert any(held[name] == WEEDS for name in learned)
    assert any(held[name] == WEEDS for name in measured)


def test_a_class_in_one_image_cannot_be_in_both_parts() -> None:
    held = {f"{n:03d}": WEEDS if n == 0 else SOIL for n in range(8)}

    with pytest.raises(SystemExit, match="no way to set images aside"):
        set_aside(held, 100)


def test_the_interval_is_that_of_student() -> None:
    low, high = t_interval([0.01, 0.03])  # mean 0.02, standard error 0.01, t(1) = 12.706

    assert (low, high) == pytest.approx((0.02 - 0.12706, 0.02 + 0.12706), abs=1e-4)
    assert t_interval([0.01]) == (-math.inf, math.inf)


def test_a_piece_is_out_when_it_lost_two_pairs_of_two() -> None:
    assert lost([-0.1, -0.01])
    assert not lost([-0.1, 0.01])
    assert not lost([-0.1])


def test_a_line_that_a_kill_cut_short_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text('{"key": "a"}\n{"key": "b')

    assert list(read_lines(tmp_path / "lines")) == [{"key": "a"}]


def test_every_piece_is_a_set_of_possible_settings() -> None:
    for sets in PIECES.values():
        assert faults_of(settings_given(sets)) == {}

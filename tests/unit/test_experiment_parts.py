"""Parts of `maskloop experiment` that compute: shares, pictures, what a run is watched for."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.experiment.recipes.experiment_records import LossPoint
from daemon.experiment.recipes.run_watch import MOST_POINTS, RunWatch, process_cpu_s
from daemon.experiment.recipes.shown_images import choose_images, difference_colours
from daemon.insight.reached_share import reached_share
from daemon.runs.run_folder import Progress, RunFolder


def test_a_half_and_a_double_cancel_out_in_a_share() -> None:
    found = reached_share([0.2, 0.4], [0.4, 0.2])

    assert found is not None
    assert found.share == pytest.approx(1)
    assert found.interval is not None
    low, high = found.interval
    assert low * high == pytest.approx(1)


def test_the_interval_of_a_share_is_students_t_of_the_logarithms() -> None:
    found = reached_share([0.70, 0.72, 0.71], [0.75, 0.74, 0.76])

    logs = np.log([0.70 / 0.75, 0.72 / 0.74, 0.71 / 0.76])
    half = 4.302653 * logs.std(ddof=1) / 3**0.5  # t of 2 degrees of freedom at 97.5 %
    assert found is not None
    assert found.interval == pytest.approx(np.exp([logs.mean() - half, logs.mean() + half]))


def test_one_pair_has_no_interval_and_a_figure_of_zero_no_share() -> None:
    one = reached_share([0.5], [0.8])

    assert one is not None
    assert (one.share, one.interval) == (pytest.approx(0.625), None)
    assert reached_share([0.0, 0.5], [0.8, 0.8]) is None
    assert reached_share([], []) is None


FIGURES = st.dictionaries(st.text(min_size=1, max_size=4), st.floats(0, 1), max_size=30)


@given(FIGURES, st.integers(1, 10))
def test_shown_images_are_distinct_and_of_their_kind(figures: dict[str, float], n: int) -> None:
    shown = choose_images(figures, n)

    assert len({one.image for one in shown}) == len(shown)
    if len(figures) >= 3:
        assert len(shown) == 3 * min(n, len(figures) // 3)
    by_rule = {rule: [o.image_miou for o in shown if o.rule == rule] for rule in ("best", "worst")}
    others = figures.values()
    assert not by_rule["best"] or max(others) == max(by_rule["best"])
    assert not by_rule["worst"] or min(others) == min(by_rule["worst"])


def test_differences_tell_a_miss_from_a_false_alarm_and_a_confusion() -> None:
    truth = np.array([[0, 1, 0, 1, 255]], np.uint8)
    predicted = np.array([[0, 0, 1, 2, 1]], np.uint8)

    right, missed, false, confused, no_label = difference_colours(truth, predicted)[0].tolist()

    assert len({tuple(one) for one in (right, missed, false, confused)}) == 4
    assert missed == [0xD7, 0x30, 0x1F]
    assert no_label == [255, 255, 255]


def test_a_watched_run_keeps_its_curve_and_cpu_seconds_over_a_restart(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "train")
    run.path.mkdir()
    with run.locked():  # this process stands for the training
        for start in (0, 700):  # the second time another process of the command
            watch = RunWatch(tmp_path / "watch.json")
            for step in range(start, start + 700):
                losses = {"labeled_ce": float(step)}
                run.write_progress(Progress(phase="training", step=step, steps=1400, losses=losses))
                watch.look(run)
            found = watch.save()

    assert found.points[0] == LossPoint(iteration=0, losses={"labeled_ce": 0.0})
    assert found.points[-1].iteration > 1300
    assert MOST_POINTS / 2 <= len(found.points) <= MOST_POINTS
    spent = process_cpu_s(os.getpid())
    assert spent is not None
    assert found.cpu_seconds > spent  # counted by both

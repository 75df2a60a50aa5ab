"""The tables of an experiment's report say a thing once."""

from __future__ import annotations

from daemon.experiment.recipes.experiment_figures import ArmFigures, ExperimentFigures
from daemon.experiment.recipes.experiment_records import ArmRun
from daemon.experiment.recipes.experiment_tables import common_remarks, runs_table


def run(arm: str, words: str) -> ArmRun:
    return ArmRun(
        arm=arm, method="hrda", seed=0, train_labels=5, unlabeled=0, miou=0.5, iou={},
        interval_words=words, iterations=3, seconds=2121.0, cpu_seconds=1373.4, test_seconds=22.0,
    )  # fmt: skip


def figures(*runs: ArmRun) -> ExperimentFigures:
    arms = [
        ArmFigures(arm=one.arm, runs=(one,), miou=None, iou={}, image_miou=None, seconds=None,
                   cpu_seconds=None)
        for one in runs
    ]  # fmt: skip
    return ExperimentFigures(arms=tuple(arms), shares=(), differences=())


def test_why_no_model_has_an_interval_stands_below_the_table_and_not_in_each_row() -> None:
    same = figures(run("a", "no interval: 3 groups"), run("b", "no interval: 3 groups"))
    other = figures(run("a", "no interval: 3 groups"), run("b", "of 40 images"))

    assert common_remarks(same) == ["95 %, each model: no interval: 3 groups"]
    assert {row[2].under for row in runs_table(same).rows} == {""}
    assert common_remarks(other) == []
    assert [row[2].under for row in runs_table(other).rows] == [
        "no interval: 3 groups",
        "of 40 images",
    ]
    assert runs_table(same).rows[0][7].text.replace("\N{NO-BREAK SPACE}", " ") == "22 min 53 s"

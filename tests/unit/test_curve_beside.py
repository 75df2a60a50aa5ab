"""What stands beside the curve: minutes of people, groups of images, a simulation."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from daemon.cli.commands import main
from daemon.config.loading import Config
from daemon.domain import AnswerTime
from daemon.experiment.simulation.curve_summary import curve_summary
from daemon.insight.curve_groups import group_evaluation
from daemon.insight.people_time import people_times, time_words
from daemon.insight.simulated_curves import saving_words
from daemon.runs.run_folder import RunFolder, TrainResult
from daemon.status.kept_simulation import FILE, keep_simulation
from daemon.status.snapshot import read_status
from daemon.store import FILE as STORE
from daemon.store import Store
from daemon.web.app import create_app
from tests.fakes.labels import annotation, image
from tests.fakes.simulations import simulation
from tests.fakes.trained_runs import START, trained_home

CLASSES = {"names": ["soil", "crop", "weed"]}
KEPT = datetime(2026, 11, 27, tzinfo=UTC)


def client_of(config: Config) -> FlaskClient:
    return create_app(lambda: read_status(config), read_config=lambda: config).test_client()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return trained_home(tmp_path, 3, classes=CLASSES)


def regroup(config: Config, cycle: int) -> None:
    """Eight images are of "north", two of a hostile name."""
    run = RunFolder(config.state / "runs" / f"{cycle:04d}-train")
    result = run.read_result(TrainResult)
    assert result.validation is not None
    by_image = tuple(
        replace(one, group="north" if row < 8 else "<b>&?south")
        for row, one in enumerate(result.validation.by_image)
    )
    run.write_result(
        TrainResult(
            validation=replace(result.validation, by_image=by_image), iterations=1, seconds=1.0
        )
    )


# --- minutes of people ---------------------------------------------------------------------


def test_minutes_are_summed_up_to_the_beginning_of_each_training() -> None:
    hour = timedelta(hours=1)
    times = [
        AnswerTime(at=KEPT + hour, seconds=60.0),
        AnswerTime(at=KEPT, seconds=120.0),
        AnswerTime(at=KEPT + hour, seconds=None),
        AnswerTime(at=KEPT + 2 * hour, seconds=99_999.0),  # the page was left open
    ]

    found = people_times(times, {0: KEPT - hour, 1: KEPT, 2: KEPT + 3 * hour})

    assert [(one.minutes, one.answers, one.untimed) for one in found] == [
        (None, 0, 0), (2.0, 1, 0), (3.0, 4, 2),
    ]  # fmt: skip
    assert time_words(found) == "2 of 4 answers have no time and are not in the minutes."


def test_without_a_time_there_are_no_minutes() -> None:
    found = people_times([AnswerTime(at=KEPT, seconds=None)], {1: KEPT})

    assert found[0].minutes is None
    assert time_words(found) == "The labeling tool measured no time of any answer."
    assert time_words(()) == "No answer has come yet."


def test_the_page_knows_the_minutes_before_each_training(config: Config) -> None:
    with Store(config.state / STORE) as store:
        for number, hours in ((1, 0), (2, 1.5)):
            store.add_image(image(f"{number}"), None)
            at = START + timedelta(hours=hours)
            given = replace(annotation(f"{number}", f"{number}"), created_at=at, updated_at=at)
            store.keep_annotation(number, replace(given, lead_time_s=90.0))

    twin = client_of(config).get("/curve.json").get_json()

    assert [one["minutes"] for one in twin["people_time"]] == [1.5, 3.0, 3.0]
    page = client_of(config).get("/curve").text
    assert 'id="axis"' in page
    assert '{"1": 1.5, "2": 3.0, "3": 3.0}' in page
    row = client_of(config).get("/curve.csv").text.splitlines()[1]
    assert row.endswith(",1.5,")


# --- groups of images ----------------------------------------------------------------------


def test_a_group_has_its_own_curve_with_an_interval_or_the_reason(config: Config) -> None:
    for cycle in (1, 2, 3):
        regroup(config, cycle)
    browser = client_of(config)

    north = browser.get("/curve.json?group=north").get_json()
    few = browser.get("/curve.json", query_string={"group": "<b>&?south"}).get_json()

    assert [(one["name"], one["images"]) for one in north["groups"]] == [
        ("north", 8), ("<b>&?south", 2),
    ]  # fmt: skip
    assert None not in north["lines"][0]["values"]
    assert north["lines"][0]["low"][0] < north["lines"][0]["values"][0]
    assert few["group"]["interval_words"][0] == (
        "no interval: 2 images; no method is right with fewer than 8"
    )
    page = browser.get("/curve", query_string={"group": "<b>&?south"}).text
    assert "<b>&?south" not in page
    assert 'href="/api/v1/curve?group=%3Cb%3E%26%3Fsouth"' in page
    assert '<script id="forecast" type="application/json" data-live>[]</script>' in page
    assert "north" in browser.get("/curve.csv?group=north").text


def test_a_group_that_is_not_there_shows_all_images(config: Config) -> None:
    browser = client_of(config)

    assert browser.get("/curve.json?group=nowhere").get_json() == (
        browser.get("/curve.json").get_json()
    )
    assert browser.get("/curve.json").get_json()["groups"] == []


@given(seed=st.integers(0, 999), images=st.integers(1, 12))
def test_one_group_of_all_images_is_measured_as_all_images(seed: int, images: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 50, (images, 3))
    common = (truth * rng.random((images, 3))).astype(np.int64)
    wrong = rng.integers(0, 9, (images, 3))
    pixels = np.stack([common, truth, common + wrong], axis=-1)

    found = group_evaluation(pixels, ("soil", "crop", "weed"))

    total = pixels.sum(axis=0)
    held = total[:, 1] > 0
    iou = total[:, 0] / np.maximum(1, total[:, 1] + total[:, 2] - total[:, 0])
    expected = float(iou[held].mean()) if held.sum() > 1 else None
    assert found.miou == (None if expected is None else pytest.approx(expected))
    assert (found.miou_interval is None) or images >= 8


# --- a simulation --------------------------------------------------------------------------


def test_a_simulation_is_drawn_with_its_images_its_n_and_what_it_saved(config: Config) -> None:
    found = curve_summary(simulation({"random": 0.0, "auto": 0.05}), np.random.default_rng(0), KEPT)
    keep_simulation(config.state, found)

    page = client_of(config).get("/curve").text

    assert [(arm.name, arm.points[0].runs) for arm in found.arms] == [("random", 6), ("auto", 6)]
    assert (found.images, found.test_images) == ("images", 40)
    (saving,) = found.savings
    assert saving.low is not None
    assert 0 < saving.low < saving.saved
    assert saving.words in page
    assert "not on this project" in page
    assert "all labels (hrda)" in page
    assert "/field/images" not in page  # no path of the machine that simulated


def test_without_a_simulation_labels_saved_are_not_measured(config: Config) -> None:
    twin = client_of(config).get("/curve.json").get_json()

    assert twin["simulation"] is None
    assert twin["labels_saved"].startswith("Not measured.")
    few = simulation({"random": 0.0, "auto": 0.05}, seeds=range(2))
    found = curve_summary(few, np.random.default_rng(0), KEPT)
    assert "auto: not measured; 2 pairs of runs, an interval takes 3" in saving_words(found, "auto")


@pytest.mark.parametrize("content", ["", "{}", '{"images": 3}', "[" * 5000])
def test_a_kept_simulation_that_cannot_be_read_is_said_and_the_curve_stays(
    config: Config, content: str
) -> None:
    (config.state / FILE).write_text(content)

    answer = client_of(config).get("/curve")

    assert answer.status_code == 200
    assert "cannot be read as a simulation" in answer.text


def test_the_command_keeps_a_simulation_and_forgets_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text('[classes]\nnames = ["soil", "crop", "weed"]\n')
    results = tmp_path / "simulated" / "results.json"
    results.parent.mkdir()
    content = simulation({"random": 0.0, "auto": 0.05}).model_dump(mode="json")
    results.write_text(json.dumps(content))
    command = ["--config", str(tmp_path / "config.toml"), "curve"]

    assert main([*command, "--simulation", str(results.parent)]) == 0
    assert "auto (4 points)" in capsys.readouterr().out
    assert main([*command, "--no-simulation"]) == 0
    assert main(command) == 0
    assert "no simulation is shown" in capsys.readouterr().out
    results.write_text('{"format": 1}')
    assert main([*command, "--simulation", str(results)]) == 1

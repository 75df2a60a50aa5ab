"""`maskloop smart-eval`: clicks on a labeled folder, with the priors of the quick learner."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from daemon.domain.errors import ExperimentRefused, RunFailed
from daemon.experiment.click_evaluation.click_evaluation import run_click_evaluation
from daemon.experiment.click_evaluation.click_figures import Interval
from daemon.experiment.click_evaluation.click_options import add_options, read_options
from daemon.experiment.click_evaluation.click_report import ClickReport
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainRequest
from tests.fakes import learner
from tests.fakes.sam_models import sam_files
from tests.hrda.tiny import field

SIDE, IMAGES = 64, 4
WORKER = "tests.fakes.click_worker"  # its mask: a square around the newest click
COLOURS = [[120, 90, 60], [60, 160, 60], [60, 60, 200]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """images, masks, and a model that was trained on the first image."""
    for name in ("images", "masks", "train"):
        (tmp_path / name).mkdir()
    for number in range(IMAGES):
        image, mask = field(np.random.default_rng(number), SIDE)
        Image.fromarray(image).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    (tmp_path / "seen.txt").write_text("0\n")
    (tmp_path / "unseen.txt").write_text("1\n2\n3\n")
    run = RunFolder(tmp_path / "train")
    first = LabeledFile(
        id=0, image=tmp_path / "images" / "0.png", mask=tmp_path / "masks" / "0.png"
    )
    run.write_request(TrainRequest(classes=("soil", "crop", "weed"), labeled=(first,)))
    run.checkpoint.write_text(json.dumps(COLOURS))
    return tmp_path


def evaluate(folder: Path, *further: str, worker: str = WORKER) -> tuple[ClickReport, str]:
    parser = argparse.ArgumentParser()
    add_options(parser)
    arguments = {
        "--images": str(folder / "images"),
        "--masks": str(folder / "masks"),
        "--splits": str(folder / "unseen.txt"),
        "--out": str(folder / "out"),
        "--model": str(folder / "train" / "checkpoint.pth"),
        "--min-area": "30",
    }
    flat = [word for pair in arguments.items() for word in pair]
    screen = Console(file=io.StringIO(), width=200)
    options = read_options(parser.parse_args([*flat, *further]))
    assert run_click_evaluation(options, screen, screen, in_this_process, worker) == 0
    report = ClickReport.model_validate_json((options.out / "report.json").read_bytes())
    return report, screen.file.getvalue()


def in_this_process(run: RunFolder, command: str) -> None:
    if not run.finished():
        learner.COMMANDS[command](run)


def test_the_report_compares_engines_by_class_and_size(folder: Path) -> None:
    report, screen = evaluate(folder, "--from-model-mask")

    rows = {(row.engine, row.start, row.group): row.figures for row in report.rows}
    assert report.objects == 6  # a crop and a weed in each unseen image
    assert rows["prior_walk", "nothing", "class crop"].objects == 3
    assert rows["prior_walk", "nothing", "all"].iou["1"] > 0.7
    assert rows["prior_walk", "nothing", "all"].iou["20"] > 0.8
    assert rows["prior_walk", "model", "all"].noc["0.85"].mean == 0  # the model's mask is right
    assert "prior_walk" in screen
    assert report.objects_sha256[:12] in screen


def test_the_same_command_clicks_on_nothing_twice(folder: Path) -> None:
    before, _ = evaluate(folder, "--engines", "colour_walk")
    lines = (folder / "out" / "clicked.jsonl").read_text()
    with (folder / "out" / "clicked.jsonl").open("a") as file:
        file.write('{"engine": "colour_')  # killed while it wrote

    after, _ = evaluate(folder, "--engines", "colour_walk,prior_walk")

    assert (folder / "out" / "clicked.jsonl").read_text().startswith(lines)
    first = [row for row in after.rows if row.engine == "colour_walk"]
    assert first == list(before.rows)
    assert {row.engine for row in after.rows} == {"colour_walk", "prior_walk"}
    with pytest.raises(ExperimentRefused, match="differs in objects"):
        evaluate(folder, "--seed", "1")


def test_two_models_are_compared_on_the_same_objects(folder: Path) -> None:
    poor = RunFolder(folder / "poor")
    poor.path.mkdir()
    poor.checkpoint.write_text(json.dumps(COLOURS[::-1]))  # takes plants for soil
    evaluate(folder, "--model", str(poor.checkpoint), "--out", str(folder / "first"))

    report, screen = evaluate(folder, "--against", str(folder / "first"))

    changes = {row.engine: row.change for row in report.rows if row.group == "all"}
    assert changes["colour_walk"] == Interval(mean=0, low=0, high=0)  # it knows no model
    assert changes["prior_walk"] is not None
    assert changes["prior_walk"].mean < 0
    assert f"against itself in {folder / 'first'}" in screen


def test_evaluations_of_other_objects_are_not_compared(folder: Path) -> None:
    evaluate(folder, "--engines", "colour_walk", "--out", str(folder / "first"))

    with pytest.raises(ExperimentRefused, match="clicks 20, here 3"):
        evaluate(folder, "--clicks", "3", "--against", str(folder / "first"))
    with pytest.raises(ExperimentRefused, match="expected the --out folder"):
        evaluate(folder, "--against", str(folder))
    (folder / "first" / "report.json").unlink()
    with pytest.raises(ExperimentRefused, match="let its command end first"):
        evaluate(folder, "--against", str(folder / "first"))


def test_objects_depend_on_the_seed_alone(folder: Path) -> None:
    one, _ = evaluate(folder, "--per-class", "2", "--engines", "colour_walk")
    again, _ = evaluate(
        folder, "--per-class", "2", "--engines", "colour_walk", "--out", str(folder / "again")
    )

    assert one.objects == 4
    assert again.objects_sha256 == one.objects_sha256


def test_a_model_is_not_measured_on_what_it_learned_from(folder: Path) -> None:
    with pytest.raises(ExperimentRefused, match="was trained on the image 0"):
        evaluate(folder, "--splits", str(folder / "seen.txt"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "none"), "prior_walk needs probabilities"),
        (("--model", "none", "--engines", "colour_walk", "--from-model-mask"), "there is no model"),
        (("--engines", "click_net"), "click_net and --click-net go together"),
        (("--engines", "magic"), "expected some of colour_walk, prior_walk"),
        (("--clicks", "0"), "expected 1 to 60"),
        (("--min-area", "100000"), "no object of 100000 pixels or more"),
        (("--model", "missing.pth"), "no such file"),
    ],
)
def test_wrong_options_are_refused_in_words(
    folder: Path, options: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ExperimentRefused, match=said):
        evaluate(folder, *options)


def test_a_network_answers_from_its_worker(folder: Path) -> None:
    network = folder / "plain"
    network.write_text("a network")

    report, _ = evaluate(
        folder,
        *("--engines", "click_net", "--click-net", str(network)),
        *("--clicks", "3", "--per-class", "1", "--from-model-mask"),
    )

    first = report.rows[0]
    assert (first.engine, first.start, first.figures.objects) == ("click_net", "nothing", 2)
    assert 0 < first.figures.iou["1"] < 0.5
    assert {row.start for row in report.rows} == {"nothing"}  # it cannot start from a mask


@pytest.mark.long
def test_sam_answers_from_a_worker_of_its_own(folder: Path) -> None:
    files = sam_files(folder / "models")

    report, _ = evaluate(
        folder, "--engines", "colour_walk,sam", "--clicks", "3",
        "--sam-encoder", str(files.encoder), "--sam-decoder", str(files.decoder),
        worker="daemon.hrda",
    )  # fmt: skip

    figures = {row.engine: row.figures for row in report.rows if row.group == "all"}
    assert figures["sam"].objects == 6
    assert figures["sam"].iou["1"] < 0.3  # the fake's best predicted IoU is everything
    assert figures["sam"].iou["3"] > 0.5  # its single mask


def test_sam_and_its_files_go_together(folder: Path) -> None:
    with pytest.raises(ExperimentRefused, match="sam and --sam-encoder and --sam-decoder go tog"):
        evaluate(folder, "--engines", "sam", "--sam-encoder", str(folder / "unseen.txt"))


@pytest.mark.long
def test_a_worker_that_refuses_ends_the_evaluation_with_its_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.experiment.click_evaluation.compared_engines.PATIENCE_S", 15.0)
    (folder / "refuses").write_text("a network")

    with pytest.raises(RunFailed, match="out of memory"):
        evaluate(folder, "--engines", "click_net", "--click-net", str(folder / "refuses"))

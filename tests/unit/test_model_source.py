"""Which model `maskloop export --model` takes, and what its card will say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from daemon.cli.commands import main
from daemon.datasets.export.model_source import SERVING, model_of_experiment, model_of_loop
from daemon.domain import CurvePoint, Evaluation, Missing, Stage, Why
from daemon.domain.errors import ExportRefused
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainRequest, TrainResult
from daemon.store import FILE, Store
from tests.fakes.labeled_store import CLASSES, labeled_config, labeled_store
from tests.fakes.labels import NOON


def evaluation(miou: float) -> Evaluation:
    return Evaluation(
        images=16,
        miou=miou,
        iou={"soil": 0.9, "crop": miou, "weed": None},
        miou_interval=(miou - 0.05, miou + 0.05),
        missing={"iou.weed": Missing(why=Why.CLASS_ABSENT, classes=("weed",))},
    )


def trained(run: RunFolder, miou: float) -> None:
    """What a training leaves; nobody reads its checkpoint here."""
    file = LabeledFile(id=1, image=Path("1.png"), mask=Path("1-mask.png"))
    parent = Path("/home/anna/state/runs/0001-train/checkpoint.pth")
    run.write_request(TrainRequest(classes=CLASSES, labeled=(file, file), seed=3, parent=parent))
    run.write_result(TrainResult(validation=evaluation(miou), iterations=9, seconds=4.0))
    run.checkpoint.write_bytes(b"weights")


def two_cycles(home: Path) -> None:
    """A loop of two trained cycles, of which the second was refused."""
    labeled_store(home, {"a.png": np.ones((8, 8), np.uint8)})
    with Store(home / "state" / FILE) as store:
        for cycle, miou in ((1, 0.7), (2, 0.5)):
            store.start_cycle(cycle, Stage.TRAIN, NOON, labels=16 * cycle, train_labels=cycle)
            found = evaluation(miou)
            point = CurvePoint(cycle=cycle, labels=16, train_labels=1, validation=found)
            store.keep_evaluation("validation", point, found)
            store.keep_evaluation("test", point, evaluation(miou + 0.01))
            trained(RunFolder(home / f"state/runs/000{cycle}-train"), miou)
        store.keep_serving(2, 1)


def test_the_model_that_serves_is_taken_and_any_cycle_by_its_number(tmp_path: Path) -> None:
    two_cycles(tmp_path)
    config = labeled_config(tmp_path)

    serving, named = model_of_loop(config, SERVING), model_of_loop(config, "2")

    assert (serving.facts.cycle, named.facts.cycle) == (1, 2)
    assert serving.checkpoint == tmp_path / "state/runs/0001-train/checkpoint.pth"
    figures = {one.split: one for one in serving.facts.figures}
    assert (figures["validation"].miou, figures["test"].miou) == (0.7, 0.71)
    assert figures["test"].miou_interval == pytest.approx((0.66, 0.76))
    assert figures["validation"].missing == {"iou.weed": "class_absent"}
    assert serving.facts.training is not None
    assert serving.facts.training.train_labels == 2
    assert "anna" not in serving.facts.model_dump_json()  # the card goes to others


@pytest.mark.parametrize("wanted", ["7", "-1", "runs/x", "²"])
def test_a_cycle_without_a_model_is_refused(tmp_path: Path, wanted: str) -> None:
    two_cycles(tmp_path)

    with pytest.raises(ExportRefused, match=r"expected the number of a trained cycle \(1 to 2\)"):
        model_of_loop(labeled_config(tmp_path), wanted)


def test_what_has_no_model_yet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportRefused, match="no store yet"):
        model_of_loop(labeled_config(tmp_path), SERVING)
    labeled_store(tmp_path, {"a.png": np.ones((8, 8), np.uint8)})
    with pytest.raises(ExportRefused, match="no model yet"):
        model_of_loop(labeled_config(tmp_path), SERVING)
    with pytest.raises(ExportRefused, match="no finished training"):
        model_of_experiment(tmp_path)


def test_a_folder_with_files_of_others_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(RunFolder(tmp_path / "run/train"), 0.7)
    out = tmp_path / "out"
    out.mkdir()
    (out / "model.json").write_text("{}")
    (out / "thesis.txt").write_text("years of work")

    assert main(["export", "--model", str(tmp_path / "run"), "--out", str(out)]) == 1

    assert "got a folder that holds 'thesis.txt'" in capsys.readouterr().err
    assert (out / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "nowhere"], "--model nowhere: no such folder"),
        (["--model", "."], "holds no finished training"),
        (["--model", "--with", "images"], "which are of the images"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["export", "--out", "out", *words]) == 1

    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []

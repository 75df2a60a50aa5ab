"""`maskloop export --predictions`: masks of the pool by the model that serves, piece by piece."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from daemon.config.loading import Config
from daemon.datasets.export import prediction_runs
from daemon.datasets.export.export_folder import export_folder
from daemon.datasets.export.export_report import ExportOptions, ExportReport
from daemon.domain import Exclusion, Role, Stage
from daemon.domain.errors import ExportRefused, RunFailed
from daemon.runs.records import LabeledFile, TrainRequest, TrainResult
from daemon.runs.run_folder import RunFolder
from daemon.store import FILE, Store
from tests.fakes.labeled_store import CLASSES, labeled_config, labeled_store
from tests.fakes.labels import NOON
from tests.fakes.launcher import ForkLauncher

SIZE = (20, 30)
NAMES = ("field/a.jpg", "b.png", "c.png", "other/a.jpg")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A loop of four images, one of them for validation, whose first model tells by brightness."""
    with Store(labeled_store(tmp_path, dict.fromkeys(NAMES, np.zeros(SIZE, np.uint8)))) as store:
        store.set_roles(Role.VALIDATION, {3: "drawn"})
    for number in range(1, 5):
        shade = np.full((*SIZE, 3), 40, np.uint8)
        shade[:, 10 * number // 2 :] = 220
        Image.fromarray(shade).save(tmp_path / f"pictures/{number}.png")
    train(tmp_path, [[40] * 3, [220] * 3, [900] * 3])
    return tmp_path


def train(home: Path, colours: Sequence[Sequence[int]]) -> None:
    """Leave a model behind, as the fake learner writes it: the mean colour of each class."""
    run = RunFolder(home / f"state/runs/0000-{Stage.TRAIN}")
    file = LabeledFile(id=1, image=home / "pictures/1.png", mask=home / "1.png")
    run.write_request(TrainRequest(classes=CLASSES, labeled=(file,)))
    run.checkpoint.write_text(json.dumps(colours))
    run.write_result(TrainResult(validation=None, iterations=1, seconds=0.0))


def exported(home: Path, listed: str = "pool", **settings: Any) -> tuple[Path, ExportReport]:
    config = labeled_config(home)
    changed = {"predictions": {"min_region_px": 0, "fill_holes_px": 0, **settings}}
    config = Config.model_validate(config.model_dump() | changed)
    wanted = ExportOptions(out=home / "out", predictions=listed)
    report = export_folder(config, wanted, NOON, lambda done, total: None, ForkLauncher())
    return home / "out", report


def predicted(out: Path) -> dict[str, int]:
    """Name of a mask -> how many pixels of it are class 1."""
    found = {}
    for path in sorted((out / "predictions").iterdir()):
        mask = np.asarray(Image.open(path))
        assert mask.shape == SIZE
        assert mask.max() <= 1
        found[path.name] = int((mask == 1).sum())
    return found


def lines_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]


def test_the_pool_gets_a_mask_of_each_image_named_like_it(home: Path) -> None:
    out, report = exported(home)

    assert (report.predictions, report.faults) == (3, [])
    masks = {"b.png": 20 * 20, "field__a.png": 20 * 25, "other__a.png": 20 * 10}
    assert predicted(out) == masks
    assert {line["image"] for line in lines_of(out)} == {"field/a.jpg", "b.png", "other/a.jpg"}
    record = json.loads((out / "predictions.json").read_text())
    assert record["complete"]
    assert (record["masks"], record["model"]["cycle"]) == (3, 0)
    assert sorted(path.name for path in (out / "masks").iterdir()) == sorted([*masks, "c.png"])
    assert not list(out.glob(".predictions-*"))


def test_a_list_names_images_by_id_or_by_name(home: Path) -> None:
    (home / "list.txt").write_text("3\nb.png\nother/a.jpg\n")

    out, _ = exported(home, str(home / "list.txt"))

    assert sorted(predicted(out)) == ["b.png", "c.png", "other__a.png"]


def test_all_images_are_those_of_every_role_but_what_cannot_be_read(home: Path) -> None:
    with Store(home / "state" / FILE) as store:
        store.exclude(Exclusion.NEAR_VALIDATION, {1: "near"})
        store.exclude(Exclusion.UNREADABLE, {2: "broken"})

    out, _ = exported(home, "all")

    assert sorted(predicted(out)) == ["c.png", "field__a.png", "other__a.png"]


@pytest.mark.parametrize(
    ("listed", "said"),
    [("77\nb.png\n", "1 of 2 are no images"), ("a.jpg\n", "2 images are called 'a.jpg'")],
)
def test_a_list_of_unknown_images_is_refused(listed: str, said: str, home: Path) -> None:
    (home / "list.txt").write_text(listed)

    with pytest.raises(ExportRefused, match=said):
        exported(home, str(home / "list.txt"))

    assert not (home / "out").exists()


def test_without_a_model_nothing_is_exported(tmp_path: Path) -> None:
    labeled_store(tmp_path, {"a.png": np.zeros(SIZE, np.uint8)})

    with pytest.raises(ExportRefused, match="no trained model"):
        exported(tmp_path)

    assert not (tmp_path / "out").exists()


def test_an_export_that_was_stopped_goes_on_with_what_is_missing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_runs, "PIECE", 1)
    hidden = (home / "pictures/2.png").rename(home / "hidden.png")
    out, report = exported(home)
    assert [fault.where for fault in report.faults] == ["prediction of image 'b.png'"]
    before = {path.name: path.stat().st_mtime_ns for path in (out / "predictions").iterdir()}
    hidden.rename(home / "pictures/2.png")
    with (out / "predictions.jsonl").open("a") as file:
        file.write('{"image_id": 2, "imag')  # a killed process
    (out / "predictions/b.png").write_bytes(b"half")
    with closing(sqlite3.connect(home / "state" / FILE)) as store, store:
        store.execute("UPDATE images SET sha256 = ? WHERE id = 1", ["f" * 64])  # other bytes

    out, report = exported(home)

    assert report.predictions == 3
    assert [fault.where for fault in report.faults] == ["label of image 'field/a.jpg'"]
    assert predicted(out)["b.png"] == 20 * 20
    after = {path.name: path.stat().st_mtime_ns for path in (out / "predictions").iterdir()}
    assert before["other__a.png"] == after["other__a.png"]
    assert before["field__a.png"] < after["field__a.png"]


def test_another_model_or_another_cleaning_begins_again(home: Path) -> None:
    exported(home)
    train(home, [[220] * 3, [40] * 3, [900] * 3])

    masks = predicted(exported(home)[0])
    cleaned = predicted(exported(home, fill_holes_px=5000, min_region_px=399)[0])

    assert masks == {"b.png": 20 * 10, "field__a.png": 20 * 5, "other__a.png": 20 * 20}
    assert cleaned == {"b.png": 0, "field__a.png": 0, "other__a.png": 20 * 20}


class FailsAfterOnePiece(ForkLauncher):
    """Its second run ends without a result."""

    finished = 0

    def advance(self, run: RunFolder, command: str) -> bool:
        done = super().advance(run, command)
        self.finished += done
        if self.finished > 1:
            raise RunFailed("out of memory")
        return done


def test_what_was_predicted_stays_where_a_later_piece_fails(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_runs, "PIECE", 1)
    wanted, out = ExportOptions(out=home / "out", predictions="pool"), home / "out"
    launcher = FailsAfterOnePiece()

    with pytest.raises(RunFailed, match="out of memory"):
        export_folder(labeled_config(home), wanted, NOON, lambda done, total: None, launcher)

    assert lines_of(out)
    assert not (out / "export.json").exists()
    assert [path.name for path in out.glob(".predictions-run/*")] == ["run"]  # with its log
    assert not json.loads((out / "predictions.json").read_text())["complete"]

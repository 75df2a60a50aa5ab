"""`maskloop export` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.cli.commands import main
from tests.fakes.dataset_sources import ring
from tests.fakes.labeled_store import CLASSES, labeled_store
from tests.integration.workbench import configured, paint, run_out, ticker


def settings_file(home: Path) -> str:
    names = json.dumps(list(CLASSES))
    text = f'[project]\nstate_dir = "state"\n[classes]\nnames = {names}\n'
    (home / "config.toml").write_text(text)
    return str(home / "config.toml")


def test_labels_go_out_as_coco_and_come_in_again(tmp_path: Path) -> None:
    labeled_store(tmp_path, {"a.png": ring()})
    out, back = str(tmp_path / "out"), str(tmp_path / "back")
    config = settings_file(tmp_path)

    words = ["export", "--config", config, "--out", out, "--format", "coco", "--with", "images"]
    assert main(words) == 0
    assert main(["import", out, "--out", back, "--classes", f"{out}/map.toml"]) == 0
    assert (tmp_path / "back/classes.txt").read_text().split() == list(CLASSES)


def test_a_fault_is_said_and_is_the_exit_code(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    labeled_store(tmp_path, {"a.png": ring(), "b.png": ring()})
    (tmp_path / "pictures/2.png").unlink()
    words = ["export", "--config", settings_file(tmp_path), "--out", str(tmp_path / "out")]

    assert main([*words, "--with", "images"]) == 1
    assert "fault: image 'b.png': got a file that cannot be copied" in capfd.readouterr().out
    assert main(words) == 0


def test_the_folder_of_the_state_is_refused(tmp_path: Path) -> None:
    path = labeled_store(tmp_path, {"a.png": ring()})
    words = ["export", "--config", settings_file(tmp_path), "--out", str(tmp_path / "state")]

    assert main(words) == 1
    assert path.exists()
    assert not (tmp_path / "state/export.json").exists()


def test_a_loop_goes_out_with_the_masks_that_people_drew_and_its_whole_history(
    tmp_path: Path,
) -> None:
    paint(tmp_path)
    run_out(ticker(configured(tmp_path), cycle_limit=1))

    assert (
        main(["--config", str(tmp_path / "config.toml"), "export", "--out", f"{tmp_path}/o"]) == 0
    )

    masks = sorted((tmp_path / "o/masks").iterdir())
    for path in masks:
        truth = Image.open(tmp_path / "masks" / path.name)
        assert np.array_equal(np.asarray(Image.open(path)), np.asarray(truth))
    assert len(masks) >= 8
    splits = json.loads((tmp_path / "o/splits.json").read_text())
    assert sorted(splits["train"] + splits["validation"]) == [path.stem for path in masks]
    asked = json.loads((tmp_path / "o/history.json").read_text())["asked"]
    labeled = {row["file"] for row in asked if row["state"] == "labeled"}
    assert labeled == {path.stem for path in masks}
    assert {row["arm"] for row in asked} >= {"validation"}
    points = json.loads((tmp_path / "o/curve.json").read_text())["points"]
    assert [point["cycle"] for point in points] == [1]
    assert 0 <= points[0]["validation"]["miou"] <= 1

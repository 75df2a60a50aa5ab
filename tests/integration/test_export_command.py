"""`maskloop export` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.cli.commands import main
from tests.fakes.dataset_sources import ring
from tests.fakes.labeled_store import CLASSES, labeled_store


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

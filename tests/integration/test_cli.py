"""The command line as a person uses it: each wrong input gives one clear message."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.cli.commands import main
from daemon.store import FILE, Store, sole_writer
from tests.integration.workbench import configured, faults_of, paint, run_out, ticker


def maskloop(home: Path, *words: str) -> int:
    return main(["--config", str(home / "config.toml"), *words])


def test_status_before_the_first_run(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configured(home)

    assert maskloop(home, "status") == 0

    assert "the daemon has not run yet" in capsys.readouterr().out


def test_status_as_json_has_the_keys_that_others_rely_on(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_out(ticker(configured(home)))

    assert maskloop(home, "status", "--json") == 0

    status = json.loads(capsys.readouterr().out)
    assert status["labels"] == {"total": 16, "spent": 16, "left": 0}
    assert [point["labels"] for point in status["evaluations"]] == [8, 12, 16]
    assert {"cycle", "labels", "train_labels", "miou", "iou"} <= status["evaluations"][0].keys()
    assert status["evaluations"][0]["iou"].keys() == {"soil", "crop", "weed"}


def test_status_for_a_person_names_the_batch_and_the_curve(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_out(ticker(configured(home)))

    maskloop(home, "status")

    shown = capsys.readouterr().out
    assert "16 spent, 0 left of 16" in shown
    assert "the label budget is spent" in shown
    assert "mIoU" in shown


def test_a_faulty_config_ends_with_one_message(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "config.toml").write_text("[loop]\npoll_s = -1\n")

    assert maskloop(home, "once") == 1

    assert "[loop] poll_s = -1" in capsys.readouterr().err


def test_a_store_in_use_ends_with_one_message(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(home)

    with sole_writer(config.state):
        assert maskloop(home, "once") == 1

    assert "in use by process" in capsys.readouterr().err


def test_a_missing_token_ends_with_one_message(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    configured(home, connector={"kind": "label_studio"})

    assert maskloop(home, "once") == 1

    assert "export LABEL_STUDIO_API_KEY" in capsys.readouterr().err


def test_an_empty_pool_is_a_fault_of_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paint(tmp_path, images=0)
    configured(tmp_path)

    assert maskloop(tmp_path, "once") == 1

    assert "the pool is empty" in capsys.readouterr().out


def test_check_names_an_empty_pool_and_a_broken_image(home: Path) -> None:
    config = configured(home)
    (home / "images" / "field03.png").write_bytes(b"not an image")

    assert any("field03.png" in words for words in faults_of(config, "images"))
    for path in (home / "images").iterdir():
        path.unlink()
    assert "expected at least one" in faults_of(config, "images")[0]


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((9, 9), np.uint8), "(9, 9)"),
        (np.full((24, 32), 77, np.uint8), "77"),
    ],
)
def test_a_mask_that_cannot_be_used_is_quarantined_with_a_reason(
    home: Path, mask: np.ndarray, words: str
) -> None:
    for path in (home / "masks").iterdir():
        Image.fromarray(mask).save(path)
    config = configured(home)

    daemon = ticker(config)
    for _ in range(50):
        while daemon.tick().running:
            time.sleep(0.01)

    with Store(config.state / FILE, read_only=True) as store:
        rows = store.quarantined()
        assert store.labeled_ids() == set()
    images = Counter(row.image_name for row in rows)
    assert len(images) > 8  # a stand-in for every batch image that was given up, while there is one
    assert set(images.values()) == {3}
    assert {row.state for row in rows} == {"given up"}
    assert any(words in row.got for row in rows)
    assert any(words in fault for fault in faults_of(config, "quarantine"))


def test_check_refuses_a_disk_that_is_too_full(home: Path) -> None:
    config = configured(home, storage={"min_free_gb": 1e9})

    assert "GB free" in faults_of(config, "disk")[0]


def test_check_refuses_an_unknown_strategy(home: Path) -> None:
    config = configured(home, selection={"strategy": "crystal_ball"})

    assert "crystal_ball" in faults_of(config, "strategies")[0]


def test_check_finds_the_headless_opencv(home: Path) -> None:
    assert faults_of(configured(home), "cv2") == []


def test_a_backup_is_a_whole_store(home: Path) -> None:
    config = configured(home)
    run_out(ticker(config))

    assert maskloop(home, "backup", str(home / "copy.db")) == 0
    assert maskloop(home, "backup", str(home / "copy.db")) == 1  # never over another file

    with Store(home / "copy.db", read_only=True) as copy:
        assert len(copy.labeled_ids()) == 16


def test_init_writes_a_config_once(tmp_path: Path) -> None:
    from daemon.setup.init import write_config

    path = tmp_path / "config.toml"

    assert "written" in write_config(path)[0]
    path.write_text(path.read_text().replace("budget_labels = 500", "budget_labels = 7"))
    assert "stays as it is" in write_config(path)[0]
    assert "budget_labels = 7" in path.read_text()

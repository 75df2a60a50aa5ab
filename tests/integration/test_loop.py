from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from daemon.config.loading import Config
from daemon.domain import FoundImage, Image, Role, Stage, TaskRequest, TaskState
from daemon.domain.errors import DiskFull, RunFailed
from daemon.loop.components import open_connector
from daemon.loop.tick import RUNNERS
from daemon.rules.readiness import Ending
from daemon.stages.context import Context
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.fakes.versions import version
from tests.integration.workbench import configured, paint, run_out, run_through_power_cuts, ticker


def assert_whole(config: Config) -> None:
    """What must hold after any history: nothing lost, nothing doubled."""
    with Store(config.state / FILE, read_only=True) as store:
        rows = store.tasks()
        images = [row.image_id for row in rows]
        assert len(images) == len(set(images)) == 16
        assert {row.image_id for row in store.tasks(TaskState.LABELED)} == store.labeled_ids()
        assert store.pending_pushes() == []
        curve = store.curve()
    assert [(point.labels, point.train_labels) for point in curve] == [(8, 4), (12, 8), (16, 12)]
    for run in (config.state / "runs").iterdir():
        assert (run / "result.json").exists(), f"{run.name} has no result"


def test_the_loop_runs_until_the_budget_is_spent(home: Path) -> None:
    config = configured(home)

    outcome = run_out(ticker(config))

    assert outcome.ended is Ending.BUDGET_SPENT
    assert "budget is spent: 16 labels of 16; the model of cycle 3 is" in outcome.waiting
    assert_whole(config)
    assert status_json(config)["evaluations"][-1]["miou"] > 0.9


def test_a_cycle_limit_stops_new_cycles(home: Path) -> None:
    config = configured(home)

    outcome = run_out(ticker(config, cycle_limit=1))

    assert outcome.ended is Ending.CYCLES_TRAINED
    assert outcome.waiting.startswith(
        "1 cycle trained, as --cycles asks: 8 labels given, 4 images open"
    )
    assert [point["cycle"] for point in status_json(config)["evaluations"]] == [1]


def test_a_raised_budget_goes_on_where_the_loop_had_stopped(home: Path) -> None:
    spent = configured(home, loop={"budget_labels": 8, "batch_images": 4, "seed_images": 4})
    assert "budget is spent" in run_out(ticker(spent)).waiting
    assert [point["labels"] for point in status_json(spent)["evaluations"]] == [8]

    config = configured(home)

    assert "budget is spent" in run_out(ticker(config)).waiting
    assert_whole(config)


def test_the_same_seed_asks_the_same_images(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    picks = []
    for name in ("a", "b"):
        config = configured(home, project={"state_dir": name})
        run_out(ticker(config))
        with Store(config.state / FILE, read_only=True) as store:
            picks.append([store.picks(cycle) for cycle in range(4)])

    assert picks[0] == picks[1]


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.DONE])
@pytest.mark.parametrize("after_the_work", [False, True])
def test_a_crash_in_any_stage_changes_nothing(
    home: Path, stage: Stage, after_the_work: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, work, crashes = configured(home), RUNNERS[stage], []

    def crash_once(context: Context, cycle: int) -> bool:
        done = work(context, cycle) if after_the_work else False
        if (cycle, done) not in crashes and (done or not after_the_work):
            crashes.append((cycle, done))
            raise OSError("power cut")
        return done or work(context, cycle)

    monkeypatch.setitem(RUNNERS, stage, crash_once)
    run_through_power_cuts(config)
    monkeypatch.undo()
    run_out(ticker(config))

    assert crashes
    assert_whole(config)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
def test_a_daemon_that_is_killed_at_any_moment_goes_on(
    home: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "0.3")
    config, rng = configured(home), np.random.default_rng(seed)
    command = [sys.executable, "-m", "tests.fakes.daemon", str(home)]
    for _ in range(3):
        process = subprocess.Popen(command)
        time.sleep(float(rng.uniform(0.8, 4.0)))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    subprocess.run(command, check=True, timeout=400)

    assert_whole(config)


def test_a_failed_training_is_tried_again_after_a_pause(home: Path) -> None:
    config = configured(home, training={"settings": {"fail": "too hot"}})
    daemon = ticker(config)

    with pytest.raises(RunFailed, match="too hot"):
        run_out(daemon)

    assert "train failed 1 time in a row; it is tried again in 2 s" in daemon.tick().waiting


def test_an_unreadable_image_is_quarantined_and_taken_up_when_it_is_mended(home: Path) -> None:
    broken = home / "images" / "field03.png"
    good = broken.read_bytes()
    broken.write_bytes(good[:100])
    config = configured(home)

    run_out(ticker(config))

    (row,) = status_json(config)["quarantine"]
    assert row["place"] == "image field03.png"
    assert sum(status_json(config)["images"].values()) == 29


def test_images_like_validation_are_left_out_of_training(home: Path) -> None:
    for path in sorted((home / "images").iterdir()):
        twin = path.with_name(f"twin_{path.name}")
        twin.write_bytes(path.read_bytes())
        mask = home / "masks" / path.name
        mask.with_name(twin.name).write_bytes(mask.read_bytes())
    config = configured(home, selection={"duplicate_similarity": 0.99999})

    run_out(ticker(config))

    with Store(config.state / FILE, read_only=True) as store:
        content: dict[Role, set[str]] = {role: set() for role in Role}
        for image in store.images():
            content[image.role].add(image.sha256)
    assert content[Role.VALIDATION] <= content[Role.EXCLUDED]
    assert not content[Role.VALIDATION] & content[Role.POOL]


def test_the_test_set_is_measured_and_a_missing_mask_is_named(home: Path) -> None:
    (home / "ids.txt").write_text("field00\nfield01\n")
    paint(home / "held_out", images=2)
    (home / "held_out/masks/field01.png").rename(home / "hidden.png")
    test = {"images": "held_out/images", "masks": "held_out/masks", "ids": "ids.txt"}
    config = configured(home, test=test)

    run_out(ticker(config, cycle_limit=1))
    (home / "hidden.png").rename(home / "held_out/masks/field01.png")
    run_out(ticker(config))

    first, second, _ = status_json(config)["evaluations"]
    assert first["test_miou"] is None
    (words,) = first["test_remarks"]
    assert "1 of 2 names have no image or no mask, the first is 'field01'" in words
    assert second["test_miou"] > 0.5


def test_a_full_disk_pauses_before_anything_is_written(home: Path) -> None:
    config = configured(home, storage={"min_free_gb": 1e9})

    with pytest.raises(DiskFull, match="min_free_gb"):
        run_out(ticker(config))


def test_an_empty_pool_waits_with_a_reason(tmp_path: Path) -> None:
    paint(tmp_path, images=0)

    outcome = ticker(configured(tmp_path)).tick()

    assert "the pool is empty" in outcome.waiting


def test_an_image_that_is_gone_when_a_run_needs_it_is_set_aside(home: Path) -> None:
    config, launcher = configured(home), ForkLauncher()
    daemon = ticker(config, launcher=launcher)
    while not daemon.tick().waiting.startswith("cycle 1"):
        time.sleep(0.02)
    launcher.stop()  # a child that goes on would write into the folder of the next one
    with Store(config.state / FILE, read_only=True) as store:
        labeled = store.labeled_ids()
        gone = next(image for image in store.images() if image.id not in labeled)
    gone.path.unlink()
    shutil.rmtree(config.state / "runs" / "0001-train", ignore_errors=True)

    run_out(ticker(config))

    (row,) = status_json(config)["quarantine"]
    assert row["place"] == f"image {gone.key}"
    assert len(status_json(config)["evaluations"]) == 3


def test_an_annotation_that_came_before_its_image_was_known_is_not_lost(home: Path) -> None:
    """The image cannot be read at first, while the tool already holds a mask for it."""
    first = home / "images" / "field00.png"
    good = first.read_bytes()
    first.write_bytes(b"")
    (home / "state").mkdir()
    config = configured(home)
    daemon = ticker(config)
    image = FoundImage(key="field00.png", name="field00.png", uri=first.as_uri())
    open_connector(config).push([ask_for(image)], "key", version(0, 0))
    daemon.tick()

    first.write_bytes(good)
    with Store(config.state / FILE) as store:
        store.keep_fact("images_listed_at", "2026-01-01T00:00:00+00:00")  # a minute later
    daemon.tick()

    with Store(config.state / FILE, read_only=True) as store:
        (known,) = [found for found in store.images() if found.key == "field00.png"]
        assert known.id in store.labeled_ids()
        assert store.quarantined() == []


def ask_for(found: FoundImage) -> TaskRequest:
    image = Image(
        id=1,
        key=found.key,
        name=found.name,
        uri=found.uri,
        path=Path(found.key),
        height_px=24,
        width_px=32,
        sha256="x",
    )
    return TaskRequest(image=image, position=0, cycle=0, reason="asked by hand")

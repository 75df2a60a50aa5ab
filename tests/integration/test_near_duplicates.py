"""A pool that is too large for a tick is compared in a run; what is asked stays the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from daemon.config.loading import Config
from daemon.diagnostics.verify import verify
from daemon.domain import Stage
from daemon.launchers.local import LocalLauncher
from daemon.loop.service import Ticker
from daemon.loop.tick import Outcome
from daemon.runs.run_folder import DistinctRequest, RunFolder
from daemon.stages import chosen_picks, near_duplicates
from daemon.store import FILE, Store
from tests.fakes.status_json import status_json
from tests.integration.workbench import LEARNER, configured, paint, run_of, ticker

TWINS = 5  # pictures that are there twice under other names


def painted(home: Path) -> Config:
    paint(home)
    for number in range(TWINS):
        name = f"field{number:02d}.png"
        twin = f"twin{number:02d}.png"
        with Image.open(home / "images" / name) as picture:
            picture.save(home / "images" / twin, compress_level=1)  # other bytes, same pixels
        shutil.copy(home / "masks" / name, home / "masks" / twin)
    return configured(home, selection={"duplicate_similarity": 0.999999})


def ended(daemon: Ticker) -> Outcome:
    outcome = daemon.tick()
    while outcome.running:
        time.sleep(0.01)
        outcome = daemon.tick()
    return outcome


def comparison_of(config: Config, cycle: int) -> RunFolder:
    return RunFolder(config.state / "runs" / f"{cycle:04d}-near-duplicates-{Stage.SELECT}")


def batches(config: Config) -> list[list[int]]:
    with Store(config.state / FILE, read_only=True) as store:
        return [[pick.image_id for pick in store.picks(cycle)] for cycle in range(3)]


def test_a_run_of_its_own_chooses_what_a_tick_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = []
    for name, at_once in (("tick", near_duplicates.MAX_IN_TICK), ("run", -1.0)):
        monkeypatch.setattr(near_duplicates, "MAX_IN_TICK", at_once)
        monkeypatch.setattr(chosen_picks, "MAX_IN_TICK", at_once)
        (tmp_path / name).mkdir()
        config = painted(tmp_path / name)
        while not ended(ticker(config)).final:
            pass
        chosen.append(batches(config))
        assert all(one.matches for one in verify(config))
        run = comparison_of(config, 1)
        assert run.finished() is (name == "run")
        chosen_by_a_process = (run_of(config, 1, Stage.SELECT).path / "lock").exists()
        assert chosen_by_a_process is (name == "run")

    assert chosen[0] == chosen[1]
    assert [len(batch) for batch in chosen[0]] == [8, 4, 4]
    kept = set(run.read_kept().tolist())
    request = run.read_request(DistinctRequest)
    assert kept < set(request.candidates)  # the twins left
    assert set(request.asked) == set(chosen[0][0])


def test_the_comparison_survives_the_end_of_its_daemon_and_shows_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_duplicates, "MAX_IN_TICK", -1.0)
    config = painted(tmp_path)
    run = comparison_of(config, 0)
    daemon = ticker(config)
    while not run.request_file.exists():
        assert daemon.tick().running
        time.sleep(0.01)

    outcome = ended(ticker(config, launcher=LocalLauncher(module=LEARNER)))  # a new daemon

    assert outcome.waiting.startswith("8 images wait") or outcome.final
    assert run.finished()
    assert run.read_progress() is not None
    assert status_json(config)["cycle"] is not None


def test_a_corrected_similarity_is_compared_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_duplicates, "MAX_IN_TICK", -1.0)
    config = painted(tmp_path)
    run = comparison_of(config, 0)
    daemon = ticker(config)
    while not run.request_file.exists():
        assert daemon.tick().running
        time.sleep(0.01)
    while not run.finished():  # no tick takes its result in
        time.sleep(0.01)
    loose = config.selection.model_copy(update={"duplicate_similarity": 0.5})

    ended(ticker(config.model_copy(update={"selection": loose})))

    assert run.read_request(DistinctRequest).similarity == 0.5


def test_the_process_of_the_comparison_never_loads_torch() -> None:
    script = (
        "import sys, daemon.hrda.__main__, daemon.hrda.near_duplicates;"
        "print([name for name in ('torch', 'mmengine', 'cv2') if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert said.stdout.strip() == "[]"

"""`maskloop simulate`, whole, with the quick learner: pairs, exact label counts, A/A runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import strategies
from daemon.domain.errors import ExperimentRefused
from daemon.experiment.simulation.home_copies import REPLACED_ONLY
from daemon.experiment.simulation.simulated_runs import Simulation
from daemon.runs.run_folder import RunFolder, TrainRequest
from daemon.store import Store
from strategies.base import Pool
from tests.fakes.command import assert_said, run_command
from tests.integration.simulated_field import make_field, results, run_of, simulate

MORE = {"arms": "random,broken,entropy", "cycles": "2", "replicates": "1", "full": "supervised"}


class Broken:
    """A strategy whose code fails."""

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        raise KeyError("the column")


def note_report(found: Simulation, folder: Path) -> None:
    (folder / "reported.txt").write_text(f"{len(found.runs)} runs")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A field with a finished simulation, of which one arm is broken."""
    folder = tmp_path_factory.mktemp("field")
    make_field(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(strategies.SHIPPED, "broken", Broken)
        assert simulate(folder, report=note_report, **MORE) == 1
    return folder


@pytest.fixture
def found(home: Path) -> Simulation:
    return results(home)


def test_each_run_has_exactly_the_labels_that_were_asked(found: Simulation) -> None:
    counts = {
        (run.arm, run.replicate): [(point.train_labels, point.labels) for point in run.points]
        for run in found.runs
    }

    all_points = [(4, 8), (7, 11)]
    whole = [("random", 0), ("entropy", 0), ("random", 1)]
    assert counts == {**dict.fromkeys(whole, all_points), ("broken", 0): [(4, 8)]}
    assert [(point.method, point.train_labels) for point in found.full] == [("supervised", 24)]


def test_arms_of_a_seed_share_the_first_point_and_then_choose_for_themselves(
    found: Simulation,
) -> None:
    random, entropy = run_of(found, "random"), run_of(found, "entropy")

    assert random.points[0] == entropy.points[0]
    assert len(random.points[0].picks) == 4
    assert random.points[1].picks != entropy.points[1].picks
    assert entropy.points[1].redundancy == 0  # of three images that all differ


def test_a_broken_arm_does_not_stop_the_others_and_its_fault_is_in_the_results(
    found: Simulation,
) -> None:
    [fault] = found.faults

    assert (fault.arm, fault.seed, found.complete) == ("broken", 0, False)
    assert "strategy 'broken': got KeyError: 'the column'" in fault.message


def test_a_replicate_trains_the_same_labels_with_another_seed(
    home: Path, found: Simulation
) -> None:
    arm, replicate = run_of(found, "random"), run_of(found, "random", replicate=1)

    assert [point.picks for point in arm.points] == [point.picks for point in replicate.points]
    asked = [RunFolder(one).read_request(TrainRequest) for one in trainings_of_random(home)]
    of_arm, of_replicate = asked
    assert of_arm.seed != of_replicate.seed
    assert of_arm.labeled == of_replicate.labeled
    assert of_arm.parent is not None
    assert of_replicate.parent is not None
    assert "replicates/random-1/0001-train" in str(of_replicate.parent)


def trainings_of_random(home: Path) -> Sequence[Path]:
    runs = home / "out/runs/seed-0"
    return runs / "arms/random/state/runs/0002-train", runs / "replicates/random-1/0002-train"


def test_the_loop_sees_no_test_image(home: Path) -> None:
    tested = set(json.loads((home / "splits.json").read_text())["test"])

    with Store(home / "out/runs/seed-0/arms/random/state/store.db", read_only=True) as store:
        keys = {key.removesuffix(".png") for key in store.known_keys()}

    assert len(keys) == 24
    assert not keys & tested


def test_homes_share_no_file_that_one_of_them_rewrites(home: Path) -> None:
    first, arm = (home / "out/runs/seed-0" / name for name in ("first", "arms/random"))

    shared = inodes(first).keys() & inodes(arm).keys()

    assert shared
    assert {inodes(arm)[inode].suffix for inode in shared} <= set(REPLACED_ONLY)


def inodes(folder: Path) -> dict[int, Path]:
    return {path.stat().st_ino: path for path in folder.rglob("*") if path.is_file()}


def test_no_path_in_an_arm_points_out_of_it_to_the_first_model(home: Path) -> None:
    arms = home / "out/runs/seed-0/arms"

    leading_out = [path for path in arms.rglob("*.json") if b"/seed-0/first/" in path.read_bytes()]

    assert leading_out == []
    assert any(b"/arms/entropy/" in path.read_bytes() for path in arms.rglob("request.json"))


def test_the_report_is_written_at_the_end(home: Path) -> None:
    assert (home / "out/reported.txt").read_text() == "4 runs"


@pytest.mark.long
def test_a_report_is_written_again_when_asked(home: Path, tmp_path: Path) -> None:
    done = run_command("simulate", "--out", home / "out", "--report", folder=tmp_path)

    assert done.code == 0, done
    assert "seed 0 broken: [selection] strategy 'broken': got KeyError" in done.out
    assert "4 runs, 7 points: not complete; the same command tries the rest again" in done.out
    assert "seed 0 broken: " in (home / "out/table.md").read_text()
    assert (home / "out/curve.png").exists()


def test_a_report_without_results_is_refused(tmp_path: Path) -> None:
    done = run_command("simulate", "--out", tmp_path, "--report", folder=tmp_path)

    assert_said(done, r"results.json: is not there; expected the folder of a simulation")


def test_a_command_without_its_folders_says_what_is_missing(tmp_path: Path) -> None:
    done = run_command("simulate", "--out", tmp_path, "--arms", "random", folder=tmp_path)

    assert_said(done, r"--images, --masks, --splits: missing; expected")


@pytest.fixture
def unchanged(home: Path) -> Iterator[Path]:
    before = (home / "out/results.json").read_bytes()
    yield home
    assert (home / "out/results.json").read_bytes() == before


def test_another_request_in_the_same_folder_is_refused(unchanged: Path) -> None:
    with pytest.raises(ExperimentRefused, match=r"which differs in batch, cycles;"):
        simulate(unchanged, arms="random", batch="2", cycles="3")


def test_a_folder_that_cannot_be_made_is_named(home: Path) -> None:
    (home / "file").touch()

    with pytest.raises(ExperimentRefused, match=r"--out .*file/inside: got 'Not a directory'"):
        simulate(home, out=os.fspath(home / "file/inside"))

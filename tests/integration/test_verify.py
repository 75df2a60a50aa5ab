"""`maskloop verify` computes what a loop chose again, image for image."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.cli.commands import main
from daemon.config.loading import Config
from daemon.config.rendering import render
from daemon.diagnostics.verify import lines, verify
from daemon.runs.run_folder import RunFolder
from daemon.selection import verification
from daemon.stages import queue
from daemon.stages.context import Context
from daemon.store import FILE, Store
from tests.fakes.chosen_cycles import choose_all, made, opened, with_selection
from tests.integration.workbench import configured, paint, run_out, ticker

EXAMPLE = Path(__file__).parents[1] / "contract/example_strategy"
LOOP = {"budget_labels": 24, "batch_images": 4, "seed_images": 4, "random_share": 0.25}


def test_a_finished_loop_and_its_queue_are_what_the_files_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paint(tmp_path)
    config = configured(
        tmp_path,
        loop={**LOOP, "queue_low": 0, "poll_s": 0.05},
        selection={"duplicate_similarity": 0.9, "seed": 5},
    )
    run_out(ticker(config, cycle_limit=2))
    with opened(config) as context:
        top_up_beyond_the_reserve(context)

    assert main(["--config", str(tmp_path / "config.toml"), "verify"]) == 0

    said = capsys.readouterr().out
    assert "cycle 0, 0000-select: 5 images match (computed again by the oracle of kcenter)" in said
    assert "cycle 1, 0001-select: 5 images match (computed again by the oracle of auto)" in said
    assert "cycle 2, 0002-6-select: 5 images match" in said
    assert said.endswith("3 cycles: every image is the one that the files give\n")


def top_up_beyond_the_reserve(context: Context) -> None:
    """Ask for more than the reserve of one image has."""
    asked = queue.request_images(context, 2, 4)
    assert asked == 4


# --- what is wrong, and the likely cause ---------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("finished")
    choose_all(made(home))
    return home


@pytest.fixture
def loop(finished: Path, tmp_path: Path) -> Config:
    """A copy of three cycles, to be damaged."""
    shutil.copytree(finished, tmp_path / "copy")
    return with_selection(tmp_path / "copy")


def runs(config: Config) -> Path:
    return config.state / "runs"


def said(config: Config, cycle: int | None = None) -> str:
    return "\n".join(lines(verify(config, cycle)))


def test_changed_scores_are_named_with_the_first_image_that_differs(loop: Config) -> None:
    run = RunFolder(runs(loop) / "0001-score")
    scores = run.read_scores()
    run.write_scores(replace(scores, uncertainty=scores.uncertainty[::-1].copy()))  # type: ignore[index]

    words = said(loop)

    assert "cycle 1, 0001-select: 7 images DO NOT MATCH" in words
    assert "  rank 1: got image " in words
    assert "  likely cause: 0001-score/scores.npz has changed since: sha256 " in words
    assert "cycle 2, 0002-select: 7 images match" in words
    assert words.endswith("1 of 3 cycles not as the files give it")


def test_what_is_gone_is_named(loop: Config) -> None:
    (runs(loop) / "0002-score" / "scores.npz").unlink()
    (runs(loop) / "0001-select" / "receipt.json").unlink()

    words = said(loop)

    assert "0002-score/scores.npz is gone: nothing can be computed from it any more" in words
    assert "cycle 1: 0001-select/receipt.json is gone" in words


def test_a_cut_file_of_scores_is_a_fault_and_no_crash(loop: Config) -> None:
    path = runs(loop) / "0002-score" / "scores.npz"
    path.write_bytes(path.read_bytes()[:300])

    assert "it cannot be computed again: " in said(loop, 2)


def test_another_image_in_the_store_is_found(loop: Config) -> None:
    with Store(loop.state / FILE) as store:
        batch, reserve = store.picks(1), store.reserve(1)
        swapped = [replace(batch[1], rank=1), replace(batch[0], rank=2), *batch[2:]]
        store.save_picks(1, swapped, reserve)

    assert "cycle 1: what was asked is not what the receipt says: rank 1: got image" in said(loop)


def edited(loop: Config, run: str, **changes: Any) -> None:
    path = runs(loop) / run / "receipt.json"
    receipt = json.loads(path.read_bytes())
    for name, value in changes.items():
        receipt[name] = {**receipt[name], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(receipt))


def test_an_edited_receipt_is_found(loop: Config) -> None:
    edited(loop, "0001-select", request={"seed": 6})
    edited(loop, "0002-select", config={"[selection] seed": 6}, request={"seed": 6})

    words = said(loop)

    assert "config changed: [selection] seed = 5, but the choice used 6" in words
    assert "config changed: the settings in the receipt are not those it was written with" in words


def test_an_edited_list_of_candidates_is_found(loop: Config) -> None:
    edited(loop, "0001-select", candidates={"count": 3})

    assert "the list candidates in ids.npz has changed since" in said(loop)


def test_settings_that_changed_since_are_a_note(loop: Config) -> None:
    changed = with_selection(loop.home, strategy="entropy", settings={})

    words = said(changed, 2)

    note = "cycle 2: config.toml has changed since: [selection] strategy 'hybrid' -> 'entropy'"
    assert note in words
    assert words.endswith("1 cycle: every image is the one that the files give")


def test_a_plug_in_is_computed_twice_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    made(tmp_path)
    config = with_selection(tmp_path, strategy="most_foreground", settings={})
    choose_all(config)

    words = said(config)

    how = "computed again twice by most_foreground itself: a plug-in has no oracle"
    assert f"cycle 1, 0001-select: 7 images match ({how})" in words


def test_a_pool_too_large_for_the_oracle_is_verified_in_part(
    loop: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "MOST_WORK", 0.0)
    monkeypatch.setattr(verification, "MOST_READ_PLAINLY", 0)
    monkeypatch.setattr(verification, "PART", 20)

    words = said(loop)

    assert "by hybrid itself on all 32 images, too many for its oracle, and by the oracle" in words
    assert "on 20 of them, drawn with the seed [5, 2, 20]" in words
    assert words.endswith("3 cycles: every image is the one that the files give")


def test_other_versions_are_a_note(loop: Config) -> None:
    edited(loop, "0001-select", versions={"numpy": "1.0"})

    assert "  note: numpy 1.0 then, " in said(loop, 1)


# --- what an earlier release left ----------------------------------------------------------


def without_receipts(config: Config) -> None:
    for path in runs(config).glob("*-select"):
        shutil.rmtree(path)


def test_cycles_of_an_earlier_release_are_said_to_have_no_receipt(loop: Config) -> None:
    without_receipts(loop)

    words = said(loop)

    assert words.count("has no receipt: an earlier release chose its images") == 3
    assert words.endswith("no cycle has a receipt; there is nothing to verify")
    assert all(one.matches for one in verify(loop))


def test_the_command_says_it_as_json_and_by_its_exit_code(
    loop: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    (loop.home / "config.toml").write_text(render(loop))
    command = ["--config", str(loop.home / "config.toml"), "verify"]

    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["cycles"]
    assert [one["matches"] for one in found] == [True] * 3
    assert found[2]["choices"][1]["how"] == "by the oracle of hybrid"

    assert main([*command, "7"]) == 1
    assert "there is no cycle 7; 3 cycles began" in capsys.readouterr().err

    without_receipts(loop)
    assert main([*command, "1"]) == 1
    assert "cycle 1 has no receipt" in capsys.readouterr().err

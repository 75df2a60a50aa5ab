"""A choice in a run of its own: it waits, it is asked anew, and what happened meanwhile counts."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from daemon.config.loading import Config
from daemon.diagnostics.verify import verify
from daemon.domain import Push, QueuedTask, Role, Stage
from daemon.domain.errors import RunFailed
from daemon.launchers import module_of
from daemon.runs.id_lists import read_id_lists
from daemon.runs.receipts import read_receipt
from daemon.runs.records import SelectRequest
from daemon.runs.run_folder import RunFolder
from daemon.selection.__main__ import main as run_process
from daemon.stages import chosen_picks
from daemon.stages.context import Context
from daemon.stages.near_duplicates import comparison
from daemon.stages.run_settings import apply_changed_settings
from daemon.stages.select import forget_choices, select
from tests.fakes.chosen_cycles import made, opened, with_selection
from tests.fakes.labels import NOON
from tests.fakes.launcher import ForkLauncher
from tests.fakes.versions import version


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A pool whose choice is a run."""
    monkeypatch.setattr(chosen_picks, "MAX_IN_TICK", -1.0)
    return made(tmp_path)


def begun(context: Context) -> tuple[Context, RunFolder]:
    """Cycle 0, whose choice has been asked and not yet done."""
    forking = replace(context, launcher=ForkLauncher())
    forking.store.start_cycle(0, Stage.SELECT, NOON, labels=0, train_labels=0)
    assert not select(forking, 0)
    return forking, forking.run(0, Stage.SELECT)


def finish(context: Context) -> None:
    deadline = time.monotonic() + 120
    while not select(context, 0):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_image_that_was_asked_while_the_run_chose_is_left_out(config: Config) -> None:
    with opened(config) as opened_context:
        context, run = begun(opened_context)
        while not run.finished():
            time.sleep(0.01)
        first = run.read_result(chosen_picks.SelectResult).picks[0].image_id
        task = QueuedTask(image_id=first, position=0, arm="x", reason="r")
        push = Push(key="k", cycle=0, version=version(0, 1), tasks=(task,))
        context.store.enqueue_push(push, NOON)
        finish(context)
        chosen = [pick.image_id for pick in context.store.picks(0) if pick.arm != "validation"]

    receipt = read_receipt(run.path)
    assert receipt.left_out == (first,)
    assert chosen == [pick.image_id for pick in receipt.picks[1:7]]
    assert all(one.matches for one in verify(config))


def test_a_changed_setting_asks_an_unfinished_choice_anew(config: Config) -> None:
    with opened(config) as opened_context:
        context, run = begun(opened_context)
        context.launcher.release(run)
        (run.path / "result.json").unlink(missing_ok=True)
        changed = with_selection(config.home, seed=6)
        assert apply_changed_settings(replace(context, config=changed), 0, Stage.SELECT)
        assert not run.request_file.exists()
        (event,) = context.store.events()
        assert (
            "select is started again, config.toml changed: [selection] seed 5 -> 6" in event.message
        )

        finish(replace(context, config=changed))

    assert run.read_request(SelectRequest).seed == 6


def test_a_cycle_that_chooses_anew_forgets_what_it_chose(config: Config) -> None:
    with opened(config) as opened_context:
        context, run = begun(opened_context)
        finish(context)

        forget_choices(context, 0)

        assert not run.path.exists()
        assert context.run(0, Stage.EMBED).path.exists()


def test_the_comparison_of_an_earlier_release_goes_on_under_its_new_name(config: Config) -> None:
    early = RunFolder(config.state / "runs" / f"0000-{Stage.SELECT}")
    early.path.mkdir()
    early.request_file.write_text("{}")
    early.write_kept(np.array([7]))
    with opened(config) as context:
        run = comparison(context, 0)
        assert comparison(context, 0) == run

    assert run.read_kept().tolist() == [7]
    assert not early.path.exists()


def test_a_failing_choice_says_why_in_its_folder(config: Config) -> None:
    with opened(config) as opened_context:
        context, run = begun(opened_context)
        context.launcher.release(run)
        run.result_file.unlink(missing_ok=True)
        request = run.read_request(SelectRequest)
        run.request_file.write_text(
            request.model_copy(update={"strategy": "kcentre"}).model_dump_json()
        )

        assert run_process(["select", str(run.path)]) == 2

        with pytest.raises(RunFailed, match="'kcentre' is unknown"):
            finish(context)
    error = run.read_error()
    assert error is not None
    assert error.kind == "request"


def test_candidates_are_the_images_of_the_pool_in_rising_order(config: Config) -> None:
    with opened(config) as opened_context:
        context, run = begun(opened_context)
        pool = context.store.ids(Role.POOL)
        assert context.store.id_array(Role.POOL).tolist() == pool
        assert context.store.id_array(Role.EXCLUDED).tolist() == []
        context.launcher.release(run)

    assert read_id_lists(run.path).candidates.tolist() == pool


def test_the_process_of_a_choice_never_loads_torch() -> None:
    script = (
        "import sys, daemon.selection.__main__;"
        "print([name for name in ('torch', 'mmengine', 'cv2') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
    assert (module_of("select"), module_of("train")) == ("daemon.selection", "daemon.hrda")

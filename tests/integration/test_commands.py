"""Commands: what people ask for is carried out by the next tick, once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.cli.commands import main
from daemon.config.loading import Config
from daemon.diagnostics.verify import verify
from daemon.domain import Exclusion, Role, Stage, TaskState
from daemon.domain.commands import AccessRole, Command, CommandState
from daemon.loop.service import Ticker
from daemon.stages.commands import VERBS, execution
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.store.commands import command_writer
from tests.integration.workbench import configured, run_of, run_out, ticker

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ask(config: Config, verb: str, role: AccessRole = AccessRole.LEAD, **arguments: Any) -> int:
    with command_writer(config.state / FILE) as store:
        return store.add_command(verb, arguments, asked_by="a test", role=role, at=NOW)


def outcome(config: Config, command_id: int) -> Command:
    with Store(config.state / FILE, read_only=True) as store:
        found = store.command(command_id)
    assert found is not None
    return found


def carried_out(
    config: Config, daemon: Ticker, verb: str, role: AccessRole = AccessRole.LEAD, **arguments: Any
) -> Command:
    command_id = ask(config, verb, role, **arguments)
    daemon.tick()
    return outcome(config, command_id)


def unasked(config: Config) -> list[int]:
    with Store(config.state / FILE, read_only=True) as store:
        return sorted(set(store.ids(Role.POOL)) - store.queried_ids() - store.labeled_ids())


def task_states(config: Config) -> Mapping[int, TaskState]:
    with Store(config.state / FILE, read_only=True) as store:
        return {task.image_id: task.state for task in store.tasks()}


@pytest.fixture
def config(home: Path) -> Config:
    return configured(home)


@pytest.fixture
def daemon(config: Config) -> Ticker:
    """A daemon that has asked for the first batch."""
    begun, deadline = ticker(config), time.monotonic() + 120
    begun.tick()
    while not task_states(config):
        assert time.monotonic() < deadline
        time.sleep(0.02)
        begun.tick()
    return begun


def test_an_excluded_image_is_never_asked_and_an_included_one_is(
    config: Config, daemon: Ticker
) -> None:
    first, second = unasked(config)[:2]

    done = carried_out(config, daemon, "exclude", ids=[first, second], reason="blurred")
    back = carried_out(config, daemon, "include", ids=[second])
    run_out(daemon)

    assert (done.state, done.outcome) == (CommandState.DONE, "2 images left out of the pool")
    assert back.outcome == "1 image in the pool again"
    assert first not in task_states(config)
    with Store(config.state / FILE, read_only=True) as store:
        assert store.excluded() == {first: Exclusion.PERSON}
    assert all(one.matches for one in verify(config))


def test_an_image_that_was_labeled_left_out_and_taken_back_does_not_make_verify_fail(
    config: Config, daemon: Ticker
) -> None:
    with Store(config.state / FILE, read_only=True) as store:
        chosen = next(pick.image_id for pick in store.picks(0) if pick.arm != "validation")

    while not run_of(config, 1, Stage.SCORE).request_file.exists():
        daemon.tick()
    ask(config, "exclude", ids=[chosen])  # scored already, but gone when the batch is chosen
    while not run_of(config, 1, Stage.SELECT).finished():
        daemon.tick()
    carried_out(config, daemon, "include", ids=[chosen])
    run_out(daemon)

    assert [one.faults for one in verify(config)] == [()] * len(verify(config))


def test_images_that_a_person_asks_are_labeled_and_are_nobodys_picks(
    config: Config, daemon: Ticker
) -> None:
    wanted = unasked(config)[-2:]

    done = carried_out(config, daemon, "ask_next", ids=wanted, reason="new camera")
    again = carried_out(config, daemon, "ask_next", ids=wanted)
    run_out(daemon)

    assert (done.state, done.outcome) == (CommandState.DONE, "2 images next in the queue")
    assert again.state in (CommandState.DONE, CommandState.REFUSED)  # labeled meanwhile
    with Store(config.state / FILE, read_only=True) as store:
        tasks = [task for task in store.tasks() if task.image_id in wanted]
        picked = {pick.image_id for cycle in range(4) for pick in store.picks(cycle)}
        assert store.labeled_ids() >= set(wanted)
        assert len(store.labeled_ids()) == config.loop.budget_labels
    assert {(task.arm, task.reason) for task in tasks} == {
        ("person", "cycle 0, asked by a person: new camera")
    }
    assert not picked & set(wanted)
    assert all(one.matches for one in verify(config))


def test_a_paused_loop_trains_nothing_until_it_goes_on(config: Config, daemon: Ticker) -> None:
    carried_out(config, daemon, "pause", reason="new labels are coming")
    deadline = time.monotonic() + 120
    while not (found := daemon.tick().waiting).startswith("paused by a person (new labels are"):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    waiting = [daemon.tick().waiting for _ in range(5)][-1]

    assert waiting.startswith("paused by a person (new labels are coming): no training starts")
    assert not (config.state / "runs" / "0001-train").exists()
    assert read_status(config).paused
    assert carried_out(config, daemon, "resume").outcome == "the loop goes on"
    assert "budget is spent" in run_out(daemon).waiting


@pytest.mark.parametrize(
    ("verb", "arguments", "words"),
    [
        ("launch", {}, "got the verb 'launch'; expected one of "),
        ("exclude", {}, "ids: Field required; the arguments are: ids, reason"),
        ("exclude", {"ids": [True]}, "ids.0: "),
        ("exclude", {"ids": [2**70]}, "ids.0: "),
        ("exclude", {"ids": [999]}, "got the id 999, which is no image"),
        ("pause", {"force": True}, "force: Extra inputs are not permitted"),
        ("exclude", {"ids": [1], "reason": "x" * 300}, "reason: "),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_with_a_sentence(
    config: Config, daemon: Ticker, verb: str, arguments: dict[str, Any], words: str
) -> None:
    found = carried_out(config, daemon, verb, **arguments)

    assert (found.state, words in found.outcome) == (CommandState.REFUSED, True), found.outcome


def test_a_viewer_may_not_change_what_is_asked(config: Config, daemon: Ticker) -> None:
    found = carried_out(config, daemon, "pause", AccessRole.VIEWER)

    assert found.outcome == "pause is for a lead, not for a viewer"


def test_a_validation_image_is_neither_left_out_nor_asked_by_a_person(
    config: Config, daemon: Ticker
) -> None:
    with Store(config.state / FILE, read_only=True) as store:
        validation = store.ids(Role.VALIDATION)[0]

    for verb in ("exclude", "ask_next"):
        found = carried_out(config, daemon, verb, ids=[validation])
        assert found.state is CommandState.REFUSED
        assert "measures the model" in found.outcome


def test_a_verb_that_raises_fails_and_the_next_command_is_carried_out(
    config: Config, daemon: Ticker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("division by zero")

    verbs = {
        **VERBS,
        "break": VERBS["resume"].__class__(
            summary="", arguments=VERBS["resume"].arguments, carry_out=broken
        ),
    }
    monkeypatch.setattr(execution, "VERBS", verbs)
    first, second = ask(config, "break"), ask(config, "pause")

    daemon.tick()

    assert outcome(config, first).state is CommandState.FAILED
    assert outcome(config, first).outcome.startswith("ZeroDivisionError: division by zero")
    assert outcome(config, second).state is CommandState.DONE


@pytest.mark.parametrize("verb", ["ask_next", "exclude", "include", "pause"])
def test_a_crash_between_the_work_and_its_record_changes_nothing(
    config: Config, daemon: Ticker, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: dict[str, Any] = {} if verb == "pause" else {"ids": unasked(config)[:2]}
    command_id = ask(config, verb, **ids)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "keep_outcome", _power_cut)
        with pytest.raises(OSError, match="power cut"):
            daemon.tick()
    waiting = outcome(config, command_id)

    ticker(config).tick()

    assert waiting.state is CommandState.WAITING
    assert outcome(config, command_id).state is CommandState.DONE
    asked = [image_id for image_id in ids.get("ids", ()) if image_id in task_states(config)]
    assert len(asked) == (2 if verb == "ask_next" else 0)


def _power_cut(*_: object) -> None:
    raise OSError("power cut")


def test_the_command_line_asks_for_the_same(
    config: Config, daemon: Ticker, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = unasked(config)[:2]
    given = ["--config", str(config.home / "config.toml"), "ask"]

    assert main([*given, "exclude", f"ids={first},{second}", "reason=fog, rain"]) == 0
    assert main([*given, "exclude", "ids=none"]) == 1
    assert main([*given]) == 0
    daemon.tick()

    said = capsys.readouterr()
    assert "command 1 waits: no daemon runs" in said.out
    assert "ids: Input should be a valid tuple; the arguments are: ids, reason" in said.err
    assert "pause: start no training until resume" in said.out
    assert outcome(config, 1).outcome == "2 images left out of the pool"

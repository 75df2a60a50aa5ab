"""The log of a first day reads as a story: one line a cycle, nothing twice, no odd figures."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.config.loading import Config
from daemon.domain import Stage
from daemon.loop import tick
from daemon.loop.components import open_connector
from daemon.loop.service import Ticker
from daemon.stages import cycle_summary
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.web.cycle_stages import stage_steps
from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, run_out, ticker


@pytest.fixture
def another_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on, the daemon is another process than before."""
    numbers = iter(range(9))

    def begin() -> None:
        name = f"process {next(numbers)}"
        monkeypatch.setattr(tick, "_PROCESS", name)
        monkeypatch.setattr(cycle_summary, "_PROCESS", name)

    return begin


def test_the_log_of_a_first_day_reads_as_a_story(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "daemon")

    run_out(ticker(configured(home)))

    told = [record.message for record in caplog.records]
    cycles = [line for line in told if re.match(r"cycle \d+: ", line)]
    assert [line.partition(":")[0] for line in cycles] == [f"cycle {n}" for n in range(4)]
    assert cycles[0].startswith(
        "cycle 0: no model yet; asked for 8 images (4 validation, 4 kcenter); "
        "0 of 16 labels spent, 8 images open; took "
    )
    assert re.fullmatch(
        r"cycle 1: 8 new labels \(8 from truth\); trained on 4 of 8 labels: mIoU 1\.000 "
        r"\(4 images\); asked for 4 images \(4 auto\); predictions 1\.1-\w{8}; "
        r"8 of 16 labels spent, 4 images open; took \d+ s",
        cycles[1],
    )
    assert "4 new labels (4 from truth); trained on 12 of 16 labels" in cycles[3]
    assert "against cycle 2" in cycles[3]
    assert len(told) == len(set(told)), told
    assert [line for line in told if re.search(r"\d\.\d{5}", line)] == []
    assert len(told) <= 14, told


def test_every_cycle_is_an_event_too(home: Path) -> None:
    config = configured(home)
    run_out(ticker(config))

    said = [event["message"] for event in status_json(config)["events"]]

    assert [words.partition(":")[0] for words in said if words.startswith("cycle ")] == [
        f"cycle {number}" for number in (3, 2, 1, 0)
    ]
    assert "8 new labels (8 from person 1)" in str(said)
    assert "truth" not in str(said), "the log names people; pages and reports show events"


def test_what_was_set_otherwise_since_the_last_run_is_said_once(
    home: Path, caplog: pytest.LogCaptureFixture, another_process: Callable[[], None]
) -> None:
    run_out(ticker(configured(home)))
    changed = configured(home, loop={"budget_labels": 24, "batch_images": 8, "queue_low": 0})
    caplog.set_level(logging.INFO, "daemon.stages.cycle_summary")
    another_process()

    daemon = ticker(changed)
    for _ in range(3):
        daemon.tick()

    said = [one.message for one in caplog.records if "changed since" in one.message]
    assert len(said) == 1
    assert "[loop] budget_labels 16 -> 24; [loop] batch_images 4 -> 8" in said[0]
    assert any("budget_labels 16 -> 24" in e["message"] for e in status_json(changed)["events"])


def test_a_cycle_keeps_its_settings_and_its_version_and_no_way_to_sign_in(home: Path) -> None:
    config = configured(home, label_studio={"url": "http://me:secret@host:1", "project": 7})
    run_out(ticker(config))

    with Store(config.state / FILE, read_only=True) as store:
        (row,) = store._rows("SELECT settings, maskloop FROM cycles WHERE id = 2")
    kept = json.loads(row["settings"])
    assert kept["[selection] strategy"] == "auto"
    assert row["maskloop"] == cycle_summary.maskloop_version()
    assert kept["[label_studio] project"] == 7
    assert "secret" not in row["settings"]


def test_a_class_that_few_validation_images_hold_is_said_once_with_a_cure_that_works(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = configured(home)
    run_out(ticker(config))

    said = [one.message for one in caplog.records if "is not reliable" in one.message]
    assert len(said) == 1
    assert "'weed' in 4 of 4" in said[0]
    assert "[test]" in said[0]
    assert "before the first run" not in said[0]


def clocked(config: Config, shift: list[timedelta]) -> Ticker:
    def now() -> datetime:
        return datetime.now(UTC) + shift[0]

    return Ticker(config, open_connector(config), ForkLauncher(), now, None)


def test_the_time_in_which_no_daemon_ran_counts_for_no_stage(
    home: Path, monkeypatch: pytest.MonkeyPatch, another_process: Callable[[], None]
) -> None:
    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "0.5")
    config, shift = configured(home), [timedelta()]
    another_process()
    daemon = clocked(config, shift)
    while not daemon.tick().waiting.startswith("cycle 1: train"):
        pass
    daemon.tick()
    daemon._launcher.stop()  # type: ignore[attr-defined]

    another_process()
    shift[0] = timedelta(hours=8)
    run_out(clocked(config, shift))

    status = status_json(config)
    (row,) = [r for r in status["stages"] if (r["cycle"], r["stage"]) == (1, Stage.TRAIN)]
    began, ended = (datetime.fromisoformat(row[name]) for name in ("started_at", "finished_at"))
    assert ended - began > timedelta(hours=8)
    assert 0.0 < row["seconds"] < 60.0
    later = read_status(config).model_copy(update={"cycle": 1, "stage": Stage.DONE})
    assert [each.seconds for each in stage_steps(later) if each.title == "Train"] == [
        row["seconds"]
    ]


def test_a_stage_that_waits_for_a_child_takes_as_long_as_the_child(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "0.5")
    config = configured(home)
    run_out(ticker(config, cycle_limit=1))

    rows = {row["stage"]: row for row in status_json(config)["stages"] if row["cycle"] == 1}
    assert rows["train"]["seconds"] >= 0.5
    assert rows["select"]["seconds"] < rows["train"]["seconds"]

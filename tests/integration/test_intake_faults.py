"""What one answer does to a tick: nothing; and what a fault of our own does: intake waits alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from connectors.folder import Folder
from daemon.config.loading import Config
from daemon.domain import Annotation, Changes, Stage
from daemon.domain.corrections import Unmeasured
from daemon.domain.errors import ConnectorUnavailable, IntakeBroken, RunFailed
from daemon.intake import DeferredFailures
from daemon.loop.service import Ticker
from daemon.stages.context import Context
from daemon.stages.corrections import correction_or_note
from daemon.stages.image_intake import CURSOR
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, paint, run_out, ticker


class Spoiling(Folder):
    """The folder connector, whose answers hold what no store can hold. spoiled: of each answer
    with these numbers; all: of every answer."""

    spoiled: dict[str, Any]
    which: Collection[str] | None = ()

    def changes(
        self,
        cursor: str | None,
        sizes: Mapping[str, tuple[int, int]],
        asked: Collection[str] = (),
    ) -> Changes:
        found = super().changes(cursor, sizes, asked)
        return replace(found, annotations=tuple(map(self._spoil, found.annotations)))

    def _spoil(self, one: Annotation) -> Annotation:
        hit = self.which is None or one.id in self.which
        return replace(one, **self.spoiled) if hit else one


@pytest.fixture
def config(tmp_path: Path) -> Config:
    paint(tmp_path, images=40)
    return configured(tmp_path, loop={"seed_images": 20, "batch_images": 4, "budget_labels": 60})


@pytest.fixture
def tool(config: Config) -> Spoiling:
    return Spoiling(
        images=config.home / "images",
        truth=config.home / "masks",
        state=config.state / "folder",
        classes=config.class_set,
    )


@pytest.fixture
def daemon(config: Config, tool: Spoiling) -> Iterator[Ticker]:
    launcher = ForkLauncher()
    yield Ticker(config, tool, launcher, lambda: datetime.now(UTC), 1)
    launcher.stop()


def tick_until_asked(daemon: Ticker, config: Config) -> None:
    for _ in range(3000):
        daemon.tick()
        if status_json(config)["batch"]:
            return
        time.sleep(0.02)
    raise AssertionError(status_json(config)["waiting"])


@pytest.mark.parametrize(
    "odd",
    [
        {"annotator": "\ud800"},
        {"lead_time_s": 10**30},
        {"notes": (b"bytes",)},
        {"updated_at": datetime(2026, 1, 2)},  # noqa: DTZ001 - without a zone
        {"created_at": None},
        {"mask": np.zeros((24, 32, 3))},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_one_answer_that_the_store_cannot_hold_is_one_fault(
    config: Config, tool: Spoiling, daemon: Ticker, odd: dict[str, Any]
) -> None:
    tool.spoiled, tool.which = odd, ["truth-3"]
    tick_until_asked(daemon, config)
    daemon.tick()  # reads the answers

    status = status_json(config)
    (fault,) = status["quarantine"]
    assert fault["place"] == "annotation truth-3 of task 3"
    assert fault["cure"] == "open it in the labeling tool and submit it again, or delete it"
    assert status["labels"]["spent"] >= 23  # validation and the first batch
    with Store(config.state / FILE, read_only=True) as store:
        assert int((store.fact(CURSOR) or "0").partition(" ")[0]) >= 24


def test_a_fault_of_our_own_stops_the_intake_alone_and_is_said_once(
    config: Config, tool: Spoiling, daemon: Ticker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    tick_until_asked(daemon, config)
    tool.spoiled, tool.which = {"mask": np.zeros((24, 32, 3))}, None
    for _ in range(3):
        daemon.tick_and_report()

    status = status_json(config)
    assert "this is a fault of Maskloop" in status["waiting"]
    assert status["quarantine"] == []
    assert status["labels"]["spent"] == 0
    said = [one.message for one in caplog.records if "IntakeBroken" in one.message]
    assert len(said) == 1
    assert "of 24 inputs" in said[0]

    tool.which = ()
    assert run_out(daemon).final  # it resumes by itself: nothing was lost
    with Store(config.state / FILE, read_only=True) as store:
        assert store.quarantined() == []
        assert len(store.labeled_ids()) >= 24


def test_an_open_stage_goes_on_while_the_intake_is_broken(
    config: Config, tool: Spoiling, daemon: Ticker
) -> None:
    tick_until_asked(daemon, config)
    assert daemon.tick().running  # the labels are in; a run of cycle 1 is open
    with Store(config.state / FILE) as store:
        store.keep_fact(CURSOR, "0")  # all is read again, and nothing of it can be kept
    tool.spoiled, tool.which = {"mask": np.zeros((24, 32, 3))}, None

    stages = set()
    for _ in range(3000):
        with pytest.raises(IntakeBroken):
            daemon.tick()
        stages.add(status_json(config)["stage"])
        if Stage.DONE in stages:
            break
        time.sleep(0.02)

    assert Stage.DONE in stages
    assert len(status_json(config)["evaluations"]) == 1


def test_parts_of_a_tick_fail_apart_and_the_first_failure_is_raised_at_the_end() -> None:
    failures, done = DeferredFailures(), []
    for name, error in (("a", KeyError("x")), ("b", RunFailed("no")), ("c", None)):
        with failures.defer(name):
            if error:
                raise error
            done.append(name)

    with pytest.raises(KeyError) as caught:
        failures.raise_deferred()
    assert done == ["c"]
    assert caught.value.__notes__ == ["while a", "and then RunFailed: no"]


@pytest.mark.parametrize(
    "error", [ConnectorUnavailable("down"), MemoryError(), OSError("power cut")]
)
def test_an_outage_and_want_of_memory_end_a_tick_at_once(error: Exception) -> None:
    with pytest.raises(type(error)), DeferredFailures().defer("a"):
        raise error


def test_a_prediction_of_ours_that_is_damaged_costs_the_figure_and_never_the_label(
    config: Config, tool: Spoiling
) -> None:
    shown = Annotation(
        id="1",
        task="1",
        image_key="a",
        mask=np.zeros((24, 32), np.uint8),
        annotator="ada",
        updated_at=datetime(2026, 1, 2, tzinfo=UTC),
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        prediction_version="3.1-0123abcd",
    )
    with Store(config.state / FILE) as store:
        context = Context(
            config=config,
            store=store,
            connector=tool,
            launcher=ForkLauncher(),
            now=lambda: datetime.now(UTC),
        )
        file = context.run(3, "predict").mask(7)
        file.parent.mkdir(parents=True)
        Image.fromarray(np.ones((24, 32), np.uint8)).save(file)
        assert correction_or_note(context, 7, shown)[1].changed_share == 1.0  # type: ignore[union-attr]
        file.write_bytes(file.read_bytes()[:40])

        kept, effort = correction_or_note(context, 7, shown)

    assert effort is Unmeasured.MASK_UNREADABLE
    assert kept.notes[0].startswith("how much of the prediction was changed is unknown: ")


def test_the_whole_loop_runs_with_a_tool_that_spoils_one_answer(
    config: Config, tool: Spoiling, daemon: Ticker
) -> None:
    tool.spoiled, tool.which = {"annotator": "\ud800"}, ["truth-5"]

    assert run_out(daemon).final
    assert ticker(config) is not None
    assert len(status_json(config)["evaluations"]) == 1

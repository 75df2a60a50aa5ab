"""A store, its runs and a config.toml of an earlier commit go on where they were killed."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.cli.commands import main
from daemon.config.loading import Config, load_config
from daemon.diagnostics.check import checks
from daemon.diagnostics.notes import notes
from daemon.loop.service import run_once
from daemon.store import FILE, Store
from tests.fakes.status_json import status_json
from tests.integration.workbench import run_out, ticker

KEPT = Path(__file__).parents[1] / "fixtures" / "store_a95065e"
PLACE = "/home/of/the/fixture"  # where it was written
STARTS_THE_LEARNER = ("device and weights", "validation")
DROPPED = {"scores"}  # a copy that nothing read
# "table.column" of then -> the column of now
RENAMED = {"annotations.shown": "prediction_version", "events.words": "message"}
Rows = list[tuple[Any, ...]]


def payload_of_now(then: str) -> str:
    """The tasks of a push under the names of now; none of these was asked again."""
    now = [
        {name: value for name, value in task.items() if name != "anew"}
        | {"needs_new_task": task["anew"], "refused": None}
        for task in json.loads(then)
    ]
    return json.dumps(now)


# "table.column" -> what a step made of each value
REWRITTEN: dict[str, Callable[[Any], Any]] = {
    "picks.rank": lambda rank: rank + 1,
    "outbox.payload": payload_of_now,
    "quarantine.state": lambda state: "corrected" if state == "mended" else state,
    "facts.name": lambda name: "duplicate_labels_reported" if name == "doubles_said" else name,
}

both = pytest.mark.parametrize("state", ["in_score", "waiting"])


def home_of(state: str, home: Path) -> Config:
    """A home with a state folder as the killed daemon left it; it has always been there."""
    for name in ("images", "masks"):
        shutil.copytree(KEPT / name, home / name)
    shutil.copytree(KEPT / state, home / "state")
    shutil.copy(KEPT / "config.toml", home)
    for path in (home / "state").rglob("*.json"):
        path.write_text(path.read_text().replace(PLACE, str(home)))
    with closing(sqlite3.connect(home / "state" / FILE)) as db, db:
        for table, column in (("images", "uri"), ("facts", "value"), ("quarantine", "got")):
            change = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
            db.execute(change, (PLACE, str(home)))
    return load_config(home / "config.toml")


def rows(config: Config, sql: str) -> Rows:
    with closing(sqlite3.connect(config.state / FILE)) as db:
        return db.execute(sql).fetchall()


def columns(config: Config) -> dict[str, list[str]]:
    """The names of the columns of each table that is still there, by table."""
    tables = [name for (name,) in rows(config, "SELECT name FROM sqlite_master WHERE type='table'")]
    return {
        name: [row[1] for row in rows(config, f"PRAGMA table_info({name})")]
        for name in tables
        if name not in DROPPED and not name.startswith(("_", "sqlite"))
    }


def contents(config: Config, table: str, names: list[str]) -> set[tuple[Any, ...]]:
    return set(rows(config, f"SELECT {', '.join(names)} FROM {table}"))


def as_of_now(table: str, names: list[str], row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        REWRITTEN.get(f"{table}.{name}", lambda same: same)(value)
        for name, value in zip(names, row, strict=True)
    )


def asked_images(config: Config) -> Counter[int]:
    return Counter(image for (image,) in rows(config, "SELECT image_id FROM tasks"))


def curve(config: Config) -> dict[int, float]:
    return {point["cycle"]: point["miou"] for point in status_json(config)["evaluations"]}


def do_what_can_be_done(config: Config) -> str:
    """`maskloop once`, with the real learner."""
    return run_once(config, lambda: datetime.now(UTC), None, lambda: time.sleep(0.1)).waiting


@both
def test_the_schema_is_brought_up_to_date_and_no_row_is_lost(state: str, tmp_path: Path) -> None:
    config = home_of(state, tmp_path)
    before = {
        table: (names, contents(config, table, names)) for table, names in columns(config).items()
    }

    with Store(config.state / FILE) as store:
        labeled = len(store.labeled_ids())

    for table, (names, found) in before.items():
        now = [RENAMED.get(f"{table}.{name}", name) for name in names]
        expected = {as_of_now(table, names, row) for row in found}
        assert expected <= contents(config, table, now), table
    assert len(before["images"][1]) == 24
    assert len(before["tasks"][1]) == {"in_score": 8, "waiting": 12}[state]
    assert labeled == {"in_score": 8, "waiting": 11}[state]


@both
def test_an_older_store_is_no_fault_and_a_note_says_what_becomes_of_it(
    state: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = home_of(state, tmp_path)

    found = {name: try_it() for name, try_it in checks(config) if name not in STARTS_THE_LEARNER}
    told = [words for words in notes(config) if "an older Maskloop wrote it" in words]

    assert [words for faults in found.values() for words in faults] == []
    assert len(told) == 1
    assert "start `maskloop run`, which brings it up to date" in told[0]
    assert not [words for words in notes(config) if "config.toml changed" in words]
    assert main(["--config", str(tmp_path / "config.toml"), "status"]) == 1
    assert "start `maskloop run`" in capsys.readouterr().err
    assert main(["--config", str(tmp_path / "config.toml"), "backup", str(tmp_path / "b.db")]) == 0


def test_a_cycle_that_was_killed_while_it_scored_ends_and_the_next_one_follows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = home_of("in_score", tmp_path)
    model = config.state / "runs/0001-train/checkpoint.pth"
    trained = model.read_bytes()

    assert do_what_can_be_done(config) == "4 images wait for annotators"
    before = status_json(config)
    assert (before["cycle"], before["labels"]["spent"], before["labels"]["left"]) == (1, 8, 8)
    assert not [event for event in before["events"] if "config.toml changed" in event["message"]]
    assert set(asked_images(config).values()) == {1}
    assert model.read_bytes() == trained

    assert do_what_can_be_done(config) == "4 images wait for annotators"
    after = status_json(config)
    assert (after["cycle"], after["labels"]["spent"], after["labels"]["left"]) == (2, 12, 4)
    assert curve(config).keys() == {1, 2}
    assert curve(config)[1] == pytest.approx(0.29541015625)
    assert set(asked_images(config).values()) == {1}
    request = json.loads((config.state / "runs/0002-train/request.json").read_text())
    assert request["parent"] == str(model)
    assert main(["--config", str(tmp_path / "config.toml"), "status"]) == 0
    assert "cycle 2, stage done: 4 images wait for annotators" in capsys.readouterr().out


def test_a_batch_that_people_were_answering_is_taken_in_and_nobody_is_asked_twice(
    tmp_path: Path,
) -> None:
    config = home_of("waiting", tmp_path)
    before = rows(config, "SELECT task, image_id, cycle, arm, reason FROM tasks ORDER BY task")
    labels = rows(config, "SELECT id, image_id, task, annotator, mask FROM annotations")

    run_out(ticker(config))

    tasks = rows(config, "SELECT task, image_id, cycle, arm, reason FROM tasks ORDER BY task")
    kept = rows(config, "SELECT id, image_id, task, annotator, mask FROM annotations")
    assert set(before) <= set(tasks)
    assert set(labels) <= set(kept)
    assert set(asked_images(config).values()) == {1}
    assert status_json(config)["labels"]["spent"] == 16
    assert status_json(config)["quarantine"] == []
    assert curve(config).keys() == {1, 2, 3}
    assert curve(config)[1] == pytest.approx(0.29541015625)

"""The schema steps from m018 on."""

from __future__ import annotations

import json
import re

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations

# As earlier releases wrote into the reason of a task why its image was asked again.
_ASKED_AGAIN = re.compile(
    r"Asked again: the last mask could not be used \(got (.*?); expected (.*?)\)\. "
    r"Please draw it anew\. ",
    re.DOTALL,
)


@migrations()
def m018_refused_answers(db: Database) -> None:
    """Why an image is asked again is kept beside the reason for which it was chosen: the answer
    that could not be used, and what was expected. Both were one text before."""
    for column in ("refused_got TEXT", "refused_expected TEXT"):
        db.execute(f"ALTER TABLE tasks ADD COLUMN {column}")
    for row in list(db.query("SELECT rowid AS row, reason FROM tasks WHERE reason LIKE 'Asked%'")):
        reason, got, expected = _parts(row["reason"])
        db.execute(
            "UPDATE tasks SET reason = ?, refused_got = ?, refused_expected = ? WHERE rowid = ?",
            [reason, got, expected, row["row"]],
        )


@migrations()
def m018_outbox_words(db: Database) -> None:
    """The outbox writes down its tasks under the names of the class `QueuedTask`."""
    for row in list(db.query("SELECT key, payload FROM outbox")):
        tasks = [_queued_task(task) for task in json.loads(row["payload"])]
        db.execute("UPDATE outbox SET payload = ? WHERE key = ?", [json.dumps(tasks), row["key"]])


@migrations()
def m018_roles_are_counted(db: Database) -> None:
    """How many images have each role is asked at every tick."""
    db.execute("CREATE INDEX images_by_role ON images(role)")


@migrations()
def m018_ranks_from_one(db: Database) -> None:
    """The rank of a pick counts from 1, as everywhere else."""
    db.execute("UPDATE picks SET rank = -(rank + 1)")  # no two rows may have one rank meanwhile
    db.execute("UPDATE picks SET rank = -rank")


def _queued_task(task: dict[str, object]) -> dict[str, object]:
    reason, got, expected = _parts(str(task["reason"]))
    names = ("image_id", "position", "arm")
    refused = None if got is None else {"got": got, "expected": expected}
    needs_new_task = bool(task.get("anew", False))
    return {name: task[name] for name in names} | {
        "reason": reason,
        "needs_new_task": needs_new_task,
        "refused": refused,
    }


def _parts(reason: str) -> tuple[str, str | None, str | None]:
    """(why the image was chosen, what was got, what was expected) of a reason in one text."""
    refusals = list(_ASKED_AGAIN.finditer(reason))
    if not refusals:
        return reason, None, None
    newest = refusals[-1]
    return reason[newest.end() :], newest[1], newest[2]

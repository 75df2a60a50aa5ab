"""Images that a person asks for, on a labeling server: who gets them, and when."""

from __future__ import annotations

from collections.abc import Callable

from daemon.domain import Role, TaskState
from daemon.domain.commands import AccessRole, CommandState
from daemon.store import FILE, Store
from daemon.store.commands import command_writer
from tests.integration.team import Team


def ask(team: Team, verb: str, ids: list[int]) -> str:
    """Ask and tick; the sentence of what was done."""
    with command_writer(team.config.state / FILE) as store:
        asked = {"asked_by": "a test", "role": AccessRole.LEAD, "at": team.now()}
        store.add_command(verb, {"ids": ids}, **asked)  # type: ignore[arg-type]
    team.daemon.tick()
    with Store(team.config.state / FILE, read_only=True) as store:
        (newest, *_) = store.commands()
    assert newest.state is CommandState.DONE
    return newest.outcome


def test_what_a_person_asks_is_handed_out_after_validation_and_before_every_batch(
    make_team: Callable[..., Team],
) -> None:
    team = make_team()
    team.until("8 images wait")
    with Store(team.config.state / FILE, read_only=True) as store:
        in_batch = store.tasks(TaskState.OPEN)[-1].image_id
        new = min(set(store.ids(Role.POOL)) - store.queried_ids())

    assert ask(team, "ask_next", [new, in_batch]) == "2 images next in the queue"

    rows = team.open_tasks()
    assert [row.is_validation for row in rows] == [True] * 4 + [False] * 5
    assert {row.image_id for row in rows[4:6]} == {new, in_batch}
    assert {row.arm for row in rows[4:6]} == {"person", rows[-1].arm}
    assert [str(team.answer("ada")) for _ in rows] == [row.id for row in rows]


def test_an_open_image_that_is_left_out_is_handed_out_to_nobody_and_another_takes_its_place(
    make_team: Callable[..., Team],
) -> None:
    team = make_team()
    team.until("8 images wait")
    gone = team.open_tasks()[-1]

    said = ask(team, "exclude", [gone.image_id])

    assert said == "1 image left out of the pool; 1 open task taken back"
    rows = team.open_tasks()
    assert len(rows) == 8
    assert gone.image_id not in {row.image_id for row in rows}
    assert [str(team.answer("ada")) for _ in rows] == [row.id for row in rows]
    assert team.answer("ada") is None

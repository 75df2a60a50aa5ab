"""Images that a person asks for, on a labeling server: who gets them, and when."""

from __future__ import annotations

from collections.abc import Callable

from daemon.domain import Role, TaskState
from daemon.domain.commands import AccessRole, CommandState
from daemon.store import FILE, Store
from daemon.store.commands import command_writer
from tests.integration.team import Team


def ask_next(team: Team, ids: list[int]) -> None:
    with command_writer(team.config.state / FILE) as store:
        asked = {"asked_by": "a test", "role": AccessRole.LEAD, "at": team.now()}
        store.add_command("ask_next", {"ids": ids}, **asked)  # type: ignore[arg-type]
    team.daemon.tick()
    with Store(team.config.state / FILE, read_only=True) as store:
        (newest, *_) = store.commands()
    assert (newest.state, newest.outcome) == (CommandState.DONE, "2 images next in the queue")


def test_what_a_person_asks_is_handed_out_after_validation_and_before_every_batch(
    make_team: Callable[..., Team],
) -> None:
    team = make_team()
    team.until("8 images wait")
    with Store(team.config.state / FILE, read_only=True) as store:
        in_batch = store.tasks(TaskState.OPEN)[-1].image_id
        new = min(set(store.ids(Role.POOL)) - store.queried_ids())

    ask_next(team, [new, in_batch])

    rows = team.open_tasks()
    assert [row.is_validation for row in rows] == [True] * 4 + [False] * 5
    assert {row.image_id for row in rows[4:6]} == {new, in_batch}
    assert {row.arm for row in rows[4:6]} == {"person", rows[-1].arm}
    assert [str(team.answer("ada")) for _ in rows] == [row.id for row in rows]

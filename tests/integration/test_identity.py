"""An image is its content: whatever its address becomes, nothing is lost, doubled or asked anew."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from daemon.diagnostics.figure_checks import validation_faults
from daemon.stages import image_readers
from tests.fakes.launcher import ForkLauncher
from tests.integration.project_team import FIELDS, ProjectTeam

Change = Callable[[ProjectTeam, str], str]


def in_the_middle(team: ProjectTeam) -> tuple[Any, ...]:
    """Half of the first questions are answered; what the store knows then."""
    team.until("wait for annotators")
    for _ in range(5):
        assert team.submit()
    team.until("3 images wait")
    return standing(team)


def standing(team: ProjectTeam) -> tuple[Any, ...]:
    with team.store() as store:
        return (
            {image.id: (image.sha256, image.role) for image in store.images()},
            store.labeled_ids(),
            {row.image_id: row.state for row in store.tasks()},
        )


def by_signature(team: ProjectTeam, address: str) -> str:
    return address.replace("Signature=1", "Signature=2")


def by_host(team: ProjectTeam, address: str) -> str:
    return address.replace("127.0.0.1", "localhost")


def by_path(team: ProjectTeam, address: str) -> str:
    """Moved to another folder of the storage, under other names."""
    before, _, name = address.partition("?")[0].rpartition("/")
    moved = f"season 2/{name}".replace(" ", "%20")
    team.bucket.put(moved, (team.home / "images" / name).read_bytes())
    return f"{before}/{moved}"


CHANGES = [by_signature, by_host, by_path]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_renewed_addresses_keep_images_roles_labels_and_open_tasks(
    team: ProjectTeam, change: Change, share: float
) -> None:
    before = in_the_middle(team)
    rows = list(team.server.labeling.tasks.values())
    for row in rows[: int(share * len(rows))]:
        data = {**row["data"], "image": change(team, row["data"]["image"])}
        team.server.labeling.patch_task(row["id"], {"data": data})

    team.until("3 images wait")
    team.minute()

    assert standing(team) == before
    found = f"{int(share * len(rows))} images recognized at new addresses"
    assert team.events().count(found) == 1
    assert {image.key for image in team.images()} == {row["data"]["image"] for row in rows}
    team.finish()
    status = team.status()
    assert status["labels"] == {"total": 16, "spent": 16, "left": 0}
    assert [point["labels"] for point in status["evaluations"]] == [8, 12, 16]
    assert status["quarantine"] == []


@pytest.mark.parametrize("change", CHANGES)
def test_a_project_that_was_imported_anew_goes_on_where_it_was(
    team: ProjectTeam, change: Change
) -> None:
    """All tasks are deleted; new ones with other numbers show the same pictures elsewhere."""
    before = in_the_middle(team)
    addresses = [row["data"]["image"] for row in team.server.labeling.tasks.values()]
    made = team.add([change(team, address) for address in addresses])
    for number in range(1, FIELDS + 1):
        team.server.labeling.delete_task(number)

    team.until("3 images wait")

    assert standing(team) == before
    with team.store() as store:
        assert {int(row.id) for row in store.tasks()} <= set(made)
    team.finish()
    assert team.status()["labels"]["spent"] == 16


def test_addresses_that_cannot_be_fetched_yet_leave_questions_and_labels_alone(
    team: ProjectTeam,
) -> None:
    """The tasks are renewed before the pictures have arrived at their new place."""
    before = in_the_middle(team)
    for row in team.server.labeling.tasks.values():
        address = row["data"]["image"].replace("field", "later/field")
        team.server.labeling.patch_task(row["id"], {"data": {"image": address}})
    team.daemon.tick()
    assert standing(team) == before
    assert len(team.status()["quarantine"]) == FIELDS

    for name in team.names:
        team.bucket.put(f"later/{name}", (team.home / "images" / name).read_bytes())
    team.minute()

    assert standing(team) == before
    assert team.status()["quarantine"] == []
    team.finish()
    assert team.status()["labels"]["spent"] == 16


def test_a_large_migration_is_looked_at_in_portions_while_answers_are_read(
    team: ProjectTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = in_the_middle(team)
    monkeypatch.setattr(image_readers, "INLINE_READ_S", 0.0)  # one image a tick
    for row in team.server.labeling.tasks.values():
        data = {"image": by_path(team, row["data"]["image"])}
        team.server.labeling.patch_task(row["id"], {"data": data})

    said = [team.daemon.tick().waiting for _ in range(FIELDS - 1)]

    assert said[0] == f"1 of {FIELDS} images are read; the rest follows"
    assert said[-1] == f"{FIELDS - 1} of {FIELDS} images are read; the rest follows"
    team.until("3 images wait")
    assert standing(team) == before


def test_the_first_cycle_waits_until_all_images_are_looked_into(
    team: ProjectTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_readers, "INLINE_READ_S", 0.0)

    said = [team.daemon.tick().waiting for _ in range(FIELDS - 1)]

    assert all("images are read" in words for words in said)
    team.until("8 images wait")
    assert len(team.images()) == FIELDS


def test_signatures_that_are_renewed_cost_no_download(team: ProjectTeam) -> None:
    in_the_middle(team)
    fetched = team.bucket.fetched()
    for row in team.server.labeling.tasks.values():
        data = {"image": by_signature(team, row["data"]["image"])}
        team.server.labeling.patch_task(row["id"], {"data": data})

    team.minute()

    assert team.bucket.fetched() == fetched
    assert len(team.images()) == FIELDS


def test_one_task_of_any_strangeness_is_a_fault_and_the_others_are_labeled(
    team: ProjectTeam,
) -> None:
    odd: list[Any] = ["http://[field/x.png", "", None, 5, ["a"], "\ud800.png", "x" * 10**6, "\0"]
    for value in odd:
        team.add([value])

    team.finish()

    status = team.status()
    assert status["labels"]["spent"] == 16
    assert len(status["quarantine"]) == len(odd)
    assert all(len(text) < 700 for row in status["quarantine"] for text in map(str, row.values()))


def test_a_picture_in_the_data_costs_a_few_hundred_characters(team: ProjectTeam) -> None:
    name = team.names[0]
    noise = base64.b64encode((team.home / "images" / name).read_bytes()).decode()
    shown = team.server.labeling.tasks
    for number in shown:
        content = (team.home / "images" / team.name_of(number)).read_bytes()
        text = base64.b64encode(content).decode()
        shown[number]["data"] = {"image": f"data:image/png;base64,{text}"}
    names = dict(zip(sorted(shown), team.names, strict=True))
    team.name_of = lambda task: names[task]  # type: ignore[method-assign]

    team.finish()

    assert team.status()["labels"]["spent"] == 16
    assert team.status()["quarantine"] == []
    assert team.bucket.fetched() == 0
    assert all(len(image.key) < 200 for image in team.images())
    stored = (team.config.state / "store.db").read_bytes()
    assert noise[:100].encode() not in stored


def test_check_of_validation_goes_on_past_an_address_that_cannot_be_read(
    team: ProjectTeam,
) -> None:
    team.add(["http://[field/x.png"])

    assert validation_faults(team.config, ForkLauncher()) == []

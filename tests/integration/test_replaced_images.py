"""Copies of an image, images whose bytes are replaced, labels that are deleted: no figure lies."""

from __future__ import annotations

import io

from PIL import Image as Picture

from daemon.domain import Role
from daemon.stages import image_intake
from tests.integration.project_team import FIELDS, ProjectTeam


def test_the_same_bytes_in_two_tasks_are_asked_once(team: ProjectTeam) -> None:
    for name in team.names:
        team.bucket.put(f"copy/{name}", (team.home / "images" / name).read_bytes())
    team.add([team.address(f"copy/{name}") for name in team.names])

    team.finish()

    with team.store() as store:
        images, labeled = store.images(), store.labeled_ids()
    assert len(images) == 2 * FIELDS
    used = [image.sha256 for image in images if image.role is not Role.EXCLUDED]
    assert len(used) == len(set(used)) == FIELDS
    asked = [image.sha256 for image in images if image.id in labeled]
    assert len(asked) == len(set(asked)) == 16


def test_a_labeled_copy_stands_for_an_image_that_was_never_asked(team: ProjectTeam) -> None:
    name = team.names[3]
    team.bucket.put("copy.png", (team.home / "images" / name).read_bytes())
    (second,) = team.add([team.address("copy.png")])
    team.server.labeling.annotate(second, 1, {"result": []})

    team.until("wait for annotators")
    team.minute()

    with team.store() as store:
        first, copy = (
            next(image for image in store.images() if image.name == one)
            for one in (name, "copy.png")
        )
        assert copy.id in store.labeled_ids()
    assert (first.role, copy.role is Role.EXCLUDED) == (Role.EXCLUDED, False)


def test_a_replaced_picture_keeps_its_row_and_its_label_waits_for_a_confirmation(
    team: ProjectTeam,
) -> None:
    team.until("wait for annotators")
    annotation = team.submit()
    assert annotation is not None
    team.until("7 images wait")
    task = team.server.labeling.annotations[annotation]["task"]
    name = team.name_of(task)
    other = team.names[-1] if name != team.names[-1] else team.names[-2]
    fresh = bytearray((team.home / "images" / other).read_bytes())
    team.bucket.put(name, _repainted(bytes(fresh)))

    team.shift += image_intake.RETRY_AFTER * 2
    team.daemon.tick()

    with team.store() as store:
        (image,) = [one for one in store.images() if one.name == name]
        assert (image.height_px, image.width_px) == (12, 16)
        assert store.unconfirmed_ids() == {image.id}
        assert image.id in store.labeled_ids()
        assert image.id not in store.informative_ids()
    (row,) = [row for row in team.status()["quarantine"] if row["place"].startswith("label of")]
    assert "now 16x12" in row["got"]
    assert "press Update" in row["cure"]

    team.server.labeling.edit_annotation(annotation, {"result": []})
    team.daemon.tick()

    with team.store() as store:
        assert store.unconfirmed_ids() == set()
        assert image.id in store.informative_ids()
    assert team.status()["quarantine"] == []


def test_an_old_picture_that_returns_needs_no_confirmation(team: ProjectTeam) -> None:
    team.until("wait for annotators")
    annotation = team.submit()
    assert annotation is not None
    team.until("7 images wait")
    name = team.name_of(team.server.labeling.annotations[annotation]["task"])
    old = (team.home / "images" / name).read_bytes()

    for content, unconfirmed in ((_repainted(old), 1), (old, 0)):
        team.bucket.put(name, content)
        team.shift += image_intake.RETRY_AFTER * 2
        team.daemon.tick()
        with team.store() as store:
            assert len(store.unconfirmed_ids()) == unconfirmed


def test_a_server_that_tells_of_its_pictures_is_not_asked_to_send_them_again(
    team: ProjectTeam,
) -> None:
    for name in team.names:
        team.bucket.put(name, (team.home / "images" / name).read_bytes(), ETag=f'"{name}"')
    team.until("wait for annotators")
    team.shift += image_intake.RETRY_AFTER * 2
    team.daemon.tick()  # the tags are learned
    sent = team.bucket.sent

    team.shift += image_intake.RETRY_AFTER * 2
    team.daemon.tick()

    assert team.bucket.fetched() >= 2 * FIELDS
    assert team.bucket.sent - sent < FIELDS * 2000 + sent


def test_a_deleted_label_gives_its_budget_back_marks_the_curve_and_is_asked_again(
    team: ProjectTeam,
) -> None:
    team.until("wait for annotators")
    numbers = [team.submit() for _ in range(8)]
    team.until("4 images wait")
    assert team.status()["labels"]["spent"] == 8
    assert team.status()["evaluations"][0]["labels_deleted"] == 0

    team.server.labeling.delete_annotation(int(numbers[6] or 0))
    team.daemon.tick()

    status = team.status()
    assert status["labels"] == {"total": 16, "spent": 7, "left": 9}
    assert status["evaluations"][0]["labels_deleted"] == 1
    assert team.states()["open"] == 5
    team.finish()
    assert team.status()["labels"]["spent"] == 16


def _repainted(content: bytes) -> bytes:
    """Another picture of half the size."""
    stream = io.BytesIO()
    with Picture.open(io.BytesIO(content)) as picture:
        picture.resize((16, 12)).save(stream, "PNG")
    return stream.getvalue()

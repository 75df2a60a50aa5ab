"""Why images are left out, kept so that they can come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from daemon.domain import Exclusion, Image, Missing, Role, Why
from daemon.domain.evaluations import CurvePoint, Evaluation
from daemon.store import FILE, Store
from daemon.store.migrations import migrations


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / FILE) as store:
        for number in range(3):
            store.add_image(image(tmp_path, number), None)
        yield store


def image(folder: Path, number: int) -> Image:
    return Image(
        id=0,
        key=f"{number}.png",
        name=f"{number}.png",
        uri=f"{number}.png",
        path=folder / f"{number}.png",
        height_px=4,
        width_px=4,
        sha256=f"{number:064x}",
    )


def roles(store: Store) -> dict[int, Role]:
    return {one.id: one.role for one in store.images()}


def test_an_image_comes_back_as_what_it_was(store: Store) -> None:
    store.set_roles(Role.VALIDATION, {1: "drawn"})
    for _ in range(2):  # twice changes nothing
        store.exclude(Exclusion.UNREADABLE, {1: "broken", 2: "broken"})
    assert store.excluded() == {1: Exclusion.UNREADABLE, 2: Exclusion.UNREADABLE}

    store.readmit([1, 2, 3], "whole again")

    assert roles(store) == {1: Role.VALIDATION, 2: Role.POOL, 3: Role.POOL}
    assert store.excluded() == {}


def test_another_reason_keeps_what_the_image_was(store: Store) -> None:
    store.exclude(Exclusion.NEAR_TEST, {1: "near"})
    store.exclude(Exclusion.UNREADABLE, {1: "broken"})

    assert store.exclusion_counts() == {Exclusion.UNREADABLE: 1}
    store.readmit([1], "whole again")
    assert roles(store)[1] is Role.POOL


def test_an_evaluation_without_a_figure_keeps_its_reason(store: Store) -> None:
    from datetime import UTC, datetime

    from daemon.domain import Stage

    store.start_cycle(1, Stage.TRAIN, datetime.now(UTC), labels=2, train_labels=1)
    missing = {"miou": Missing(why=Why.TEST_FILES, classes=("a",), count=1, needed=4, detail="x")}
    kept = Evaluation(images=0, miou=None, iou={}, missing=missing)
    point = CurvePoint(cycle=1, labels=2, train_labels=1, validation=None)

    store.keep_evaluation("test", point, kept)

    (found,) = store.curve()
    assert found.test == kept


def test_a_store_of_an_earlier_release_keeps_its_exclusions_and_intervals(tmp_path: Path) -> None:
    db = Database(tmp_path / FILE)
    migrations.apply(db, stop_before="m010_exclusions")
    columns = "key, name, uri, path, height_px, width_px, sha256, role, role_reason"
    for number, (role, reason) in enumerate(
        [
            ("excluded", "near-duplicate of validation, similarity 0.991"),
            ("excluded", "in a group of validation"),
            ("excluded", "a run could not use it"),
            ("pool", ""),
        ]
    ):
        values = (str(number), "n", "u", "p", 4, 4, "s", role, reason)
        db.execute(f"INSERT INTO images ({columns}) VALUES (?,?,?,?,?,?,?,?,?)", values)
    db.execute("INSERT INTO cycles (id, stage, started_at, labels, train_labels) "
               "VALUES (1, 'done', '', 4, 2)")  # fmt: skip
    db.execute("INSERT INTO evaluations VALUES "
               "(1, 'validation', 4, 2, 2, 0.5, 0.4, 0.6, '{}', 1.0)")  # fmt: skip
    db.conn.commit()
    db.conn.close()

    with Store(tmp_path / FILE) as store:
        excluded = store.excluded()
        (point,) = store.curve()

    assert excluded == {
        1: Exclusion.NEAR_VALIDATION,
        2: Exclusion.GROUP,
        3: Exclusion.UNREADABLE,
    }
    assert point.validation is not None
    assert point.validation.miou_interval == (0.4, 0.6)
    assert point.validation.interval_coverage is None
    assert point.validation.missing == {}

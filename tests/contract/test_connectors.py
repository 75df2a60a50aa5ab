"""What every connector promises (connectors/base.py)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from connectors.images.cache import inspect
from daemon.domain import FoundImage
from daemon.domain.errors import ConnectorRefused, ImageRefused
from tests.contract.rigs import SIZE, Rig
from tests.fakes.versions import version


def test_a_healthy_tool_has_no_faults(rig: Rig) -> None:
    assert list(rig.connector.check()) == []


def test_a_healthy_tool_leaves_no_file_out_and_its_notes_are_lines(rig: Rig) -> None:
    assert list(rig.connector.left_out()) == []
    assert all("\n" not in line for line in rig.connector.notes())


def test_closing_it_twice_is_harmless(rig: Rig) -> None:
    rig.connector.check()

    rig.connector.close()
    rig.connector.close()


def test_a_project_is_worked_by_one_store(rig: Rig) -> None:
    rig.connector.claim("store-a")
    rig.connector.claim("store-a")

    with pytest.raises(ConnectorRefused, match="store-a"):
        rig.connector.claim("store-b")


def test_each_image_is_listed_once_in_a_stable_order_and_can_be_read(rig: Rig) -> None:
    first, second = list(rig.connector.images()), list(rig.connector.images())

    assert first == second
    assert len({found.key for found in first}) == len(first) == 8
    assert inspect(rig.connector.read(first[0])).height_px == SIZE[0]


def test_an_image_that_is_gone_is_refused(rig: Rig) -> None:
    found = next(iter(rig.connector.images()))
    gone = FoundImage(key="gone.png", name="gone.png", uri=f"{found.uri}.gone")

    with pytest.raises(ImageRefused):
        rig.connector.read(gone)


def test_the_fingerprint_of_an_image_stays_while_nobody_changes_it(rig: Rig) -> None:
    found = next(iter(rig.connector.images()))

    assert rig.connector.fingerprint(found) == rig.connector.fingerprint(found)


def test_a_pushed_image_comes_back_with_the_mask_that_was_drawn(rig: Rig) -> None:
    asks = rig.push(rig.keys[:3])
    rig.answer()

    changes = rig.connector.changes(None, rig.sizes)

    assert {one.image_key for one in changes.annotations} == set(rig.keys[:3])
    for one in changes.annotations:
        assert np.array_equal(one.mask, rig.truth[one.image_key])
        assert changes.annotation_ids[one.task] == (one.id,)
    assert {one.task for one in changes.annotations} == {ask.task for ask in asks}
    assert not changes.faults


def test_pushing_the_same_chunk_again_asks_nobody_twice(rig: Rig) -> None:
    asks = rig.asks(rig.keys[:3])

    first = rig.connector.push(asks, "push-1", version(1, 0))
    again = rig.connector.push(asks, "push-1", version(1, 0))

    assert again == first
    assert len(set(first.values())) == 3


def test_pushing_it_again_after_it_was_answered_asks_nobody_twice(rig: Rig) -> None:
    asks = rig.push(rig.keys[:2])
    rig.answer()

    again = rig.connector.push(asks, "push-1", version(1, 0))

    assert again == {ask.image.id: ask.task for ask in asks}
    assert rig.answer() == []
    assert len(rig.connector.changes(None, rig.sizes).annotations) == 2


def test_an_image_that_is_open_under_another_key_keeps_its_task(rig: Rig) -> None:
    first = rig.connector.push(rig.asks(rig.keys[:2]), "push-1", version(1, 0))

    second = rig.connector.push(rig.asks(rig.keys[1:3]), "push-2", version(1, 0))

    shared = rig.images[rig.keys[1]].id
    assert second[shared] == first[shared]
    assert len({*first.values(), *second.values()}) == 3


def test_a_cursor_leads_on_from_where_it_was_made(rig: Rig) -> None:
    rig.push(rig.keys[:2])
    rig.answer()
    before = rig.connector.changes(None, rig.sizes)
    rig.push(rig.keys[2:4], "push-2", version(1, 1))
    rig.answer()

    after = rig.connector.changes(before.cursor, rig.sizes)

    assert set(rig.keys[2:4]) <= {one.image_key for one in after.annotations}
    assert len(rig.connector.changes(None, rig.sizes).annotations) == 4


def test_a_mask_of_another_size_becomes_a_fault(rig: Rig) -> None:
    rig.push(rig.keys[:2])
    rig.answer()

    changes = rig.connector.changes(None, rig.sizes | {rig.keys[0]: (99, 99)})

    assert [one.image_key for one in changes.annotations] == [rig.keys[1]]
    assert len(changes.faults) == 1
    assert "99" in str(changes.faults[0])


def test_an_answer_for_an_image_that_the_daemon_cannot_use_becomes_a_fault(rig: Rig) -> None:
    rig.push(rig.keys[:1])
    rig.answer()

    changes = rig.connector.changes(None, {})

    assert not changes.annotations
    assert len(changes.faults) == 1


def test_retired_tasks_are_not_answered_and_retiring_twice_is_harmless(rig: Rig) -> None:
    asks = rig.push(rig.keys[:3])
    tasks = {str(ask.task) for ask in asks}
    rig.connector.retire([str(asks[1].task)])
    rig.connector.retire([str(asks[1].task)])
    rig.connector.repair(version(1, 0), tasks - {str(asks[1].task)})

    rig.answer()

    answered = {one.image_key for one in rig.connector.changes(None, rig.sizes).annotations}
    assert answered == {rig.keys[0], rig.keys[2]}


def test_a_retired_image_may_be_asked_again(rig: Rig) -> None:
    asks = rig.push(rig.keys[:1])
    rig.connector.retire([str(asks[0].task)])

    rig.push(rig.keys[:1], "push-2", version(1, 1))
    rig.answer()

    answered = rig.connector.changes(None, rig.sizes).annotations
    assert [one.image_key for one in answered] == rig.keys[:1]


def test_nothing_is_mended_when_nobody_changed_anything(rig: Rig) -> None:
    asks = rig.push(rig.keys[:3])
    tasks = [str(ask.task) for ask in asks]
    rig.connector.repair(version(1, 0), tasks)

    assert list(rig.connector.repair(version(1, 0), tasks)) == []


def test_an_ask_without_a_prediction_is_asked_all_the_same(rig: Rig) -> None:
    asks = [replace(ask, prediction=None) for ask in rig.asks(rig.keys[:2])]
    tasks = rig.connector.push(asks, "push-1", version(0, 0))
    rig.connector.rerank(version(0, 0), [replace(ask, task=tasks[ask.image.id]) for ask in asks])

    rig.answer()

    assert len(rig.connector.changes(None, rig.sizes).annotations) == 2


def test_ranking_nothing_changes_nothing(rig: Rig) -> None:
    rig.connector.rerank(version(1, 0), [])


def test_predictions_that_were_replaced_can_be_deleted_and_the_answers_stay(rig: Rig) -> None:
    asks = rig.push(rig.keys[:2])
    rig.answer()
    rig.connector.rerank(version(1, 1), asks)

    deleted = [rig.connector.delete_predictions(version(1, 0)) for _ in range(3)]

    assert deleted[-1]
    assert len(rig.connector.changes(None, rig.sizes).annotations) == 2

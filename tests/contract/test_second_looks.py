"""A second look at an answered task: the same on the fake and on the real Label Studio."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from connectors.base import OpensReviews
from connectors.masks.regions import decode
from daemon.domain import Mask
from daemon.domain.reviews import ReviewRegion, ReviewRequest
from tests.contract.conftest import FAKE
from tests.contract.rigs import CLASSES, CONTROL, SIZE, LabelStudioRig, Rig
from tests.fakes.versions import version

REAL = pytest.param("live-folder", marks=[pytest.mark.live, pytest.mark.long])


@pytest.mark.parametrize("tool", [*FAKE, REAL], indirect=True)
def test_another_person_than_the_author_gets_the_label_next_and_closes_it(
    tool: LabelStudioRig,
) -> None:
    connector = tool.connector
    assert isinstance(connector, OpensReviews)
    asks = tool.push(tool.keys[:4])
    first = tool.taken("ada")
    key, task = tool.key_of(first), str(first.task)
    label = tool.truth[key]
    tool.submit("ada", first, label)
    rest = [ask for ask in asks if ask.task != task]
    connector.rerank(version(2, 0), [replace(ask, position=ask.position + 3) for ask in rest])
    request = review(task, label)

    for _ in range(2):
        assert connector.open_reviews(version(2, 0), [request]) == {task}
    connector.repair(version(2, 0), [task, *(str(ask.task) for ask in rest)])
    assert connector.keep_reviews_open({task: 1}) == set()

    assert str(tool.taken("ada").task) != task
    ben = tool.taken("ben")
    assert str(ben.task) == task
    assert str(tool.taken("cleo").task) != task
    assert np.array_equal(decode(ben.result, CLASSES, CONTROL, SIZE, "shown").mask, label)
    assert ben.result[0]["meta"]["text"] == ["look here"]
    untouched = [{**region, "origin": "prediction"} for region in ben.result]
    tool.person("ben").submit(ben, tool.project, untouched)
    read = connector.changes(None, tool.sizes).annotations
    again = next(one for one in read if one.shown == "review")
    assert (again.task, again.corrected) == (task, False)
    assert np.array_equal(again.mask, label)
    assert str(tool.taken("dora").task) != task
    connector.withdraw_reviews([task])
    assert len(connector.changes(None, tool.sizes).annotations) == 2


@pytest.mark.parametrize("rig", ["folder"], indirect=True)
def test_a_folder_opens_no_reviews(rig: Rig) -> None:
    assert not isinstance(rig.connector, OpensReviews)


def review(task: str, label: Mask) -> ReviewRequest:
    """The first class as a suspicious region, the others as they are."""
    values = [value for value in (1, 2) if (label == value).any()]
    regions = [
        ReviewRegion(
            value=value,
            pixels=label == value,
            score=0.9 if row == 0 else None,
            sentence="look here" if row == 0 else "",
        )
        for row, value in enumerate(values)
    ]
    return ReviewRequest(task=task, answers=1, position=0, regions=tuple(regions))


@pytest.mark.parametrize("tool", [*FAKE, REAL], indirect=True)
def test_another_person_labels_an_image_too_and_sees_no_mask_of_anybody(
    tool: LabelStudioRig,
) -> None:
    connector = tool.connector
    assert isinstance(connector, OpensReviews)
    asks = tool.push(tool.keys[:4])
    first = tool.taken("ada")
    key, task = tool.key_of(first), str(first.task)
    tool.submit("ada", first, tool.truth[key])
    request = ReviewRequest(task=task, answers=1, position=0, regions=None)
    assert connector.open_reviews(version(1, 0), [request]) == set()  # it would show the model's
    rest = [ask for ask in asks if ask.task != task]
    connector.rerank(version(2, 0), [replace(ask, position=ask.position + 3) for ask in rest])

    for _ in range(2):
        assert connector.open_reviews(version(2, 0), [request]) == {task}
    connector.repair(version(2, 0), [task, *(str(ask.task) for ask in rest)])
    assert connector.keep_reviews_open({task: 1}) == set()

    assert str(tool.taken("ada").task) != task
    ben = tool.taken("ben")
    assert (str(ben.task), ben.result) == (task, [])
    seen = ben.details.get("annotations") or []
    assert [row for row in seen if row.get("result")] == []
    assert str(tool.taken("cleo").task) != task
    other = np.where(tool.truth[key] == 2, np.uint8(1), tool.truth[key])
    tool.submit("ben", ben, other)
    read = connector.changes(None, tool.sizes).annotations
    assert len({one.annotator for one in read if one.task == task}) == 2
    assert [one.task for one in read if np.array_equal(one.mask, other)] == [task]
    connector.withdraw_reviews([task])
    assert str(tool.taken("dora").task) != task

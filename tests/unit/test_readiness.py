from __future__ import annotations

from typing import Any

import pytest

from daemon.rules.readiness import Ending, LoopFacts, ending, images_to_request, reason_to_wait

READY: dict[str, Any] = {
    "started": True,
    "usable_images": 10,
    "open_tasks": 0,
    "open_earlier": 0,
    "max_open_tasks": 0,
    "train_labels": 4,
    "new_labels": 4,
    "needed_labels": 4,
    "labels_left": 6,
    "may_request": 5,
    "trained_cycles": 1,
    "cycle_limit": None,
}
SPENT = {"labels_left": 0, "may_request": 0}
NO_IMAGE_LEFT = {"may_request": 0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"started": False}, None),
        ({"started": False, "usable_images": 0}, "the pool is empty"),
        ({"open_tasks": 3}, "3 images wait for annotators"),
        ({"open_tasks": 1}, "1 image waits for annotators"),
        ({"open_tasks": 7, "open_earlier": 3}, "7 images wait for annotators, 3 of them asked"),
        ({"open_tasks": 3, "max_open_tasks": 3}, None),
        ({"open_tasks": 9, "max_open_tasks": None}, None),
        ({"open_tasks": 9, "max_open_tasks": None, "new_labels": 3}, "9 images wait"),
        ({"open_tasks": 3, "max_open_tasks": 3, "new_labels": 0}, "3 images wait"),
        ({"train_labels": 0}, "no labeled image"),
        ({"new_labels": 1}, "1 of 4 new labels that a training needs"),
        ({"trained_cycles": 3, "cycle_limit": 3}, "all cycles that --cycles asked for are trained"),
    ],
)
def test_a_cycle_waits_for_a_reason(change: dict[str, Any], words: str | None) -> None:
    reason = reason_to_wait(LoopFacts(**READY | change))

    assert reason == words if words is None else words in str(reason)


@pytest.mark.parametrize("end", [SPENT, NO_IMAGE_LEFT, SPENT | {"open_tasks": 2}])
def test_when_no_more_labels_can_come_one_new_label_is_worth_the_last_training(
    end: dict[str, Any],
) -> None:
    facts = LoopFacts(**READY | end | {"new_labels": 1})

    assert reason_to_wait(facts) is None
    assert ending(facts) is None


def test_a_project_that_came_labeled_is_trained_on_once() -> None:
    came_labeled = READY | NO_IMAGE_LEFT | {"new_labels": 0}

    assert reason_to_wait(LoopFacts(**came_labeled | {"trained_cycles": 0})) is None
    assert ending(LoopFacts(**came_labeled | {"trained_cycles": 0})) is None
    assert ending(LoopFacts(**came_labeled)) is Ending.ALL_LABELED


def test_one_label_is_no_training_while_more_may_come() -> None:
    facts = LoopFacts(
        **READY | {"new_labels": 1, "open_tasks": 3, "may_request": 0, "labels_left": 3}
    )

    assert reason_to_wait(facts) == "3 images wait for annotators"
    assert ending(facts) is None


def test_when_nobody_has_anything_open_the_missing_labels_are_asked_within_the_budget() -> None:
    assert images_to_request(LoopFacts(**READY | {"new_labels": 1})) == 3
    assert images_to_request(LoopFacts(**READY | {"new_labels": 1, "may_request": 2})) == 2
    assert images_to_request(LoopFacts(**READY | {"new_labels": 1, "open_tasks": 1})) == 0
    assert images_to_request(LoopFacts(**READY)) == 0


@pytest.mark.parametrize(
    ("change", "how"),
    [
        ({"new_labels": 0}, None),  # images may still be asked
        ({"new_labels": 0, "open_tasks": 3}, None),
        ({"new_labels": 0, "open_tasks": 3} | NO_IMAGE_LEFT, None),
        ({"new_labels": 0} | SPENT, Ending.BUDGET_SPENT),
        ({"new_labels": 0, "open_tasks": 2} | SPENT, Ending.BUDGET_SPENT),
        ({"new_labels": 0} | NO_IMAGE_LEFT, Ending.ALL_LABELED),
        ({"new_labels": 2, "train_labels": 0} | NO_IMAGE_LEFT, Ending.ALL_LABELED),
        ({"trained_cycles": 3, "cycle_limit": 3, "open_tasks": 4}, Ending.CYCLES_TRAINED),
        ({"started": False, "usable_images": 0}, None),
        ({"new_labels": 0, "train_labels": 0, "left_out": "all are alike"} | NO_IMAGE_LEFT, None),
    ],
)
def test_the_loop_ends_when_neither_daemon_nor_people_move_it_on(
    change: dict[str, Any], how: Ending | None
) -> None:
    assert ending(LoopFacts(**READY | change)) is how

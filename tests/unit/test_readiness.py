from __future__ import annotations

from typing import Any

import pytest

from daemon.readiness import Standing, is_final, reason_to_wait

READY: dict[str, Any] = {
    "started": True,
    "usable_images": 10,
    "open_tasks": 0,
    "open_allowed": 0,
    "train_labels": 4,
    "new_labels": 4,
    "enough_labels": 0,
    "labels_left": 6,
    "candidates": 5,
    "trained_cycles": 0,
    "cycle_limit": None,
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"started": False}, None),
        ({"started": False, "usable_images": 0}, "the pool is empty"),
        ({"open_tasks": 3}, "3 images of the batch"),
        ({"open_tasks": 3, "open_allowed": 3}, None),
        ({"open_tasks": 9, "enough_labels": 4}, None),
        ({"open_tasks": 9, "enough_labels": 5}, "9 images of the batch"),
        ({"open_tasks": 3, "open_allowed": 3, "new_labels": 0}, "3 images of the batch"),
        ({"train_labels": 0}, "no labeled image"),
        ({"new_labels": 0}, "no new labels"),
        ({"new_labels": 0, "labels_left": 0}, "budget is spent"),
        ({"new_labels": 0, "candidates": 0}, "every image of the pool"),
        ({"trained_cycles": 3, "cycle_limit": 3}, "all 3 cycles"),
    ],
)
def test_a_cycle_waits_for_a_reason(change: dict[str, Any], words: str | None) -> None:
    reason = reason_to_wait(Standing(**READY | change))

    assert reason == words if words is None else words in str(reason)


def test_waiting_for_annotators_is_not_the_end() -> None:
    assert not is_final(Standing(**READY | {"open_tasks": 3}))
    assert is_final(Standing(**READY | {"new_labels": 0, "labels_left": 0}))

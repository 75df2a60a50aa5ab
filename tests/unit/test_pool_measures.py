"""What is said of redundancy and of drift."""

from __future__ import annotations

from daemon.rules.validation_drift import ValidationDrift
from daemon.stages.pool_measures import PoolRedundancy, drift_words


def test_redundancy_is_said_with_its_numbers() -> None:
    known = PoolRedundancy(images=783, sampled=783, near_duplicates=0.243, intrinsic_dimension=12.4)
    unknown = PoolRedundancy(images=1, sampled=1, near_duplicates=0.0, intrinsic_dimension=None)

    assert known.words() == "24 % of 783 images look like another one; intrinsic dimension 12.4"
    assert unknown.words() == "0 % of 1 image look like another one"


def test_drift_is_said_with_its_numbers_and_what_to_do() -> None:
    numbers = {"added": 90, "earlier": 300, "validation": 30}
    drifted = ValidationDrift(far=0.31, p=0.0004, drifted=True, **numbers)
    same = ValidationDrift(far=0.04, p=0.6, drifted=False, **numbers)

    assert drift_words(drifted).startswith(
        "validation drift: 31 % of 90 images added since the validation draw are farther from "
        "validation than 95 % of the earlier ones (5 % expected, p = 0.0004); "
    )
    assert "[test]" in drift_words(drifted)
    assert drift_words(same).startswith("no validation drift: 4 % of 90 images")

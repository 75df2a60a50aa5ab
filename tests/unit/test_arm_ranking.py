"""The rarest class, and whether two studies rank their arms alike."""

from __future__ import annotations

import pytest

from daemon.insight.arm_ranking import rank_agreement, rarest_class

CLASSES = ("soil", "crop", "weed")


def test_tau_counts_the_pairs_of_arms_in_the_same_order() -> None:
    probe = {"auto": 0.9, "entropy": 0.8, "kcenter": 0.7, "random": 0.6, "badge": 0.1}
    hrda = {"auto": 0.7, "entropy": 0.8, "kcenter": 0.6, "random": 0.5, "hybrid": 0.2}

    found = rank_agreement(probe, hrda)

    assert found is not None
    assert found.arms == ("auto", "entropy", "kcenter", "random")
    assert found.tau == pytest.approx((5 - 1) / 6)  # one of six pairs is in the other order
    assert found.p == pytest.approx(8 / 24)  # 4 of 24 orders agree as well, and as badly


@pytest.mark.parametrize(
    "second", [{"auto": 0.1, "random": 0.2}, {"auto": 0.1, "random": 0.1, "kcenter": 0.1}]
)
def test_two_arms_or_equal_ones_have_no_ranking(second: dict[str, float]) -> None:
    first = {"auto": 0.3, "random": 0.2, "kcenter": 0.1}

    assert rank_agreement(first, second) is None


def test_the_rarest_class_has_the_fewest_pixels() -> None:
    pixels, holding = {"soil": 1, "crop": 9, "weed": 5}, {"crop": 1, "weed": 2}

    assert rarest_class(CLASSES, pixels, holding) == "weed"
    assert rarest_class(CLASSES, {"weed": 5}, holding) == "crop"  # not all are known
    assert rarest_class(CLASSES, {}, {"crop": 2, "weed": 2}) == "crop"  # the first of equals
    assert rarest_class(CLASSES, {}, {"weed": 2}) is None
    assert rarest_class(("soil",), pixels, holding) is None

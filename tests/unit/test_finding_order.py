"""The order of findings, and one finding of each place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.audit.finding_order import in_order
from daemon.domain.label_findings import Finding, FindingType

PLACE, ELSEWHERE = (0, 0, 20, 20), (40, 40, 60, 60)


def finding(
    score: float,
    image: int = 1,
    box: tuple[int, int, int, int] = PLACE,
    type_: FindingType = FindingType.MISSING,
) -> Finding:
    return Finding(
        image_id=image,
        type=type_,
        labeled="soil",
        proposed="crop",
        box_yxyx=box,
        area_px=400,
        score=score,
        expected_precision=score,
        reason=f"{type_}.",
    )


def test_each_further_place_of_an_image_counts_half_of_the_one_before() -> None:
    rule = finding(0.3, box=(0, 0, 99, 99), type_=FindingType.RULE)
    found = in_order(
        [finding(0.6, box=ELSEWHERE), finding(0.8), finding(0.5, image=2), rule], most=9
    )

    assert [(one.image_id, one.score) for one in found] == [(1, 0.8), (2, 0.5), (1, 0.3), (1, 0.3)]


def test_a_place_that_two_views_doubt_is_one_finding_and_comes_sooner() -> None:
    conflict = finding(0.5, box=(0, 0, 20, 22), type_=FindingType.CONFLICT)

    for findings in ([finding(0.6), conflict], [finding(0.4), conflict]):
        (found,) = in_order(findings, most=9)

        assert found.type is FindingType.MISSING
        assert found.box_yxyx == PLACE
        assert found.expected_precision == findings[0].score
        assert found.score == pytest.approx(1 - (1 - findings[0].score) * 0.5)
        assert found.reason == "missing. conflict."


def test_what_one_view_says_twice_counts_once() -> None:
    (found,) = in_order([finding(0.6), finding(0.7, box=(0, 0, 20, 22))], most=9)

    assert found.score == 0.7


def test_no_more_than_so_many_are_kept() -> None:
    findings = [finding(number / 10, image=number) for number in range(9)]

    assert [one.image_id for one in in_order(findings, most=2)] == [8, 7]


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 3), st.integers(0, 60)), max_size=12))
def test_the_order_does_not_depend_on_the_order_before(
    given_: list[tuple[float, int, int]],
) -> None:
    findings = [finding(score, image, (start, 0, start + 5, 5)) for score, image, start in given_]

    found = in_order(findings, most=99)

    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert in_order(findings[::-1], most=99) == found
    assert {one.image_id for one in found} == {one.image_id for one in findings}

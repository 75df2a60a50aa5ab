"""Reviews correct the probabilities by which findings are ranked."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.audit.audited_image import AuditedImage
from daemon.audit.label_audit import LabelAudit
from daemon.audit.review_calibration import MIN_REVIEWED, ReviewCalibration, fitted_to_reviews
from daemon.domain.label_findings import FindingType, ReviewedPlace
from tests.unit.test_label_audit import CLASSES, SIDE, field, noisy

SWAP, MISSING = FindingType.SWAP, FindingType.MISSING


def reviewed(errors: int, n: int, kind: FindingType = SWAP) -> tuple[ReviewedPlace, ...]:
    """n places of which the audit expected 0.8, and of which so many held an error."""
    return tuple(
        ReviewedPlace(type=kind, planted_precision=0.8, is_error=row < errors) for row in range(n)
    )


def fitted(places: tuple[ReviewedPlace, ...]) -> ReviewCalibration | None:
    """To these and to 4000 planted places of two types whose probabilities are true."""
    rng = np.random.default_rng(0)
    score = rng.beta(0.3, 2, 4000)
    types = [SWAP, MISSING] * 2000
    return fitted_to_reviews(score, types, rng.random(4000) < score, places)


def expected(found: ReviewCalibration | None, kind: FindingType = SWAP) -> float:
    """The probability where planted errors say 0.8."""
    assert found is not None
    return float(found.probability(np.array([0.8]), [kind])[0])


def test_the_expected_precision_moves_towards_what_reviewers_found() -> None:
    none, half, all_of_them = (expected(fitted(reviewed(hits, 60))) for hits in (0, 30, 60))

    assert none < half < all_of_them
    assert none < 0.6 < 0.8 < all_of_them
    more = expected(fitted(reviewed(0, 300)))
    assert more < none / 2


def test_reviews_that_find_what_was_expected_change_little() -> None:
    assert expected(fitted(reviewed(80, 100))) == pytest.approx(0.8, abs=0.03)


def test_reviews_of_one_type_say_less_of_another() -> None:
    found = fitted(reviewed(0, 60))

    assert expected(found, SWAP) < expected(found, MISSING) - 0.1


def test_a_higher_score_stays_more_suspicious() -> None:
    found = fitted(reviewed(0, 60))
    assert found is not None

    scores = found.probability(np.linspace(0, 1, 50), [SWAP] * 50)

    assert (np.diff(scores) > 0).all()


def test_reviews_never_turn_the_order_round() -> None:
    score = np.linspace(0.01, 0.5, 1000)
    errors = np.random.default_rng(0).random(1000) < score

    found = fitted_to_reviews(score, [SWAP] * 1000, errors, reviewed(0, 5000))

    assert found is not None
    assert (np.diff(found.probability(score, [SWAP] * 1000)) > 0).all()
    assert expected(found) < 0.01


def test_fewer_reviews_change_nothing() -> None:
    assert fitted(reviewed(0, MIN_REVIEWED - 1)) is None
    assert fitted(reviewed(0, MIN_REVIEWED)) is not None


def test_an_audit_goes_by_reviews_from_fifty_places_on() -> None:
    found = LabelAudit(classes=CLASSES, images=12)
    for number in range(12):
        seen = noisy(field(100 if number == 7 else number), number)
        picture = np.full((SIDE, SIDE, 3), number, np.uint8)
        found.add(AuditedImage(id=number, name=str(number)), picture, field(number), seen)

    found.reviewed = reviewed(0, MIN_REVIEWED - 1)
    few = found.outcome()
    found.reviewed = reviewed(0, MIN_REVIEWED)
    many = found.outcome()

    assert few.findings
    assert all(one.expected_precision == one.planted_precision for one in few.findings)
    assert many.table == few.table  # of planted errors alone
    changed = [one for one in many.findings if one.planted_precision is not None]
    assert changed
    assert all(one.expected_precision != one.planted_precision for one in changed)
    assert max(one.expected_precision or 0 for one in changed) < 0.7

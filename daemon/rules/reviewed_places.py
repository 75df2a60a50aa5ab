"""What reviewers made of the places that they were shown, as later audits learn from it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.domain.label_findings import ReviewedPlace
from daemon.domain.reviews import Review, ReviewState


def reviewed_places(reviews: Iterable[Review]) -> tuple[ReviewedPlace, ...]:
    """The answered places of these reviews, in their order.

    Left out are places without a probability, and reviews of an early release, which kept no
    outcome of each place. Where the probability by planted errors was not kept apart, the expected
    one is the same.
    """
    found = []
    for review in reviews:
        if len(review.outcomes) != len(review.places):
            continue
        for place, outcome in zip(review.places, review.outcomes, strict=True):
            known = place.planted_precision
            known = place.expected_precision if known is None else known
            if known is not None:
                is_error = outcome is not ReviewState.CONFIRMED
                found.append(
                    ReviewedPlace(type=place.type, planted_precision=known, is_error=is_error)
                )
    return tuple(found)

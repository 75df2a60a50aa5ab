"""How often second looks found an error where the audit had said so: by type, classes and author.

Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from daemon.domain.label_findings import Finding
from daemon.domain.reviews import Review, ReviewState
from daemon.insight.person_names import PersonName
from daemon.insight.view_model import Count, Share, ViewModel

FEWEST = 5  # places, or labels of an author: a share of fewer is not shown
_Z = 1.959964  # of a 95 % interval
Name = TypeVar("Name", str, tuple[str, str])
_ANSWERED = (ReviewState.CONFIRMED, ReviewState.CORRECTED, ReviewState.OTHER)


class PlacePrecision(ViewModel):
    """Places of one kind that reviewers were shown."""

    type: str
    """What the audit had said: swap, missing, unlabeled part, outside or shift."""
    labeled: str
    """Class in the label; empty in the row of a whole type, and where a class says nothing."""
    proposed: str
    """Class that the model saw; empty likewise."""
    is_pair: bool
    """Whether the row is of one pair of classes; else of the whole type."""
    places: Count
    """Places that were answered."""
    corrected: Count
    """Of these, changed as the model proposed."""
    other: Count
    """Of these, changed in another way."""
    precision: Share | None
    """Share of places that held an error: that were changed, in whichever way. Null for fewer than
    5 places."""
    interval: tuple[Share, Share] | None
    """95 % interval of `precision` (Wilson), as if places were independent; null likewise."""
    expected: Share | None
    """Mean of what the audit had expected of these places; null where it had not been
    calibrated."""


class AuthorReviews(ViewModel):
    """Labels of one person that others looked at again: the most suspicious ones, not all."""

    person: PersonName
    """Who drew them."""
    reviewed: Count
    """Labels that had a second look."""
    changed: Count
    """Of these, changed by the reviewer."""
    share: Share | None
    """`changed` of `reviewed`; null for fewer than 5 labels."""


def place_precision(reviews: Iterable[Review]) -> tuple[PlacePrecision, ...]:
    """A row for each type, followed by one for each of its pairs of classes, the most frequent
    first. Reviews whose places have no outcomes of their own are left out."""
    by_type: dict[str, list[tuple[Finding, ReviewState]]] = defaultdict(list)
    for review in reviews:
        if len(review.outcomes) == len(review.places):
            for place, outcome in zip(review.places, review.outcomes, strict=True):
                by_type[place.type.value].append((place, outcome))
    found: list[PlacePrecision] = []
    for name in _by_size(by_type):
        found.append(_row(name, by_type[name]))
        pairs: dict[tuple[str, str], list[tuple[Finding, ReviewState]]] = defaultdict(list)
        for place, outcome in by_type[name]:
            pairs[place.labeled, place.proposed].append((place, outcome))
        found += [_row(name, pairs[pair], pair) for pair in _by_size(pairs)]
    return tuple(found)


def author_reviews(
    reviews: Iterable[Review], authors: Mapping[int, str]
) -> tuple[AuthorReviews, ...]:
    """By person, who has most labels first. authors: review -> who drew the label."""
    outcomes: dict[str, list[ReviewState]] = defaultdict(list)
    for review in reviews:
        if review.state in _ANSWERED and review.id in authors:
            outcomes[authors[review.id]].append(review.state)
    return tuple(_author(person, outcomes[person]) for person in _by_size(outcomes))


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share, E. B. Wilson, JASA 1927. Raises ZeroDivisionError for n = 0."""
    share, z2 = hits / n, _Z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _by_size(groups: Mapping[Name, Sequence[object]]) -> list[Name]:
    return sorted(groups, key=lambda name: (-len(groups[name]), name))


def _row(
    name: str, rows: Sequence[tuple[Finding, ReviewState]], pair: tuple[str, str] | None = None
) -> PlacePrecision:
    outcomes = [outcome for _, outcome in rows]
    corrected, other = (outcomes.count(one) for one in (ReviewState.CORRECTED, ReviewState.OTHER))
    expected = [one.expected_precision for one, _ in rows if one.expected_precision is not None]
    enough = len(rows) >= FEWEST
    return PlacePrecision(
        type=name,
        labeled=pair[0] if pair else "",
        proposed=pair[1] if pair else "",
        is_pair=pair is not None,
        places=len(rows),
        corrected=corrected,
        other=other,
        precision=(corrected + other) / len(rows) if enough else None,
        interval=wilson(corrected + other, len(rows)) if enough else None,
        expected=sum(expected) / len(expected) if expected else None,
    )


def _author(person: str, outcomes: Sequence[ReviewState]) -> AuthorReviews:
    changed = sum(outcome is not ReviewState.CONFIRMED for outcome in outcomes)
    share = changed / len(outcomes) if len(outcomes) >= FEWEST else None
    return AuthorReviews(person=person, reviewed=len(outcomes), changed=changed, share=share)

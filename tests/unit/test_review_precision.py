"""What second looks found, by type and pair of classes, and by author."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from daemon.domain.label_findings import Finding, FindingType
from daemon.domain.reviews import Review, ReviewState
from daemon.insight.review_precision import author_reviews, place_precision, wilson
from daemon.store import Store
from daemon.web.app import create_app
from tests.fakes.labeled_store import labeled_config, labeled_store
from tests.fakes.statuses import status
from tests.fakes.visitors import signed_in

CONFIRMED, CORRECTED = ReviewState.CONFIRMED, ReviewState.CORRECTED
OTHER, OPEN = ReviewState.OTHER, ReviewState.OPEN
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def place(kind: FindingType = FindingType.SWAP, proposed: str = "weed") -> Finding:
    return Finding(
        image_id=1,
        type=kind,
        labeled="crop",
        proposed=proposed,
        box_yxyx=(0, 0, 4, 4),
        area_px=16,
        score=0.9,
        expected_precision=0.6,
        reason="Labeled crop; the model sees weed here.",
    )


def review(number: int, outcomes: dict[Finding, ReviewState], state: ReviewState) -> Review:
    return Review(
        id=number,
        image_id=number,
        cycle=1,
        task=f"t{number}",
        annotation=f"a{number}",
        sha256="",
        answers=(),
        places=tuple(outcomes),
        state=state,
        opened_at=NOON,
        outcomes=tuple(outcomes.values()),
    )


def test_places_count_by_type_and_by_pair_of_classes() -> None:
    missing = place(FindingType.MISSING)
    reviews = [review(n, {place(): CORRECTED, missing: CONFIRMED}, CORRECTED) for n in range(4)]
    reviews.append(review(4, {place(): OTHER}, OTHER))
    reviews.append(review(5, {place(proposed="soil"): CONFIRMED}, CONFIRMED))

    swap, weed, soil, *rest = place_precision(reviews)

    assert (swap.type, swap.is_pair, swap.places) == ("swap", False, 6)
    assert (swap.corrected, swap.other) == (4, 1)
    assert swap.precision == pytest.approx(5 / 6)
    assert swap.interval == pytest.approx((0.436, 0.970), abs=0.001)  # Wilson, 5 of 6
    assert swap.expected == pytest.approx(0.6)
    assert (weed.is_pair, weed.proposed, weed.places, weed.precision) == (True, "weed", 5, 1.0)
    assert (soil.places, soil.precision, soil.interval) == (1, None, None)  # too few to say
    assert [(row.type, row.is_pair) for row in rest] == [("missing", False), ("missing", True)]


def test_reviews_without_outcomes_of_places_say_nothing_of_places() -> None:
    older = replace(review(1, {place(): CORRECTED}, CORRECTED), outcomes=())

    assert place_precision([older, replace(older, state=OPEN)]) == ()


def test_a_share_of_an_author_takes_five_labels() -> None:
    reviews = [review(n, {place(): CORRECTED}, CORRECTED) for n in range(5)]
    reviews += [review(n, {place(): CONFIRMED}, CONFIRMED) for n in range(5, 7)]
    authors = dict.fromkeys(range(5), "anna") | {5: "anna", 6: "ben"}

    anna, ben = author_reviews(reviews, authors)

    assert (anna.person, anna.reviewed, anna.changed) == ("anna", 6, 5)
    assert anna.share == pytest.approx(5 / 6)
    assert (ben.person, ben.reviewed, ben.share) == ("ben", 1, None)


@pytest.mark.parametrize("n", [1, 5, 40])
def test_the_interval_lies_in_0_to_1_and_holds_the_share(n: int) -> None:
    for hits in range(n + 1):
        low, high = wilson(hits, n)
        assert 0 <= low <= hits / n + 1e-12
        assert hits / n - 1e-12 <= high <= 1


def test_leads_alone_see_what_became_of_the_labels_of_each_person(tmp_path: Path) -> None:
    config = labeled_config(tmp_path)
    with Store(labeled_store(tmp_path, {"a": np.zeros((24, 32), np.uint8)})) as store:
        (annotation,) = store.label_ids([1]).values()
        kept = replace(review(1, {place(): OPEN}, OPEN), annotation=annotation)
        store.open_review(kept)
        (opened,) = store.reviews()
        outcomes = [CORRECTED]
        store.close_review(opened, CORRECTED, NOON, answer=annotation, outcomes=outcomes)
        assert store.reviews()[0].outcomes == (CORRECTED,)
    client = create_app(lambda: status(1), read_config=lambda: config).test_client()

    before = client.get("/suspects")
    signed_in(client, config)
    after = client.get("/suspects")

    assert "What second looks found" in before.text
    assert "1 label had one so far." in before.text
    assert "By author" not in before.text
    assert "By author" in after.text
    assert client.get("/suspects.json").get_json()["authors"][0]["reviewed"] == 1

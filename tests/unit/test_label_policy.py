"""Which of several labels of an image counts."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from daemon.domain import IGNORE, Annotation, LostLabels, Stage
from daemon.domain.reviews import Review, ReviewState
from daemon.store import Store
from tests.fakes.labels import NOON, annotation, image


def drawn(number: str, who: str, values: list[int], minutes: int = 0) -> Annotation:
    """A mask of one row above another that is alike, drawn so many minutes after noon."""
    mask = np.array([values, values], np.uint8)
    return replace(annotation(number, minutes=minutes), annotator=who, mask=mask)


def label(store: Store) -> list[int]:
    with Pillow.open(io.BytesIO(store.label_png(1))) as png:
        return [int(value) for value in np.asarray(png)[0]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """ada was first, ben came after her, and cleo last; they agree at the first pixel alone."""
    with Store(tmp_path / "store.db") as store:
        store.add_image(image("a"), None)
        store.start_cycle(0, Stage.EMBED, NOON, labels=0, train_labels=0)
        store.keep_annotation(1, drawn("1", "ada", [0, 1, 1], 0))
        store.keep_annotation(1, drawn("2", "ben", [0, 1, 2], 5))
        store.keep_annotation(1, drawn("3", "cleo", [0, 2, 0], 9))
        yield store


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("latest", [0, 2, 0]),
        ("first", [0, 1, 1]),
        ("ground_truth", [0, 1, 1]),
        ("majority", [0, 1, IGNORE]),
    ],
)
def test_the_policy_says_which_label_counts(store: Store, policy: str, expected: list[int]) -> None:
    store.set_label_policy(policy)

    assert label(store) == expected


@pytest.mark.parametrize("policy", ["latest", "first", "ground_truth", "majority"])
def test_ground_truth_comes_before_every_policy(store: Store, policy: str) -> None:
    marked = replace(drawn("2", "ben", [0, 1, 2], 5), ground_truth=True)
    store.keep_annotation(1, marked)

    store.set_label_policy(policy)

    assert label(store) == [0, 1, 2]


def test_a_person_has_one_vote_for_their_newest_label(store: Store) -> None:
    store.set_label_policy("majority")
    store.keep_annotation(1, drawn("4", "ada", [0, 2, 2], 12))

    assert label(store) == [0, 2, 2]


def test_a_label_of_one_person_is_its_own_majority(store: Store) -> None:
    store.set_label_policy("majority")
    store.delete_annotations(["2", "3"])

    assert label(store) == [0, 1, 1]


def test_a_reviewer_votes_in_the_place_of_the_author(store: Store) -> None:
    store.set_label_policy("majority")
    store.delete_annotations(["2"])
    reviewed = Review(
        id=1,
        image_id=1,
        cycle=0,
        task="t1",
        annotation="1",
        sha256="",
        answers=("1",),
        places=(),
        state=ReviewState.OPEN,
        opened_at=NOON,
    )
    store.open_review(reviewed)
    store.close_review(reviewed, ReviewState.CORRECTED, NOON + timedelta(hours=1), answer="3")

    assert label(store) == [0, 2, 0]  # cleo saw ada's label and corrected it


def test_a_model_is_marked_with_its_labels_that_are_other_ones_by_now(store: Store) -> None:
    store.set_label_policy("latest")
    store.keep_used_labels(0, store.label_ids([1]).values())
    assert store.lost_labels() == {}

    store.keep_annotation(1, drawn("4", "dora", [0, 2, 0], 12))
    assert store.lost_labels() == {}  # another annotation, but no other label
    store.keep_annotation(1, drawn("5", "emil", [2, 2, 2], 15))
    assert store.lost_labels() == {0: LostLabels(deleted=0, unconfirmed=0, changed=1)}

    store.delete_annotations(["4", "5"])
    store.keep_annotation(1, drawn("3", "cleo", [1, 1, 1], 20))  # edited
    assert store.lost_labels() == {0: LostLabels(deleted=0, unconfirmed=0, changed=1)}

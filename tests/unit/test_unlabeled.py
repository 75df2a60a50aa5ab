"""Labels that say nothing: no label anywhere, in an image that was asked for and is spent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from connectors.masks.regions import Control, decode, encode
from daemon.demo.region_correction import correct
from daemon.domain import IGNORE, Annotation, ClassSet, Image
from daemon.store import FILE, Store
from tests.fakes.labels import NOON

CLASSES = ClassSet(names=("soil", "crop"), unlabeled=IGNORE)
CONTROL = Control(from_name="mask", to_name="image")
BLANK = Annotation(
    id="1",
    task="t1",
    image_key="a",
    mask=np.full((2, 3), IGNORE, np.uint8),
    annotator="ada",
    updated_at=NOON,
    created_at=NOON,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / FILE) as store:
        image = Image(
            id=0,
            key="a",
            name="a",
            uri="file:///a",
            path=Path("a"),
            height_px=2,
            width_px=3,
            sha256="x",
        )
        store.add_image(image, None)
        yield store


def test_a_label_without_a_labeled_pixel_is_spent_and_tells_nothing(store: Store) -> None:
    store.keep_annotation(1, BLANK)

    assert store.labeled_ids() == {1}
    assert store.informative_ids() == set()


def test_one_labeled_pixel_tells(store: Store) -> None:
    mask = BLANK.mask.copy()
    mask[0, 0] = 0
    store.keep_annotation(1, replace(BLANK, mask=mask))

    assert store.informative_ids() == {1}


def test_the_answer_in_effect_decides_and_a_deleted_one_does_not(store: Store) -> None:
    telling = replace(BLANK, id="2", mask=np.zeros((2, 3), np.uint8))
    store.keep_annotation(1, telling)
    store.keep_annotation(1, replace(BLANK, updated_at=NOON + timedelta(hours=1)))
    assert store.informative_ids() == set()

    store.delete_annotations(["1"])

    assert store.informative_ids() == {1}


def test_a_simulated_annotator_mends_what_is_wrong_where_background_is_drawn() -> None:
    truth = np.array([[0, 0, 1], [0, 1, 1]], np.uint8)
    guess = np.array([[0, 0, 0], [0, 1, 1]], np.uint8)
    shown = encode(guess, CLASSES, CONTROL, {})

    submitted = correct(shown, truth, CLASSES, CONTROL)

    assert [region["origin"] for region in submitted] == ["prediction-changed"] * 2
    np.testing.assert_array_equal(decode(submitted, CLASSES, CONTROL, (2, 3), "test").mask, truth)

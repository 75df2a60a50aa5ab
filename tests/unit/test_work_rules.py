"""Oddities of how labels were made, and of the classes that an annotator uses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from daemon.audit.label_rules import MIN_LABELS, ClassUse, Oddity
from daemon.audit.work_rules import hasty_below_s, odd_work
from daemon.domain import Mask
from daemon.domain.label_findings import LabelWork
from daemon.store import Store
from tests.fakes.labeled_store import labeled_store
from tests.fakes.labels import annotation

SHAPE = (24, 32)
SURE = np.full(SHAPE, 0.95, np.float32)


def of_class(value: int) -> Mask:
    mask = np.zeros(SHAPE, np.uint8)
    mask[:20, :30] = value
    return mask


def test_what_is_hasty_is_what_hardly_any_label_takes_less_than() -> None:
    times_s = [float(number) for number in range(1, 101)]

    assert hasty_below_s(times_s) == pytest.approx(2.98)
    assert hasty_below_s([*times_s[:40], *([None] * 60)]) == 0.0  # too few times are known


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (LabelWork(lead_time_s=1.5, corrected=False), ["The prediction was submitted unchanged"]),
        (LabelWork(lead_time_s=1.5, corrected=True), []),
        (LabelWork(lead_time_s=1.5), []),  # no prediction was shown
        (LabelWork(lead_time_s=3.0, corrected=False), []),
        (LabelWork(corrected=False), []),
        (LabelWork(overlap_px=20), []),
        (LabelWork(overlap_px=21), ["21 pixels were drawn by two classes"]),
    ],
)
def test_work_is_odd_where_it_was_hasty_or_drawn_twice(work: LabelWork, words: list[str]) -> None:
    found = list(odd_work(work, 2.0))

    assert [one.sentence.startswith(word) for one, word in zip(found, words, strict=True)] == [
        True
    ] * len(words)


def never_used(others_class: int, labels: int = MIN_LABELS, sure: np.ndarray = SURE) -> list[int]:
    """The images at which it is odd that the first annotator never used class 2."""
    use = ClassUse(classes=("soil", "crop", "weed"))
    for number in range(labels):
        model = of_class(2) if number == 3 else of_class(1)
        use.add(number, "ann", of_class(1), model, sure)
    use.add(labels, "bob", of_class(others_class), of_class(1), SURE)
    use.add(labels + 1, "", of_class(2), of_class(2), SURE)
    found: list[tuple[int, Oddity]] = list(use.oddities())
    assert all(
        "has weed; the model is sure of it on 600 pixels" in one.sentence for _, one in found
    )
    return [number for number, _ in found]


def test_a_class_that_one_annotator_never_uses_is_odd_where_the_model_is_sure_of_it() -> None:
    assert never_used(others_class=2) == [3]
    assert never_used(others_class=1) == []  # nobody uses it
    assert never_used(others_class=2, labels=MIN_LABELS - 1) == []
    assert never_used(others_class=2, sure=np.full(SHAPE, 0.6, np.float32)) == []


def test_the_store_knows_which_answers_were_drawn_twice(tmp_path: Path) -> None:
    with Store(labeled_store(tmp_path, {"a": of_class(1), "b": of_class(1)})) as store:
        for number, pixels in ((1, 30), (2, 0)):
            store.keep_annotation(
                number, replace(annotation(f"x{number}"), mask=of_class(1), overlap_px=pixels)
            )

        assert store.pixels_drawn_twice() == {"x1": 30}
        store.delete_annotations({"x1"})
        assert store.pixels_drawn_twice() == {}

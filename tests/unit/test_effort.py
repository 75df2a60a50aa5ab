"""How much of a prediction was corrected: worked out, found again, and kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from connectors.label_studio.shown import Shown
from daemon.domain import IGNORE, Annotation, Effort, Stage
from daemon.stages.context import Context
from daemon.stages.effort import compared, effort_of
from daemon.stages.predict import predicted_mask
from daemon.store import FILE, Store
from daemon.wiring import open_connector
from tests.fakes.launcher import ForkLauncher
from tests.integration.workbench import configured, paint
from tests.unit.test_store import NOON, annotation, image, intent

NAMES = ("soil", "crop", "weed")


def mask(*rows: str) -> np.ndarray:
    """Digits are classes, "x" is no label."""
    return np.array([[IGNORE if c == "x" else int(c) for c in row] for row in rows], np.uint8)


def test_the_effort_counts_pixels_and_overlaps() -> None:
    shown, submitted = mask("0011", "0011"), mask("0111", "00x1")

    effort = compared(shown, submitted, NAMES)

    assert effort.changed_share == 2 / 8  # one became crop, one became "no label"
    assert effort.iou == {"soil": 3 / 4, "crop": 3 / 5}  # neither holds weed


def test_an_untouched_prediction_cost_nothing() -> None:
    assert compared(mask("012"), mask("012"), NAMES) == Effort(
        changed_share=0.0, iou={"soil": 1.0, "crop": 1.0, "weed": 1.0}
    )


@given(st.text(min_size=1, max_size=25), st.integers(0, 255))
def test_a_region_tells_its_prediction(version: str, regions: int) -> None:
    shown = Shown(version=version, regions=regions)

    assert Shown.of(["drawn-by-hand", shown.region_id()]) == shown


@given(st.lists(st.text()))
def test_foreign_regions_tell_nothing(ids: list[str]) -> None:
    assert Shown.of([*ids, "3f" * 16, "Zx81_q"]) is None


@pytest.fixture
def context(tmp_path: Path) -> Context:
    paint(tmp_path, images=1)
    config = configured(tmp_path, predictions={"min_region_px": 2, "fill_holes_px": 2})
    return Context(
        config=config,
        store=Store(config.state / FILE),
        connector=open_connector(config),
        launcher=ForkLauncher(),
        now=lambda: datetime.now(UTC),
    )


def answer(shown: str | None) -> Annotation:
    return replace(annotation("1"), mask=mask("111", "111"), shown=shown)


def test_the_mask_that_was_shown_is_found_by_its_version(context: Context) -> None:
    path = context.run(3, Stage.PREDICT).mask(7)
    path.parent.mkdir(parents=True)
    Pillow.fromarray(mask("102", "100")).save(path)  # people were shown it without the speck

    found = effort_of(context, 7, answer("3.2"))

    assert found == Effort(changed_share=4 / 6, iou={"soil": 0.0, "crop": 2 / 6})


def test_a_mask_stays_as_it_was_first_shown_whatever_the_rules_become(context: Context) -> None:
    run = context.run(3, Stage.PREDICT)
    run.mask(7).parent.mkdir(parents=True)
    Pillow.fromarray(mask("102", "100")).save(run.mask(7))
    before = predicted_mask(context, 3, 7)
    rules = context.config.predictions.model_copy(update={"min_region_px": 0})
    loose = context.config.model_copy(update={"predictions": rules})

    after = predicted_mask(replace(context, config=loose), 3, 7)

    assert before is not None
    assert before.tolist() == [[1, 0, 0], [1, 0, 0]]
    assert np.array_equal(before, after)


@pytest.mark.parametrize(
    "shown", [None, "", "sam", "3", "3.x", "4.1", "-3.1", "\u00b2.1", "9" * 40 + ".1"]
)
def test_a_prediction_that_is_not_ours_or_gone_is_not_measured(
    context: Context, shown: str | None
) -> None:
    assert effort_of(context, 7, answer(shown)) is None


def test_a_prediction_of_another_size_is_not_measured(context: Context) -> None:
    path = context.run(3, Stage.PREDICT).mask(7)
    path.parent.mkdir(parents=True)
    Pillow.fromarray(mask("1")).save(path)

    assert effort_of(context, 7, answer("3.1")) is None


def test_the_effort_of_a_cycle_is_that_of_its_labels(context: Context) -> None:
    store = context.store
    for key in ("a", "b"):
        store.add_image(image(key), None)
    store.start_cycle(0, Stage.PUSH, NOON, labels=0, train_labels=0)
    store.settle(intent("k", 1), {1: "t1"}, NOON)
    first = Effort(changed_share=0.5, iou={"soil": 0.5, "weed": 0.25})
    store.keep_annotation(1, replace(answer("3.1"), lead_time_s=9.5), first)
    store.keep_annotation(2, replace(answer("3.1"), id="2"), first)  # of no task of this cycle

    [row] = store.efforts(0)
    assert (row["image_id"], row["annotator"], row["shown"]) == (1, "anna", "3.1")
    assert (row["changed_share"], row["lead_time_s"], row["iou"]) == (0.5, 9.5, first.iou)

    later = replace(annotation("1", minutes=1), shown="3.1")  # corrected further
    store.keep_annotation(1, later, Effort(changed_share=0.75, iou={"crop": 1.0}))
    [row] = store.efforts(0)
    assert (row["changed_share"], row["iou"]) == (0.75, {"crop": 1.0})
    store.delete_annotations(["1"])
    assert store.efforts(0) == []

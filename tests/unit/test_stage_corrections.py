"""How much of a prediction was corrected: worked out, found again, and kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from connectors.label_studio.provenance import SourcePrediction
from daemon.domain import (
    IGNORE,
    Annotation,
    ClassPixels,
    Correction,
    PredictionVersion,
    Stage,
    Unmeasured,
)
from daemon.loop.components import open_connector
from daemon.runs.run_folder import ImageFile, PredictRequest
from daemon.stages import corrections
from daemon.stages.context import Context
from daemon.stages.corrections import (
    correction_of,
    correction_or_note,
    measure_correction,
    measure_missing,
)
from daemon.stages.predict import predicted_mask
from daemon.store import FILE, Store
from tests.fakes.labels import NOON, annotation, image, push
from tests.fakes.launcher import ForkLauncher
from tests.fakes.versions import NONCE, version
from tests.integration.workbench import configured, paint

NAMES = ("soil", "crop", "weed")


def mask(*rows: str) -> np.ndarray:
    """Digits are classes, "x" is no label."""
    return np.array([[IGNORE if c == "x" else int(c) for c in row] for row in rows], np.uint8)


def pixels(shown: int, submitted: int, kept: int) -> ClassPixels:
    return ClassPixels(shown_px=shown, submitted_px=submitted, kept_px=kept)


def test_the_effort_counts_pixels_and_overlaps() -> None:
    shown, submitted = mask("0011", "0011"), mask("0111", "00x1")

    found = measure_correction(shown, submitted, NAMES)

    assert found.changed_share == 2 / 8  # one became crop, one became "no label"
    assert found.classes == {"soil": pixels(4, 3, 3), "crop": pixels(4, 4, 3)}  # none holds weed
    assert {name: part.iou for name, part in found.classes.items()} == {
        "soil": 3 / 4,
        "crop": 3 / 5,
    }
    assert {name: part.changed_px for name, part in found.classes.items()} == {
        "soil": 1,
        "crop": 2,
    }


def test_an_untouched_prediction_cost_nothing() -> None:
    assert measure_correction(mask("012"), mask("012"), NAMES) == Correction(
        changed_share=0.0, classes=dict.fromkeys(NAMES, pixels(1, 1, 1))
    )


@given(st.integers(0, 999), st.integers(0, 99), st.integers(1, 255), st.booleans())
def test_a_region_tells_its_prediction(
    cycle: int, attempt: int, regions: int, earlier: bool
) -> None:
    name = version(cycle, attempt, "" if earlier else NONCE)
    shown = SourcePrediction(version=name, regions=regions)
    ids = [shown.region_id(place) for place in range(regions)]

    assert len(set(ids)) == regions
    for text in ids:
        assert SourcePrediction.from_region_ids(["drawn-by-hand", text]) == shown
        assert len(text) <= 24  # the page's panel of a region is 320 px wide


@given(st.text(min_size=1, max_size=25), st.integers(0, 255))
def test_a_region_of_an_earlier_release_tells_its_prediction(name: str, regions: int) -> None:
    text = f"{'3f' * 16}-{regions}-{name.encode().hex()}"

    assert SourcePrediction.from_region_ids(["drawn-by-hand", text]) == SourcePrediction(
        version=name, regions=regions
    )


@given(st.lists(st.text()))
def test_foreign_regions_tell_nothing(ids: list[str]) -> None:
    assert SourcePrediction.from_region_ids([*ids, "3f" * 16, "Zx81_q"]) is None


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    paint(tmp_path, images=1)
    config = configured(tmp_path, predictions={"min_region_px": 2, "fill_holes_px": 2})
    with Store(config.state / FILE) as store:
        yield Context(
            config=config,
            store=store,
            connector=open_connector(config),
            launcher=ForkLauncher(),
            now=lambda: datetime.now(UTC),
        )


def answer(shown: str | None) -> Annotation:
    return replace(annotation("1"), mask=mask("111", "111"), prediction_version=shown)


def test_the_mask_that_was_shown_is_found_by_its_version(context: Context) -> None:
    path = context.run(3, Stage.PREDICT).mask(7)
    path.parent.mkdir(parents=True)
    Pillow.fromarray(mask("102", "100")).save(path)  # people were shown it without the speck

    found = correction_of(context, 7, answer(version(3, 2)))

    assert found == correction_of(context, 7, answer("3.2"))  # as earlier releases named it
    assert found == Correction(
        changed_share=4 / 6, classes={"soil": pixels(4, 0, 0), "crop": pixels(2, 6, 2)}
    )


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
    "shown", ["", "sam", "3", "3.x", "-3.1", "3.1-XYZ", "3.1-", "03.1", "\u00b2.1", "9" * 40 + ".1"]
)
def test_a_prediction_of_another_maker_is_not_measured(context: Context, shown: str) -> None:
    assert correction_of(context, 7, answer(shown)) is Unmeasured.OTHER_MAKER


def test_an_answer_is_not_measured_where_nothing_was_shown_or_the_mask_is_gone(
    context: Context,
) -> None:
    assert correction_of(context, 7, answer(None)) is None
    assert correction_of(context, 7, answer(version(0, 1))) is Unmeasured.EMPTY_PAGE  # no model yet
    assert correction_of(context, 7, answer(version(4, 1))) is Unmeasured.MASK_GONE

    images = (ImageFile(id=8, image=Path("8.png")),)
    checkpoint = Path("checkpoint.pth")
    request = PredictRequest(classes=NAMES, checkpoint=checkpoint, masks=images)
    context.run(4, Stage.PREDICT).write_request(request)

    assert correction_of(context, 7, answer(version(4, 1))) is Unmeasured.EMPTY_PAGE  # asked ahead
    assert correction_of(context, 8, answer(version(4, 1))) is Unmeasured.MASK_GONE


def test_a_page_that_began_empty_is_not_measured_against_a_mask_that_nobody_saw(
    context: Context,
) -> None:
    run = context.run(3, Stage.PREDICT)
    run.mask(7).parent.mkdir(parents=True)
    Pillow.fromarray(mask("111", "000")).save(run.mask(7))  # shapes are drawn: it becomes none
    Pillow.fromarray(mask("000", "000")).save(run.mask(8))  # all of it background
    empty = replace(answer(version(3, 1)), shown_empty=True)

    assert correction_of(context, 7, empty) is Unmeasured.EMPTY_PAGE
    assert correction_of(context, 8, empty) == Correction(
        changed_share=1.0, classes={"soil": pixels(6, 0, 0), "crop": pixels(0, 6, 0)}
    )


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (("soil", "crop"), {"soil": pixels(2, 0, 0), "crop": pixels(4, 6, 4)}),
        (("crop", "weed", "soil"), {"crop": pixels(2, 6, 2), "weed": pixels(4, 0, 0)}),
        (("soil", "thistle"), None),
    ],
)
def test_a_prediction_is_read_with_the_classes_of_its_model(
    context: Context, classes: tuple[str, ...], expected: dict[str, ClassPixels] | None
) -> None:
    run = context.run(3, Stage.PREDICT)
    images = (ImageFile(id=7, image=Path("7.png")),)
    checkpoint = Path("checkpoint.pth")
    run.write_request(PredictRequest(classes=classes, checkpoint=checkpoint, masks=images))
    run.mask(7).parent.mkdir()
    Pillow.fromarray(mask("011", "011")).save(run.mask(7))

    found = correction_of(context, 7, answer(version(3, 1)))

    if expected is None:
        assert found is Unmeasured.OTHER_CLASSES
    else:
        assert isinstance(found, Correction)
        assert found.classes == expected


def test_a_torn_mask_ends_no_tick(context: Context) -> None:
    path = context.run(3, Stage.PREDICT).mask(7)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x89PNG torn")

    noted, found = correction_or_note(context, 7, answer(version(3, 1)))

    assert found is Unmeasured.MASK_UNREADABLE
    assert noted.notes[-1].startswith("how much of the prediction was changed is unknown")


def test_an_answer_without_any_label_is_not_measured(context: Context) -> None:
    blank = replace(answer(version(3, 1)), mask=mask("xxx", "xxx"))

    assert correction_of(context, 7, blank) is Unmeasured.NO_PIXEL


def test_a_prediction_of_another_size_is_not_measured(context: Context) -> None:
    path = context.run(3, Stage.PREDICT).mask(7)
    path.parent.mkdir(parents=True)
    Pillow.fromarray(mask("1")).save(path)

    assert correction_of(context, 7, answer(version(3, 1))) is Unmeasured.OTHER_SIZE


def test_answers_that_an_earlier_release_could_not_measure_are_measured_by_the_next_ticks(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corrections, "MEASURED_PER_TICK", 2)
    store = context.store
    for key in ("a", "b", "c"):
        store.add_image(image(key), None)
    path = context.run(3, Stage.PREDICT).mask(1)
    path.parent.mkdir(parents=True)
    Pillow.fromarray(mask("000", "111")).save(path)
    for image_id, shown in ((1, version(3, 1)), (2, "sam"), (3, version(5, 1))):
        store.keep_annotation(image_id, replace(answer(shown), id=str(image_id)))  # no effort

    measure_missing(context)
    first = [row.id for row in store.unmeasured_answers(9)]
    measure_missing(context)
    measure_missing(context)

    assert first == ["3"]  # two a tick
    assert store.unmeasured_answers(9) == []
    [label] = store.corrected_labels()
    assert label.changed_share == 0.5
    assert label.classes == {"soil": pixels(3, 0, 0), "crop": pixels(3, 6, 3)}
    assert store.unmeasured_labels() == {Unmeasured.OTHER_MAKER: 1, Unmeasured.MASK_GONE: 1}


def test_the_effort_of_a_cycle_is_that_of_its_labels(context: Context) -> None:
    store = context.store
    for key in ("a", "b"):
        store.add_image(image(key), None)
    store.start_cycle(0, Stage.PUSH, NOON, labels=0, train_labels=0)
    store.record_push(push("k", 1), {1: "t1"}, NOON)
    first = Correction(
        changed_share=0.5, classes={"soil": pixels(4, 2, 2), "weed": pixels(1, 3, 1)}
    )
    shown = version(3, 1)
    store.keep_annotation(1, replace(answer(shown), lead_time_s=9.5), first)
    store.keep_annotation(2, replace(answer(shown), id="2"), first)  # of no task of this cycle

    [label] = store.corrected_labels_of(0)
    assert [each.image_id for each in store.corrected_labels()] == [1, 2]
    assert (label.image_id, label.annotator) == (1, "anna")
    assert label.version == PredictionVersion.parse(shown)
    assert (label.changed_share, label.lead_time_s) == (0.5, 9.5)
    assert label.classes == first.classes

    later = replace(annotation("1", minutes=1), prediction_version=shown)  # corrected further
    crop = {"crop": pixels(6, 6, 6)}
    store.keep_annotation(1, later, Correction(changed_share=0.75, classes=crop))
    [label] = store.corrected_labels_of(0)
    assert (label.changed_share, label.classes) == (0.75, crop)
    store.delete_annotations(["1"])
    assert store.corrected_labels_of(0) == []

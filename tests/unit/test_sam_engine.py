"""The engine `sam` over small ONNX files: what every engine owes to clicks, and what SAM adds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings

from daemon.clicks.click import Click, ClickQuestion
from daemon.clicks.click_answer import component_at, mask_of
from daemon.clicks.click_metrics import object_iou
from daemon.clicks.click_replay import ClickSource, ReplayedClicks
from daemon.sam.recent_values import RecentValues
from daemon.sam.sam_engine import SamEngine
from daemon.sam.sam_graphs import SamGraphs, SamMasks, decoder_inputs, open_sam, resized_size
from daemon.sam.sam_masks import area_px, at_image_scale, chosen_mask
from tests.fakes.clicked_fields import click_through, disc, picture_of
from tests.fakes.sam_models import FED, sam_files
from tests.unit.test_click_engines import clicks_of_people, far_apart

SIZE = (90, 110)
PLANT, OTHER = disc(SIZE, 45, 40, 17), disc(SIZE, 30, 85, 12)
IMAGE = picture_of(PLANT | OTHER)
FIRST, SECOND = Click(x=40, y=45), Click(x=48, y=48)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> SamGraphs:
    return open_sam(sam_files(tmp_path_factory.mktemp("one"), masks=1), threads=1)


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> SamGraphs:
    return open_sam(sam_files(tmp_path_factory.mktemp("four"), masks=4), threads=1)


@pytest.fixture(scope="module")
def engine(graphs: SamGraphs) -> SamEngine:
    return SamEngine(graphs)


def test_a_click_finds_a_plant(engine: SamEngine) -> None:
    (mask,) = click_through(engine, IMAGE, (FIRST,))

    assert object_iou(mask, PLANT) > 0.85
    assert not (mask & OTHER).any()


@settings(max_examples=25, deadline=None)
@given(clicks=clicks_of_people)
def test_each_click_lies_on_its_side(engine: SamEngine, clicks: tuple[Click, ...]) -> None:
    assume(far_apart(clicks))

    for count, mask in enumerate(click_through(engine, IMAGE, clicks), start=1):
        for click in clicks[:count]:
            assert mask[click.y, click.x] == click.positive


@settings(max_examples=20, deadline=None)
@given(clicks=clicks_of_people)
def test_a_later_click_changes_only_the_part_that_holds_it(
    engine: SamEngine, clicks: tuple[Click, ...]
) -> None:
    masks = click_through(engine, IMAGE, clicks)

    for count in range(2, len(clicks)):
        changed, last = masks[count] != masks[count - 1], clicks[count]
        assert np.array_equal(changed, component_at(changed, last.y, last.x))


@settings(max_examples=10, deadline=None)
@given(clicks=clicks_of_people)
def test_answers_are_the_same_whatever_is_kept(
    graphs: SamGraphs, engine: SamEngine, clicks: tuple[Click, ...]
) -> None:
    question = ClickQuestion(image=IMAGE, clicks=clicks)
    forgetful = SamEngine(graphs, most_embeddings=1, most_masks=1)

    one, other = (
        ReplayedClicks().answer(each, ClickSource(image="field"), question).probability
        for each in (engine, forgetful)
    )

    assert one.values.tobytes() == other.values.tobytes()
    assert replace(one, values=other.values) == other


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 2), (2, 5000)])
def test_any_image_has_an_answer(engine: SamEngine, size: tuple[int, int]) -> None:
    image = picture_of(np.zeros(size, np.bool_))

    (mask,) = click_through(engine, image, (Click(x=size[1] - 1, y=size[0] - 1),))

    assert mask[-1, -1]


def test_a_negative_click_takes_away_what_is_around_it(engine: SamEngine) -> None:
    away = Click(x=34, y=38, positive=False)

    first, second = click_through(engine, IMAGE, (FIRST, away))

    assert first[38, 34]
    assert not second[37:40, 33:36].any()
    assert second[45, 40]


def test_the_decoder_is_given_the_mask_before(engine: SamEngine, graphs: SamGraphs) -> None:
    clicks, embedding = (FIRST, SECOND), graphs.embed(IMAGE)
    before = graphs.decode(embedding, clicks[:1], SIZE, None).logits[0]
    alone = graphs.decode(embedding, clicks, SIZE, None).logits[0]

    engine.segment(ClickQuestion(image=IMAGE, clicks=clicks))

    (kept,) = [
        engine.masks.get(key)
        for key in [*engine.masks._kept]
        if key[2] == clicks and key[1] is None
    ]
    np.testing.assert_allclose(kept, alone + FED * before, rtol=1e-6)


def test_a_first_click_takes_no_mask_that_is_much_larger_than_usual(four: SamGraphs) -> None:
    def answer(usual_area_px: float | None) -> np.ndarray:
        question = ClickQuestion(image=IMAGE, clicks=(FIRST,), usual_area_px=usual_area_px)
        return mask_of(SamEngine(four).segment(question), SIZE)

    assert answer(None).all()  # its predicted IoU is the best
    assert object_iou(answer(float(PLANT.sum())), PLANT) > 0.85


def test_a_second_click_takes_the_single_mask(four: SamGraphs) -> None:
    _, second = click_through(SamEngine(four), IMAGE, (FIRST, SECOND))

    assert object_iou(second, PLANT) > 0.85


@pytest.mark.parametrize(
    ("areas", "ious", "clicks", "usual", "row"),
    [
        ((9, 16, 64, 200), (0.1, 0.5, 0.9, 0.8), 1, None, 2),
        ((9, 16, 64, 200), (0.1, 0.5, 0.9, 0.8), 1, 16.0, 1),  # 64 is not below 4 x 16
        ((9, 16, 64, 200), (0.1, 0.5, 0.9, 0.8), 1, 1.0, 2),  # none is small enough
        ((9, 16, 64, 200), (0.1, 0.5, 0.9, 0.8), 2, 16.0, 0),  # the single mask
        ((9, 16, 64), (0.1, 0.5, 0.5), 2, None, 1),  # no single one: the first of the best
        ((9,), (0.1,), 1, 1.0, 0),
    ],
)
def test_which_mask_answers(
    areas: tuple[int, ...], ious: tuple[float, ...], clicks: int, usual: float | None, row: int
) -> None:
    logits = np.full((len(areas), 256, 256), -1, np.float32)
    for number, area in enumerate(areas):
        logits[number].flat[:area] = 1
    found = SamMasks(logits=logits, iou=np.array(ious, np.float32))

    chosen = chosen_mask(found, clicks=clicks, size=(256, 256), usual_area_px=usual)

    assert np.array_equal(chosen, logits[row])


def test_points_are_scaled_and_one_says_that_there_is_no_box() -> None:
    clicks = (Click(x=100, y=50), Click(x=0, y=199, positive=False))

    given = decoder_inputs(clicks, (200, 400), None)

    np.testing.assert_allclose(given["point_coords"], [[[256, 128], [0, 509.44], [0, 0]]])
    assert given["point_labels"].tolist() == [[1, 0, -1]]
    assert given["has_mask_input"].tolist() == [0]
    assert given["orig_im_size"].tolist() == [512, 1024]
    assert decoder_inputs(clicks, (200, 400), np.ones((256, 256), np.float32))[
        "has_mask_input"
    ].tolist() == [1]


def test_a_mask_lands_where_it_is_in_a_portrait() -> None:
    size = (400, 100)  # it fills 256 x 64 of the decoder's mask, so a cell is 400 / 256 pixels
    logits = np.full((256, 256), -4, np.float32)
    logits[64:128, 16:32] = 4

    mask = mask_of(at_image_scale(logits, size, (Click(x=30, y=110),)), size)

    rows, columns = mask.any(axis=1).nonzero()[0], mask.any(axis=0).nonzero()[0]
    assert (rows[0], rows[-1] + 1) == (100, 200)
    assert (columns[0], columns[-1] + 1) == (25, 50)
    assert area_px(logits, size) == 100 * 25
    assert resized_size(size) == (1024, 256)


def test_embeddings_are_half_as_precise_and_few(graphs: SamGraphs) -> None:
    engine = SamEngine(graphs, most_embeddings=2, most_masks=2)
    images = [picture_of(PLANT, seed) for seed in range(3)]

    for image in images:
        engine.segment(ClickQuestion(image=image, clicks=(FIRST,)))

    assert (len(engine.embeddings), len(engine.masks)) == (2, 2)
    assert graphs.embed(IMAGE).dtype == np.float16


def test_the_value_that_was_not_used_for_longest_goes() -> None:
    kept: RecentValues[int] = RecentValues(2)
    kept.keep("a", 1)
    kept.keep("b", 2)
    kept.get("a")
    kept.keep("c", 3)

    assert [kept.get(key) for key in "abc"] == [1, None, 3]

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from daemon.demo.field import CLASSES, SIZE_PX, draw_field, draw_sequence, draw_stretch, write_field
from daemon.demo.plants import (
    BROADLEAF,
    CROP,
    GRASS,
    SOIL,
    Canvas,
    plant_broadleaf,
    plant_crop,
    plant_grass,
)
from daemon.demo.soil import draw_weather


@pytest.fixture(scope="module")
def field():
    """48 frames to learn from and 24 of other videos, as the demo draws them."""
    rng = np.random.default_rng(7)
    return list(draw_field(rng, 48)), list(draw_field(rng, 24, first_video=100))


def test_frames_are_photographs_with_one_class_per_pixel(field):
    for frame in field[0]:
        assert frame.image.shape == (SIZE_PX, SIZE_PX, 3)
        assert frame.image.dtype == np.uint8
        assert frame.mask.shape == (SIZE_PX, SIZE_PX)
        assert set(np.unique(frame.mask)) <= set(range(len(CLASSES)))


def test_the_same_generator_draws_the_same_field():
    first, again, other = (
        list(draw_sequence(np.random.default_rng(seed), 3, 2)) for seed in (5, 5, 6)
    )
    for one, two in zip(first, again, strict=True):
        assert one.name == two.name
        np.testing.assert_array_equal(one.image, two.image)
        np.testing.assert_array_equal(one.mask, two.mask)
    assert not np.array_equal(first[0].image, other[0].image)


@pytest.mark.parametrize("plant", [plant_crop, plant_broadleaf, plant_grass])
def test_a_mask_marks_exactly_the_pixels_that_a_plant_covers(plant):
    shadowless = replace(draw_weather(np.random.default_rng(1)), sun=-0.5)
    painted = []
    for ground in (0.0, 1.0):
        colours = np.full((160, 160, 3), ground, dtype=np.float32)
        canvas = Canvas(colours=colours, labels=np.zeros((160, 160), np.uint8))
        plant(np.random.default_rng(2), canvas, shadowless, 80, 80)
        painted.append(canvas)
    seen_through = (painted[1].colours - painted[0].colours)[..., 0]  # the ground's share
    covered = painted[0].labels != SOIL
    assert covered.sum() > 200
    assert seen_through[covered].max() <= 0.5
    assert seen_through[~covered].min() >= 0.25  # two leaves' edges may meet in a pixel


def test_weeds_are_sparse_and_crops_are_not(field):
    share = np.bincount(
        np.concatenate([frame.mask.ravel() for frame in field[0] + field[1]]), minlength=4
    ) / (72 * SIZE_PX**2)
    assert share[SOIL] > 0.6
    assert share[CROP] > 0.08
    assert 0.004 < share[BROADLEAF] < 0.04
    assert 0.004 < share[GRASS] < 0.04


def test_neighbours_in_a_sequence_overlap_and_some_are_nearly_the_same(field):
    pairs = [
        (one, two)
        for one, two in zip(field[0], field[0][1:], strict=False)
        if one.name.split("_")[0] == two.name.split("_")[0]
    ]
    near = [_same_share(one.mask, two.mask) for one, two in pairs]
    strangers = _same_share(field[0][0].mask, field[1][0].mask)
    assert 0.1 < np.mean(np.array(near) > 0.95) < 0.6
    assert strangers < 0.95


def test_crops_and_weeds_share_their_hues(field):
    def hues(label):
        picked = []
        for frame in field[0]:
            hsv = np.asarray(Image.fromarray(frame.image).convert("HSV"))[..., 0]
            picked.append(hsv[frame.mask == label])
        return np.histogram(np.concatenate(picked), bins=32, range=(0, 256))[0]

    crop, broadleaf, grass = (hues(label) / hues(label).sum() for label in (CROP, BROADLEAF, GRASS))
    assert np.minimum(crop, broadleaf).sum() > 0.7
    assert np.minimum(crop, grass).sum() > 0.6


@pytest.mark.parametrize("balance", [None, pytest.param("balanced", marks=pytest.mark.long)])
def test_a_logistic_regression_on_colour_stays_weak(field, balance):
    rng = np.random.default_rng(0)
    colours, labels = [], []
    for frame in field[0]:
        pixels = rng.choice(SIZE_PX**2, 2000, replace=False)
        colours.append(frame.image.reshape(-1, 3)[pixels] / 255)
        labels.append(frame.mask.ravel()[pixels])
    model = LogisticRegression(class_weight=balance, max_iter=300)
    model.fit(np.concatenate(colours), np.concatenate(labels))

    confusion = np.zeros((4, 4))
    for frame in field[1]:
        said = model.predict(frame.image.reshape(-1, 3) / 255)
        np.add.at(confusion, (frame.mask.ravel(), said), 1)
    hit = np.diag(confusion)
    iou = hit / (confusion.sum(0) + confusion.sum(1) - hit)
    assert iou.mean() < 0.45


def test_a_written_field_has_the_form_of_a_users_own_folder(tmp_path):
    write_field(tmp_path, np.random.default_rng(3), pool=3, test=2)
    splits = json.loads((tmp_path / "splits.json").read_text())
    assert json.loads((tmp_path / "classes.json").read_text()) == list(CLASSES)
    assert (len(splits["pool"]), len(splits["test"])) == (3, 2)
    for name in splits["pool"] + splits["test"]:
        with Image.open(tmp_path / "images" / f"{name}.jpg") as image:
            assert image.size == (SIZE_PX, SIZE_PX)
        with Image.open(tmp_path / "masks" / f"{name}.png") as mask:
            assert mask.mode == "L"
            assert np.asarray(mask).max() < len(CLASSES)
    videos = [{name.split("_")[0] for name in splits[part]} for part in ("pool", "test")]
    assert not videos[0] & videos[1]


def test_a_stretch_holds_both_kinds_of_weed_somewhere():
    rng = np.random.default_rng(4)
    found = set()
    for _ in range(4):
        found |= set(np.unique(draw_stretch(rng, draw_weather(rng), (640, 352)).labels))
    assert found == {SOIL, CROP, BROADLEAF, GRASS}


def _same_share(one, two):
    return float((one == two).mean())

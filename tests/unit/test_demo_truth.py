from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from connectors.masks.regions import Control, decode, encode
from daemon.demo.region_correction import correct
from daemon.demo.truth import Truth, pair_masks, read_mask
from daemon.domain import ClassSet
from daemon.domain.errors import DemoFailed

CLASSES = ClassSet(names=("soil", "crop", "weed"), ignore_label="unsure")
CONTROL = Control(from_name="mask", to_name="image")


def _mask(**boxes):
    mask = np.zeros((20, 30), np.uint8)
    for value, box in boxes.items():
        mask[box] = {"crop": 1, "weed": 2, "unsure": 255}[value]
    return mask


CROP, WEED = np.s_[2:10, 2:10], np.s_[12:18, 12:28]


def _origins(regions):
    return {region["value"]["bitmasklabels"][0]: region["origin"] for region in regions}


@pytest.mark.parametrize(
    ("guess", "origins"),
    [
        (_mask(), {"crop": "manual", "weed": "manual"}),
        (_mask(crop=CROP), {"crop": "prediction", "weed": "manual"}),
        (_mask(crop=WEED), {"crop": "prediction-changed", "weed": "manual"}),
        (_mask(crop=CROP, weed=WEED), {"crop": "prediction", "weed": "prediction"}),
    ],
)
def test_a_correction_is_the_truth_and_says_what_was_changed(guess, origins):
    truth = _mask(crop=CROP, weed=WEED)
    shown = encode(guess, CLASSES, CONTROL, {})
    regions = correct(shown, truth, CLASSES, CONTROL)
    np.testing.assert_array_equal(
        decode(regions, CLASSES, CONTROL, truth.shape, "test").mask, truth
    )
    assert _origins(regions) == origins


def test_a_region_of_a_class_that_is_not_there_is_deleted():
    shown = encode(_mask(crop=CROP, weed=WEED), CLASSES, CONTROL, {})
    assert _origins(correct(shown, _mask(crop=CROP), CLASSES, CONTROL)) == {"crop": "prediction"}
    assert correct(shown, _mask(), CLASSES, CONTROL) == []


def test_pixels_to_ignore_are_drawn_as_such():
    truth = _mask(crop=CROP, unsure=WEED)
    regions = correct([], truth, CLASSES, CONTROL)
    assert set(_origins(regions)) == {"crop", "unsure"}
    np.testing.assert_array_equal(
        decode(regions, CLASSES, CONTROL, truth.shape, "test").mask, truth
    )


def test_a_picture_is_known_by_its_bytes(tmp_path):
    Image.fromarray(_mask(crop=CROP)).save(tmp_path / "a.png")
    (tmp_path / "a.jpg").write_bytes(b"picture a")
    truth = Truth(pair_masks([tmp_path / "a.jpg"], tmp_path))
    np.testing.assert_array_equal(truth.mask(b"picture a"), _mask(crop=CROP))
    with pytest.raises(DemoFailed, match="not in the data set"):
        truth.mask(b"picture b")


def test_an_image_without_a_mask_is_named(tmp_path):
    with pytest.raises(DemoFailed, match=r"1 of 1 images have no mask.*lonely.png"):
        pair_masks([tmp_path / "lonely.jpg"], tmp_path)


@pytest.mark.parametrize("mode", ["RGB", "I;16", "1"])
def test_a_mask_of_another_kind_is_refused(tmp_path, mode):
    path = tmp_path / "m.png"
    Image.new(mode, (4, 4)).save(path)
    with pytest.raises(DemoFailed, match="expected 8 bits"):
        read_mask(path)

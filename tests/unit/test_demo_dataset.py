from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from daemon.demo.dataset import IGNORE_LABEL, copy_pool, own_dataset, write_test_list
from daemon.domain.errors import DemoFailed

NAMES = [f"v1_{number:03d}" for number in range(14)]


@pytest.fixture
def folder(tmp_path):
    """Fourteen small images with masks of the values 0, 1, 2."""
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for number, name in enumerate(NAMES):
        Image.new("RGB", (30, 20), (number, 0, 0)).save(tmp_path / "images" / f"{name}.jpg")
        mask = np.zeros((20, 30), np.uint8)
        mask[5:9], mask[12:14] = 1, 2
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    (tmp_path / "splits.json").write_text(json.dumps({"pool": NAMES[:12], "test": NAMES[12:]}))
    return tmp_path


def _read(folder, *classes, splits=True):
    path = folder / "splits.json" if splits else None
    return own_dataset(folder / "images", folder / "masks", path, classes)


def _put_mask(folder, pixels):
    Image.fromarray(pixels).save(folder / "masks" / f"{NAMES[3]}.png")


def test_only_images_of_the_pool_are_served(folder, tmp_path):
    dataset = _read(folder)
    copy_pool(dataset, tmp_path / "files" / "images")
    assert {path.stem for path in (tmp_path / "files" / "images").iterdir()} == set(NAMES[:12])
    write_test_list(dataset, tmp_path / "test.json")
    assert json.loads((tmp_path / "test.json").read_text()) == {"test": NAMES[12:]}


def test_without_splits_every_image_is_in_the_pool(folder):
    dataset = _read(folder, splits=False)
    assert len(dataset.pool) == 14
    assert dataset.test == ()


def test_class_names_come_from_the_option_then_the_file_then_the_values(folder):
    assert _read(folder).classes.names == ("soil", "crop", "weed")
    (folder / "classes.txt").write_text("ground\nbeet\ngrass\n")
    assert _read(folder).classes.names == ("ground", "beet", "grass")
    (folder / "classes.json").write_text('["earth", "maize", "rest"]')
    assert _read(folder).classes.names == ("earth", "maize", "rest")
    assert _read(folder, "a", "b", "c").classes.names == ("a", "b", "c")


def test_more_values_than_the_usual_classes_are_numbered(folder):
    _put_mask(folder, np.full((20, 30), 4, np.uint8))
    assert _read(folder).classes.names == ("class_0", "class_1", "class_2", "class_3", "class_4")


def test_a_label_for_pixels_to_ignore_exists_where_masks_have_them(folder):
    assert _read(folder).classes.ignore_label == ""
    _put_mask(folder, np.full((20, 30), 255, np.uint8))
    assert _read(folder).classes.ignore_label == IGNORE_LABEL


def test_a_mask_value_without_a_class_is_refused(folder):
    with pytest.raises(DemoFailed, match=r"holds the value 2, but there are 2 classes \(a, b\)"):
        _read(folder, "a", "b")


def test_a_mask_of_another_size_is_refused(folder):
    _put_mask(folder, np.zeros((20, 31), np.uint8))
    with pytest.raises(DemoFailed, match=r"31x20 pixels, but its image has\s30x20"):
        _read(folder)


def test_an_image_without_a_mask_is_refused(folder):
    (folder / "masks" / f"{NAMES[5]}.png").unlink()
    with pytest.raises(DemoFailed, match=rf"1 of 14 images have no mask.*{NAMES[5]}.png"):
        _read(folder)


def test_a_missing_and_an_empty_folder_are_refused(folder, tmp_path):
    with pytest.raises(DemoFailed, match="no such folder"):
        own_dataset(tmp_path / "nowhere", folder / "masks", None, ())
    (tmp_path / "empty").mkdir()
    with pytest.raises(DemoFailed, match="no images in it"):
        own_dataset(tmp_path / "empty", folder / "masks", None, ())


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ("{", "cannot be read"),
        ('{"test": []}', "cannot be read"),
        ('{"pool": ["ghost"]}', "1 names have no image, first 'ghost'"),
        ('{"pool": ["v1_000"], "test": ["v1_000"]}', "in pool and in test"),
        ('{"pool": ["v1_000"]}', "1 of 14 images are in the pool .* expected 12 or more"),
    ],
)
def test_splits_that_cannot_be_used_are_refused(folder, splits, words):
    (folder / "splits.json").write_text(splits)
    with pytest.raises(DemoFailed, match=words):
        _read(folder)

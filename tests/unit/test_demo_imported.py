"""`maskloop demo --data`: what `maskloop import` wrote, as the data set of a demo."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.demo.dataset import MAX_CLASSES, MIN_IMAGES
from daemon.demo.imported_data import imported_dataset
from daemon.demo.options import add_options, read_options
from daemon.domain.errors import DemoFailed
from tests.fakes.dataset_sources import Mask, datumaro, mask_png, picture, ring

POOL = tuple(f"p{number:02}" for number in range(MIN_IMAGES))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve labeled images, two of validation, one excluded and one that nobody labeled."""
    source = tmp_path / "source"
    lists = {"train": POOL, "Validation": ("v0", "v1"), "excluded": ("x",)}
    for subset, names in lists.items():
        datumaro(source, dict.fromkeys(names, ring()), subset=subset)
    datumaro(source, {"nobody": np.zeros((24, 30), np.uint8)}, subset="new")
    import_folder(source, tmp_path / "data", ImportOptions(), lambda done, total: None)
    return tmp_path / "data"


def plain(root: Path, masks: dict[str, Mask]) -> Path:
    """An imported folder without lists."""
    for number, (name, mask) in enumerate(masks.items()):
        picture(root / f"images/{name}.png", mask.shape, number)
        mask_png(root / f"masks/{name}.png", mask)
    return root


def test_the_pool_is_labeled_and_validation_images_measure(folder: Path) -> None:
    dataset = imported_dataset(folder)

    assert [path.stem for path in dataset.pool] == list(POOL)
    assert dataset.test == ("v0", "v1")
    assert dataset.classes.names == ("background", "crop", "weed")
    assert dataset.left_out == 1


def test_a_class_called_unsure_is_not_the_label_of_ignored_pixels(tmp_path: Path) -> None:
    mask = ring()
    mask[0] = 255
    root = plain(tmp_path / "data", dict.fromkeys(POOL, mask))
    (root / "classes.txt").write_text("background\nUnsure\nweed\n")

    classes = imported_dataset(root).classes

    assert classes.ignore_label == "unsure (255)"


def test_what_cannot_be_shown_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    (folder / "empty").mkdir()
    few = plain(tmp_path / "few", dict.fromkeys(POOL[:5], ring()))
    many = plain(tmp_path / "many", dict.fromkeys(POOL, np.full((5, 5), 200, np.uint8)))
    unlabeled = plain(tmp_path / "unlabeled", dict.fromkeys(POOL, ring()))
    for mask in (unlabeled / "masks").iterdir():
        mask.unlink()
    stale = json.loads((folder / "splits.json").read_text()) | {"pool": ["ghost"]}
    (folder / "splits.json").write_text(json.dumps(stale))
    cases = {
        folder / "empty": "has no folder images; expected what `maskloop import` wrote",
        few: f"5 of 5 images are in the pool .* expected {MIN_IMAGES} or more",
        many: f"201 classes, expected at most {MAX_CLASSES}; .*--classes map.toml",
        unlabeled: f"0 of {MIN_IMAGES} images are in the pool",
        folder: "1 names have no image, first 'ghost'; import",
    }

    for case, said in cases.items():
        with pytest.raises(DemoFailed, match=said):
            imported_dataset(case)


def test_data_names_everything_by_itself() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)

    assert read_options(parser.parse_args(["--data", "here"])).data == Path("here")
    with pytest.raises(DemoFailed, match="leave out --images"):
        read_options(parser.parse_args(["--data", "here", "--images", "there", "--masks", "x"]))

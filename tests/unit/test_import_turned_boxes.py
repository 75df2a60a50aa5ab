"""YOLO's turned boxes have four corners each, and nothing else tells them from masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.datasets.import_report import Report
from daemon.datasets.samples import Repair, Trust
from tests.fakes.dataset_sources import picture

SIZE = (20, 40)
UPRIGHT = "0 0.1 0.1 0.4 0.1 0.4 0.6 0.1 0.6"
TURNED = "1 0.5 0.25 0.75 0.5 0.5 0.75 0.25 0.5"  # a diamond
FIVE = "0 0.1 0.1 0.4 0.1 0.4 0.6 0.2 0.7 0.1 0.6"
NAMES = "names: [crop, weed]\n"


def imported(root: Path, *files: str, described: str = NAMES, **trust: bool) -> Report:
    """An import of images with these label files."""
    for number, text in enumerate(files):
        picture(root / f"in/images/train/{number}.png", SIZE, number)
        labels = root / f"in/labels/train/{number}.txt"
        labels.parent.mkdir(parents=True, exist_ok=True)
        labels.write_text(text)
    (root / "in/data.yaml").write_text(described)
    options = ImportOptions(trust=Trust(**trust))
    return import_folder(root / "in", root / "out", options, lambda done, total: None)


def mask_of(out: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(out / f"masks/{name}.png"))


def test_where_every_object_has_four_corners_and_some_are_turned_they_are_boxes(
    tmp_path: Path,
) -> None:
    report = imported(tmp_path, f"{TURNED}\n{UPRIGHT}\n", f"{UPRIGHT}\n{TURNED} 0.9\n")

    ((repair, words), found) = next(
        one for one in report.repairs.items() if one[0][0] is Repair.BOX_UNLABELED
    )
    assert (repair, found.number) == (Repair.BOX_UNLABELED, 3)  # the fourth is a machine's
    assert "exactly four corners" in words
    assert "if they are masks, import with --boxes-as-masks" in words
    assert set(np.unique(mask_of(tmp_path / "out", "0"))) == {0, 255}


def test_they_become_masks_where_boxes_are_trusted(tmp_path: Path) -> None:
    report = imported(tmp_path, f"{TURNED}\n{UPRIGHT}\n", boxes=True)

    assert report.repairs[Repair.BOX, ""].number == 2
    mask = mask_of(tmp_path / "out", "0")
    assert set(np.unique(mask)) == {0, 1, 2}
    assert mask[10, 30] == mask[10, 20] == 2  # right corner and middle of the diamond
    assert mask[6, 12] == 1  # beside it, in the upright box


@pytest.mark.parametrize(
    ("lines", "described"),
    [
        ([TURNED, FIVE], NAMES),  # boxes have no fifth corner
        ([UPRIGHT, UPRIGHT], NAMES),  # masks of beds and plates: nothing is turned
        ([TURNED, UPRIGHT], f"task: segment\n{NAMES}"),  # as `maskloop export` writes it
    ],
    ids=["five corners", "none is turned", "said"],
)
def test_polygons_are_masks_where_anything_speaks_for_it(
    lines: list[str], described: str, tmp_path: Path
) -> None:
    report = imported(tmp_path, "\n".join(lines), described=described)

    assert not [one for one in report.repairs if one[0] in (Repair.BOX, Repair.BOX_UNLABELED)]
    assert 255 not in mask_of(tmp_path / "out", "0")

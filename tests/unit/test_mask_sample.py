"""A look at masks before the first label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from connectors.masks.folder_sample import mask_faults, mask_notes
from daemon.domain import ClassSet

THREE = ClassSet(names=("soil", "crop", "weed"))
TWO = ClassSet(names=("soil", "crop"))


def masks(folder: Path, *values: tuple[int, ...]) -> Path:
    """One mask for each tuple, with a column for each of its values."""
    for number, row in enumerate(values):
        mask = np.tile(np.array(row, np.uint8), (4, 1))
        Image.fromarray(mask).save(folder / f"{number}.png")
    return folder


def test_255_in_place_of_the_only_class_is_a_fault(tmp_path: Path) -> None:
    (fault,) = mask_faults(masks(tmp_path, (0, 255), (0, 255)), TWO)

    assert fault.got == "255 in 2 of 2 masks and 'crop' in none"
    assert "write 1 for 'crop'" in fault.cure


def test_masks_without_any_labeled_pixel_are_a_fault(tmp_path: Path) -> None:
    (fault,) = mask_faults(masks(tmp_path, (255, 255), (255, 255)), TWO)

    assert "'soil' or 'crop' in none" in fault.got


def test_borders_of_255_beside_a_class_that_is_rare_are_a_note(tmp_path: Path) -> None:
    folder = masks(tmp_path, (0, 1, 255), (0, 1, 255), (0, 0, 0))

    assert mask_faults(folder, THREE) == []
    (note,) = mask_notes(folder, THREE)
    assert "'weed' in none" in note


@pytest.mark.parametrize("rows", [[(0, 1), (0, 2)], [(0, 1, 2, 255)], [(0, 1), (0, 0), (0, 0)]])
def test_good_masks_are_no_fault(tmp_path: Path, rows: list[tuple[int, ...]]) -> None:
    folder = masks(tmp_path, *rows)

    assert mask_faults(folder, THREE) == []
    assert mask_notes(folder, THREE) == []


def test_values_outside_the_classes_are_named(tmp_path: Path) -> None:
    (fault,) = mask_faults(masks(tmp_path, (0, 1, 7), (0, 3)), THREE)

    assert "3, 7" in fault.got
    assert "0 to 2" in fault.expected


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_mask_is_left_to_its_turn(tmp_path: Path, content: bytes) -> None:
    masks(tmp_path, (0, 1, 2))
    (tmp_path / "x.png").write_bytes(content)
    Image.new("RGB", (4, 4)).save(tmp_path / "colour.png")

    assert mask_faults(tmp_path, THREE) == []


def test_an_empty_folder_is_no_fault_of_masks(tmp_path: Path) -> None:
    assert mask_faults(tmp_path, THREE) == []

"""Pictures as people see them: EXIF turns them before anything is compared or cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from connectors.images.cache import save_to_cache
from daemon.domain.errors import ImageRefused, MaskRefused
from daemon.hrda.data.image_files import read_image, read_labeled
from daemon.runs.run_folder import ImageFile, LabeledFile

ORIENTATION = 0x0112


def turned(path: Path, orientation: int, mode: str = "RGB") -> Path:
    """A picture of 5x3 pixels, all of them different, that asks to be turned."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    pixels = np.arange(45, dtype=np.uint8).reshape(3, 5, 3) * 5
    Image.fromarray(pixels).convert(mode).save(path, exif=exif)
    return path


@pytest.mark.parametrize("orientation", range(10))  # 0 and 9 are none
def test_a_picture_is_read_as_the_cache_holds_it(tmp_path: Path, orientation: int) -> None:
    path = turned(tmp_path / "camera.png", orientation)
    kept = save_to_cache(path.read_bytes(), tmp_path / "cache")

    image = read_image(ImageFile(id=1, image=path))

    assert image.shape == (kept.height_px, kept.width_px, 3)
    assert np.array_equal(image, read_image(ImageFile(id=1, image=kept.path)))


def test_a_turned_gray_jpeg_is_upright_and_rgb(tmp_path: Path) -> None:
    path = turned(tmp_path / "camera.jpg", 6, "L")

    image = read_image(ImageFile(id=1, image=path))

    with Image.open(path) as picture:
        lying = np.asarray(picture)
    assert image.shape == (5, 3, 3)
    assert np.array_equal(image[..., 0], np.rot90(lying, -1))  # 6: a quarter clockwise


def test_a_mask_has_the_upright_size_of_its_image(tmp_path: Path) -> None:
    image = turned(tmp_path / "camera.jpg", 8)
    upright, lying = tmp_path / "upright.png", tmp_path / "lying.png"
    Image.fromarray(np.zeros((5, 3), np.uint8)).save(upright)
    Image.fromarray(np.zeros((3, 5), np.uint8)).save(lying)

    picture, mask = read_labeled(LabeledFile(id=1, image=image, mask=upright), 2)

    assert picture.shape[:2] == mask.shape == (5, 3)
    with pytest.raises(MaskRefused, match=r"\(3, 5\).*\(5, 3\)"):
        read_labeled(LabeledFile(id=1, image=image, mask=lying), 2)


def test_damaged_exif_stops_no_picture(tmp_path: Path) -> None:
    path = turned(tmp_path / "camera.jpg", 6)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"II*\0", b"XX*\0").replace(b"MM\0*", b"XX\0*"))

    assert read_image(ImageFile(id=31, image=path)).shape == (3, 5, 3)


def test_a_damaged_picture_is_the_fault_of_its_image(tmp_path: Path) -> None:
    path = turned(tmp_path / "camera.png", 6)
    path.write_bytes(path.read_bytes()[:60])

    with pytest.raises(ImageRefused, match=r"image 31: .*camera\.png"):
        read_image(ImageFile(id=31, image=path))

"""Mask files: one reader, and words that tell the cure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.domain import IGNORE
from daemon.pixels import masks
from daemon.pixels.masks import MaskUnreadable, MaskUnusable, counts_of, read_mask
from tests.fakes.picture_parts import png

INDEX = np.array([[0, 1, 2], [2, 1, IGNORE]], np.uint8)


def written(path: Path, picture: Image.Image) -> Path:
    picture.save(path, "PNG")
    return path


def test_gray_and_palette_masks_hold_the_same_indices(tmp_path: Path) -> None:
    gray = Image.fromarray(INDEX)
    palette = Image.fromarray(INDEX, mode="P")
    palette.putpalette([value for n in range(256) for value in (n, 255 - n, 7)])

    for name, picture in (("gray", gray), ("palette", palette)):
        mask = read_mask(written(tmp_path / name, picture), classes=3, size=(2, 3))
        assert np.array_equal(mask, INDEX)


@pytest.mark.parametrize(("bits", "row"), [(2, b"\x1b"), (4, b"\x01\x23")])
def test_few_bits_count_as_they_are_stored(tmp_path: Path, bits: int, row: bytes) -> None:
    (tmp_path / "m.png").write_bytes(png([row], 4, depth=bits, colour=0))

    assert read_mask(tmp_path / "m.png").tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize(
    ("mode", "cure"),
    [("1", "8 bits"), ("RGB", "class indices"), ("RGBA", "class indices"), ("I;16", "8 bits")],
)
def test_a_mask_of_another_mode_is_refused_with_the_cure(
    tmp_path: Path, mode: str, cure: str
) -> None:
    path = written(tmp_path / "m.png", Image.new(mode, (3, 2)))

    with pytest.raises(MaskUnusable, match=f"mode {mode}.*{cure}"):
        read_mask(path)


def test_values_and_sizes_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = written(tmp_path / "m.png", Image.fromarray(INDEX))

    with pytest.raises(MaskUnusable, match="pixel value 2; expected 0 to 1, or 255"):
        read_mask(path, classes=2)
    with pytest.raises(MaskUnusable, match=r"\(2, 3\); expected \(3, 2\)"):
        read_mask(path, size=(3, 2))


def test_a_missing_cut_or_lossy_file_is_unreadable(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 3, (64, 64), dtype=np.uint8)
    path = written(tmp_path / "m.png", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[:200])
    Image.fromarray(INDEX).save(tmp_path / "lossy.png", "JPEG")

    for file, words in ((path, "restore"), (tmp_path / "none.png", "restore")):
        with pytest.raises(MaskUnreadable, match=words):
            read_mask(file)
    with pytest.raises(MaskUnreadable, match=r"got JPEG; .*save the mask as 8-bit PNG"):
        read_mask(tmp_path / "lossy.png")


def test_pixels_are_counted_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.random.default_rng(0).choice(np.array([0, 2, 7, IGNORE], np.uint8), (90, 70))
    monkeypatch.setattr(masks, "_PIECE_PX", 1000)

    counts = counts_of(mask[::2, ::3])

    assert counts.tolist() == [int((mask[::2, ::3] == value).sum()) for value in range(256)]
    assert masks.values_of(mask) == [0, 2, 7, IGNORE]
    assert not counts_of(np.empty((0, 5), np.uint8)).any()

from __future__ import annotations

import hashlib
import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from connectors.images.cache import folder_images, inspect, read_below, read_file, save_to_cache
from daemon.domain.errors import DiskFull, ImageRefused
from daemon.pixels.folders import PictureFolder


def picture(format: str = "PNG", size: tuple[int, int] = (5, 3), **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (10, 200, 30)).save(stream, format, **options)
    return stream.getvalue()


def turned_by_camera() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn a quarter clockwise
    return picture("JPEG", exif=exif)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP"])
def test_a_picture_tells_its_size_and_hash(format: str) -> None:
    content = picture(format)

    looked = inspect(content)

    assert (looked.height_px, looked.width_px) == (3, 5)
    assert looked.sha256 == hashlib.sha256(content).hexdigest()


def test_a_picture_that_exif_turns_has_the_size_that_annotators_see() -> None:
    looked = inspect(turned_by_camera())

    assert (looked.height_px, looked.width_px, looked.is_rotated) == (5, 3, True)


def test_the_cache_holds_a_turned_picture_upright(tmp_path: Path) -> None:
    kept = save_to_cache(turned_by_camera(), tmp_path)

    with Image.open(kept.path) as stored:
        assert stored.size == (kept.width_px, kept.height_px) == (3, 5)
        assert 0x0112 not in stored.getexif()


def test_keeping_twice_writes_once_and_leaves_no_partial_file(tmp_path: Path) -> None:
    first = save_to_cache(picture(), tmp_path)
    stamp = first.path.stat().st_mtime_ns

    assert save_to_cache(picture(), tmp_path) == first
    assert first.path.stat().st_mtime_ns == stamp
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [first.path]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the cache should be")

    with pytest.raises(DiskFull, match="free some space"):
        save_to_cache(picture(), blocked)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "nothing"),
        (b"hello, I am text", "convert"),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), "JPEG 2000"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
        (picture("JPEG", (64, 64))[:-40], "truncated"),
        (picture("PNG", (64, 64))[:-40], "truncated"),
    ],
)
def test_bytes_that_are_no_whole_picture_are_refused(content: bytes, words: str) -> None:
    with pytest.raises(ImageRefused, match=words):
        inspect(content, where="image a.png")


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(ImageRefused, match="5x3 pixels; expected at most 14"):
        inspect(picture(), max_pixels=14)


def test_a_header_that_promises_gigapixels_is_refused() -> None:
    content = bytearray(picture())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")

    with pytest.raises(ImageRefused, match="scale the image down"):
        inspect(bytes(content))


def test_a_file_with_too_many_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(bytes(11))

    with pytest.raises(ImageRefused, match="more than 10 bytes"):
        read_file(path, max_bytes=10)


def test_images_are_found_in_subfolders_in_order_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for name in ("b.png", "a/c.JPG", ".git/d.png", "a/.e.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"text" if name == "notes.txt" else picture())

    assert [image.key for image in folder_images(PictureFolder(tmp_path))] == ["a/c.JPG", "b.png"]


def test_a_key_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "secret.png").write_bytes(picture())
    (tmp_path / "images" / "link.png").symlink_to(tmp_path / "secret.png")

    for key in ("../secret.png", "link.png", str(tmp_path / "secret.png")):
        with pytest.raises(ImageRefused, match="below"):
            read_below(tmp_path / "images", key)


def test_grey_and_see_through_pictures_are_read(tmp_path: Path) -> None:
    for mode in ("L", "RGBA", "P", "CMYK"):
        stream = io.BytesIO()
        array = np.zeros((3, 5), np.uint8)
        Image.fromarray(array).convert(mode).save(stream, "JPEG" if mode == "CMYK" else "PNG")
        assert inspect(stream.getvalue()).height_px == 3

"""Pictures of every mode and oddity, as people see them."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon import pixels
from daemon.domain.errors import ImageRefused
from daemon.pixels import Kind
from tests.fakes.odd_pictures import all_shown
from tests.fakes.picture_parts import (
    chunk,
    gray_profile,
    jpeg_with_exif,
    odd_exif,
    orientation,
    picture,
    png,
    png_with,
    saved,
    scene,
    see_through,
    swapped_profile,
    twelve_bits,
    two_pictures,
)

TURNED = np.rot90(scene(), -1)  # 6: a quarter clockwise


def test_every_picture_that_chromium_shows_is_read_or_refused_with_words() -> None:
    for name, content in all_shown().items():
        try:
            seen = pixels.read_picture(content, where=name)
        except ImageRefused as exc:
            refused = str(exc)
        else:
            assert seen.dtype == np.uint8, name
            assert seen.shape[2] == 3, name
            continue
        assert refused.startswith(f"{name}: got"), name  # a damaged AVIF profile, or two sizes


def test_exif_of_any_strangeness_stops_no_picture() -> None:
    for name, exif in odd_exif().items():
        for content in (jpeg_with_exif(exif), png_with(chunk(b"eXIf", exif))):
            assert pixels.read_picture(content, where=name).shape in ((24, 40, 3), (40, 24, 3))


def test_only_a_plain_orientation_turns() -> None:
    upright, turned = (24, 40, 3), (40, 24, 3)

    assert pixels.read_picture(jpeg_with_exif(orientation(6))).shape == turned
    assert pixels.read_picture(jpeg_with_exif(odd_exif()["long"])).shape == upright
    assert pixels.read_picture(jpeg_with_exif(odd_exif()["two values"])).shape == upright


def test_a_turn_is_read_where_browsers_read_it() -> None:
    exif = orientation(6)

    assert np.array_equal(pixels.read_picture(saved(picture(), "PNG", exif=exif)), TURNED)
    webp = saved(picture(), "WEBP", lossless=True, exif=exif)
    assert np.array_equal(pixels.read_picture(webp), scene())  # no browser turns WebP
    assert pixels.read_picture(saved(picture(), "AVIF", exif=exif)).shape == (40, 24, 3)


def test_a_multi_picture_file_shows_its_first_even_where_the_second_is_cut() -> None:
    content = two_pictures("MPO")
    first = pixels.read_picture(saved(picture(), "JPEG"))

    assert np.array_equal(pixels.read_picture(content), first)
    assert np.array_equal(pixels.read_picture(content[:-100]), first)


def test_16_bits_are_cut_to_their_high_byte() -> None:
    twelve = twelve_bits()

    seen = pixels.read_picture(png([twelve.tobytes()], 64, depth=16, colour=0))

    assert np.array_equal(seen[0, :, 0], twelve >> 8)  # dark, as a browser shows it
    colour = np.arange(0, 65_536, 1092).astype(">u2")[:60]
    seen = pixels.read_picture(png([colour.tobytes()], 20, depth=16, colour=2))
    assert np.array_equal(seen.ravel(), colour >> 8)


def test_what_is_transparent_lies_on_white() -> None:
    seen = pixels.read_picture(saved(see_through(), "PNG"))

    assert seen[:, 0].min() == 255  # alpha 0
    assert np.array_equal(seen[:, -1], scene()[:, -1])  # alpha 255


def test_a_turned_cmyk_photograph_is_upright_and_rgb() -> None:
    content = saved(picture("CMYK"), "JPEG", quality=95, exif=b"Exif\0\0" + orientation(6))

    seen = pixels.read_picture(content)

    assert np.abs(seen.astype(int) - TURNED).max() < 25  # JPEG is lossy


def test_a_colour_profile_counts_and_a_damaged_one_does_not() -> None:
    swapped = pixels.read_picture(saved(picture(), "PNG", icc_profile=swapped_profile()))

    assert np.abs(swapped.astype(int) - scene()[..., [1, 0, 2]]).max() < 20  # red means green
    for icc in (swapped_profile()[:-40], b"junk" * 50, gray_profile()):
        assert np.array_equal(
            pixels.read_picture(saved(picture(), "PNG", icc_profile=icc)), scene()
        )


def test_the_kind_is_told_by_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "really_a.png"
    path.write_bytes(saved(picture(), "BMP"))

    assert np.array_equal(pixels.read_picture(path), scene())
    assert pixels.read_header(path.read_bytes()).kind is Kind.BMP


def test_a_tiff_is_read_and_known_as_not_shown() -> None:
    content = saved(picture(), "TIFF")

    assert np.array_equal(pixels.read_picture(content), scene())
    with pytest.raises(ImageRefused, match=r"browsers do not show; .* convert"):
        pixels.require_shown_in_browser(content, "image a.tif")


def tiff_of_four_bands() -> bytes:
    """Near-infrared beside red, green and blue, as GDAL writes it: the fourth means nothing."""
    bands = np.dstack([scene(), scene()[..., 0]])
    content = bytearray(saved(Image.fromarray(bands), "TIFF"))
    at = content.index(struct.pack("<HHI", 338, 3, 1))
    content[at + 8 : at + 10] = struct.pack("<H", 0)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (tiff_of_four_bands(), "4 bands"),
        (saved(Image.fromarray(scene()[..., 0].astype(np.float32)), "TIFF"), "mode F"),
        (saved(Image.fromarray(scene()[..., 0].astype(np.int32)), "TIFF"), "mode I"),
        (png_with(chunk(b"cICP", bytes([9, 16, 0, 1]))), "HDR"),
    ],
)
def test_what_has_no_colours_of_its_own_is_refused_with_words(content: bytes, words: str) -> None:
    with pytest.raises(ImageRefused, match=f"^image a: got .*{words}"):
        pixels.read_picture(content, where="image a")


def test_a_limit_means_what_it_says_above_and_below_pillows_own() -> None:
    large = saved(Image.new("1", (20_000, 10_000)), "PNG")  # Pillow refuses 179 megapixels

    assert pixels.read_header(large, max_pixels=200_000_000).width_px == 20_000
    with pytest.raises(ImageRefused, match="20000x10000 pixels; expected at most 199999999"):
        pixels.read_header(large, max_pixels=199_999_999)


def test_headers_that_lie_are_refused() -> None:
    lying = bytearray(saved(picture(), "PNG"))
    for width, height in ((2**31 - 1, 2**31 - 1), (60_000, 60_000), (0, 5), (8000, 8000)):
        lying[16:24] = struct.pack(">II", width, height)
        lying[29:33] = struct.pack(">I", zlib.crc32(bytes(lying[12:29])))
        with pytest.raises(ImageRefused):
            pixels.read_picture(bytes(lying), max_pixels=64_000_000)


def test_pixels_are_counted_from_the_first_bytes(tmp_path: Path) -> None:
    for kind in Kind:
        path = tmp_path / kind.value
        path.write_bytes(saved(picture(), kind.value))
        assert pixels.pixel_count(path) == 24 * 40
    (tmp_path / "text").write_text("no picture")
    assert pixels.pixel_count(tmp_path / "text") == pixels.pixel_count(tmp_path / "none") == 0


def test_the_first_picture_of_an_animation_counts() -> None:
    content = two_pictures("PNG")

    assert np.array_equal(pixels.read_picture(content), scene())
    with Image.open(io.BytesIO(content)) as animation:
        assert animation.n_frames == 2

"""Small copies of pictures, and the picture that stands where one cannot be read.

Part of this room, so that a page shows the colours and the side up that people label.
"""

from __future__ import annotations

import io
import textwrap

from PIL import Image, ImageDraw, ImageFont

from daemon.domain.errors import ImageRefused
from daemon.pixels.decoding import decode
from daemon.pixels.formats import Kind
from daemon.pixels.headers import DECODER_ERRORS, damaged, open_picture

QUALITY = 82  # of the JPEG
PAPER, INK, EDGE = "#e6e8e5", "#48524b", "#aab2ac"
LINES = 5


def fitted(height_px: int, width_px: int, longest_px: int) -> tuple[int, int]:
    """(height_px, width_px) of the copy whose longer side has at most `longest_px`; never larger
    than the picture, and at least 1 px wide and high."""
    scale = min(1.0, longest_px / max(height_px, width_px))
    return max(1, round(height_px * scale)), max(1, round(width_px * scale))


def thumbnail_jpeg(
    content: bytes, longest_px: int, *, where: str = "image", max_pixels: int | None = None
) -> bytes:
    """A small copy as JPEG: upright sRGB, as people see the picture.

    A JPEG is decoded at the next larger of 1/1, 1/2, 1/4 and 1/8 of its size. Raises ImageRefused
    as `read_picture` does.
    """
    opened = open_picture(content, where, max_pixels)
    size = fitted(*opened.size, longest_px)
    try:
        with opened.picture:
            if opened.kind is Kind.JPEG:
                # twice as large as needed: the last step is a smooth one
                width_px, height_px = opened.picture.size
                small = fitted(height_px, width_px, 2 * longest_px)
                opened.picture.draft(None, small[::-1])
            seen = Image.fromarray(decode(opened))
            return _jpeg(seen.resize(size[::-1], Image.Resampling.BOX))
    except ImageRefused as exc:
        raise exc.at(where) from exc
    except DECODER_ERRORS as exc:
        raise damaged(where, opened.kind, exc) from exc


def placeholder_jpeg(words: str, longest_px: int) -> bytes:
    """A drawn picture (3:4) with the words why there is no other. Never raises."""
    width, height = longest_px, max(1, round(longest_px * 0.75))
    picture = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.line((0, 0, width, height), fill=EDGE)
    draw.line((0, height, width, 0), fill=EDGE)
    draw.rectangle((0, 0, width - 1, height - 1), outline=EDGE)
    words_px = max(11, longest_px // 20)
    line_px, letters = words_px * 5 // 4, int(1.7 * width / words_px)
    font = ImageFont.load_default(size=words_px)
    plain = words.encode("ascii", "replace").decode("ascii")
    lines = textwrap.wrap(plain, max(8, letters), max_lines=LINES, placeholder=" ...")
    top = (height - line_px * len(lines)) // 2
    for row, line in enumerate(lines):
        left, above = (width - draw.textlength(line, font=font)) / 2, top + row * line_px
        draw.rectangle((left - 3, above - 1, width - left + 3, above + line_px), fill=PAPER)
        draw.text((left, above), line, fill=INK, font=font)
    return _jpeg(picture)


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, format="JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()

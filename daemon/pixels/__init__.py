"""The one reader of pictures and of masks, for the daemon and for the training process alike.

What may enter here: whatever decides which pixels a file holds for the people who look at it:
formats by their bytes, orientation, bit depth, transparency, colour profiles, limits of size,
folders of such files, and masks as PNG. It imports nothing of ours but `daemon.domain` and
`daemon.domain.errors`, and knows no store, no labeling tool and no network.

The rule: a picture is read as chromium shows it, because the masks are drawn on what a browser
shows. tests/browser/test_pixels.py compares the two pixel by pixel.

    formats.py      which kind of picture some bytes are, and what browsers show
    exif.py         orientation and size out of EXIF, as chromium reads it
    jpeg.py png.py gif.py avif.py    the parts of a file that decide what is seen
    colour.py       colours to sRGB: ICC profiles, gamma, primaries
    opening.py painting.py reader.py bytes -> upright RGB array; the cheap look at a header
    masks.py        mask PNG -> class indices
    folders.py      the pictures of a folder, and what was left out and why
"""

from __future__ import annotations

from daemon.pixels.formats import Kind, kind_of
from daemon.pixels.painting import Picture
from daemon.pixels.reader import (
    Look,
    check_shown,
    look,
    pixels_of,
    read,
    read_file,
    size_of,
    too_large,
)

__all__ = [
    "Kind",
    "Look",
    "Picture",
    "check_shown",
    "kind_of",
    "look",
    "pixels_of",
    "read",
    "read_file",
    "size_of",
    "too_large",
]

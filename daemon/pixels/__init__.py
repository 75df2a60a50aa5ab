"""The one reader of pictures and of masks, for the daemon and for the training process alike.

This room holds whatever decides which pixels people see in a file: formats by their bytes,
orientation, bit depth, transparency, colour profiles, limits of size, folders of such files, and
masks as PNG. It imports nothing of ours but `daemon.domain`, and knows no store, no labeling tool
and no network.

The rule: a picture is read as chromium shows it, because the masks are drawn on what a browser
shows. tests/browser/test_pixels.py compares the two pixel by pixel.

    formats.py      which kind of picture some bytes are, and what browsers show
    exif.py         orientation and size out of EXIF, as chromium reads it
    jpeg.py png.py gif.py avif.py    the parts of a file that decide what is seen
    colour.py       colours to sRGB: ICC profiles, gamma, primaries
    headers.py      bytes -> a picture whose header was checked; no pixel is decoded
    decoding.py     -> upright RGB array
    reader.py       what other rooms call
    masks.py        mask PNG -> class indices
    coco_rle.py     masks as run lengths of COCO
    thumbnails.py   a picture -> a small copy, or one that says why there is none
    mask_overlays.py    class indices -> a transparent picture to lie over the image
    folders.py      the pictures of a folder, and what was left out and why
"""

from __future__ import annotations

from daemon.pixels.decoding import Picture
from daemon.pixels.formats import Kind, kind_of
from daemon.pixels.reader import (
    Header,
    pixel_count,
    read_file,
    read_header,
    read_picture,
    require_shown_in_browser,
    size_of,
    too_large,
)

__all__ = [
    "Header",
    "Kind",
    "Picture",
    "kind_of",
    "pixel_count",
    "read_file",
    "read_header",
    "read_picture",
    "require_shown_in_browser",
    "size_of",
    "too_large",
]

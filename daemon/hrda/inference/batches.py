"""Files are read while the network works, and pictures of one size go through it together.

What comes out, and in which order, depends on neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from daemon.hrda.data.guarded_reading import Reading
from daemon.hrda.data.image_files import Picture
from daemon.hrda.data.sampler import LOOK, stream
from daemon.hrda.inference.whole_images import Seen, at_once, is_large, see_alike
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.network.windows import Box, sliding
from daemon.runs.folder import ImageFile

T = TypeVar("T")
File = TypeVar("File", bound=ImageFile)

AHEAD = 8  # pictures that wait for the network, at most; also those of one pass
DRAWN = 8  # windows of a large image that stand for all of it


def seen(net: Segmentor, files: Iterable[File], reading: Reading) -> Iterator[tuple[File, Seen]]:
    """Each file that can be read with what the model sees in it, in order.

    The others are among the faults of `reading`. Raises RunFailed as `see` and `reading` do.
    """
    pictures = reading.pictures(files, AHEAD)
    for group in alike(pictures, lambda pixels: at_once(net, pixels)):
        looks = see_alike(net, [picture for _, picture in group])
        yield from ((file, look) for (file, _), look in zip(group, looks, strict=True))


def sampled(
    net: Segmentor, files: Iterable[File], reading: Reading, seed: int
) -> Iterator[tuple[File, tuple[int, int], list[tuple[Box, Seen]]]]:
    """As `seen`, for shares of classes: each file with its (H, W) and what the model sees where.

    An image is seen as a whole, a large one (see `is_large`) in windows that the seed draws: its
    look then costs as much as one at an image of a few megapixels.
    """
    pictures = reading.pictures(files, AHEAD)
    for group in alike(pictures, lambda pixels: at_once(net, pixels)):
        height, width = group[0][1].shape[:2]
        if not is_large(net, (height, width)):
            looks = see_alike(net, [picture for _, picture in group])
            whole = Box(0, 0, height, width)
            for (file, _), look in zip(group, looks, strict=True):
                yield file, (height, width), [(whole, look)]
            continue
        for file, picture in group:
            boxes = drawn(height, width, net.settings.window_px, stream(seed, LOOK, file.id))
            looks = see_alike(net, [picture[box.view] for box in boxes])
            yield file, (height, width), list(zip(boxes, looks, strict=True))


def drawn(height: int, width: int, side: int, rng: np.random.Generator) -> list[Box]:
    """At most DRAWN windows of an image, of those that lie side by side, from top to bottom."""
    boxes = sliding(height, width, side, side)
    rows = rng.permutation(len(boxes))[:DRAWN]
    return [boxes[row] for row in sorted(rows.tolist())]


def alike(
    pictures: Iterable[tuple[T, Picture]], most: Callable[[int], int]
) -> Iterator[Sequence[tuple[T, Picture]]]:
    """Neighbours of one size together, at most AHEAD and at most `most` of their pixels."""
    group: list[tuple[T, Picture]] = []
    for thing, picture in pictures:
        if group and picture.shape != group[0][1].shape:
            yield group
            group = []
        group.append((thing, picture))
        if len(group) >= min(AHEAD, most(picture.shape[0] * picture.shape[1])):
            yield group
            group = []
    if group:
        yield group

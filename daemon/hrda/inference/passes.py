"""Files are read while the network works, and pictures of one size go through it together.

What comes out, and in which order, depends on neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from daemon.ahead import done_ahead
from daemon.hrda.images.pictures import Picture, read_image
from daemon.hrda.inference.infer import Seen, at_once, see_alike
from daemon.hrda.network.segmentor import Segmentor
from daemon.pixels import pixels_of
from daemon.runs import ImageFile

T = TypeVar("T")

AHEAD = 8  # pictures that wait for the network, at most; also those of one pass
AHEAD_PIXELS = 48_000_000  # of the pictures that wait, together; one may be larger


def read_ahead(files: Iterable[ImageFile]) -> Iterator[tuple[ImageFile, Picture]]:
    """Each file with its picture, in order; the next ones are read meanwhile.

    Memory is bounded by their pixels, whatever sizes are mixed. Raises UnreadableImage where the
    turn of that file comes.
    """
    return done_ahead(
        read_image, files, AHEAD, cost=lambda file: pixels_of(file.image), room=AHEAD_PIXELS
    )


def seen(net: Segmentor, files: Iterable[ImageFile]) -> Iterator[tuple[ImageFile, Seen]]:
    """Each file with what the model sees in it, in order.

    Raises UnreadableImage where the turn of that file comes, and RunFailed as `see` does.
    """
    pictures = read_ahead(files)
    for group in alike(pictures, lambda pixels: at_once(net, pixels)):
        looks = see_alike(net, [picture for _, picture in group])
        yield from ((file, look) for (file, _), look in zip(group, looks, strict=True))


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

"""Files are read while the network works, and pictures of one size go through it together.

What comes out, and in which order, depends on neither.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from daemon.hrda.images.pictures import Picture, read_image
from daemon.hrda.inference.infer import Seen, at_once, see_alike
from daemon.hrda.network.segmentor import Segmentor
from daemon.runs import ImageFile

T = TypeVar("T")
U = TypeVar("U")

AHEAD = 8  # pictures that wait for the network, at most; also those of one pass
READERS = 2


def seen(net: Segmentor, files: Iterable[ImageFile]) -> Iterator[tuple[ImageFile, Seen]]:
    """Each file with what the model sees in it, in order.

    Raises UnreadableImage where the turn of that file comes, and RunFailed as `see` does.
    """
    pictures = read_ahead(read_image, files)
    for group in alike(pictures, lambda pixels: at_once(net, pixels)):
        looks = see_alike(net, [picture for _, picture in group])
        yield from ((file, look) for (file, _), look in zip(group, looks, strict=True))


def read_ahead(
    read: Callable[[T], U], things: Iterable[T], ahead: int = AHEAD
) -> Iterator[tuple[T, U]]:
    """Each thing with `read` of it, in order; up to `ahead` are read before they are asked for.

    What `read` raises is raised where the turn of its thing comes.
    """
    with ThreadPoolExecutor(READERS, thread_name_prefix="read") as readers:
        waiting: deque[tuple[T, Future[U]]] = deque()
        try:
            for thing in things:
                waiting.append((thing, readers.submit(read, thing)))
                if len(waiting) > ahead:
                    yield _taken(waiting)
            while waiting:
                yield _taken(waiting)
        finally:
            for _, reading in waiting:
                reading.cancel()


def _taken(waiting: deque[tuple[T, Future[U]]]) -> tuple[T, U]:
    thing, reading = waiting.popleft()
    return thing, reading.result()


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

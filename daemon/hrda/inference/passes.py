"""How many pictures go through the network at once, and what happens where memory is short."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import torch

from daemon.config.learner import Settings
from daemon.hrda.data.image_files import Picture
from daemon.hrda.network.segmentor import Segmentor
from daemon.prefetch import THREADS, prefetch
from daemon.runs.out_of_memory import OutOfMemory, is_out_of_memory

log = logging.getLogger(__name__)

T = TypeVar("T")
Group = TypeVar("Group")

# Pixels of one forward pass. On a CPU, larger passes do not fit its cache: 16 windows of 512 take
# twice the time an image of 2. On CUDA 64 images of 384 px: measured once, on one H200, five times
# the images a second of passes of 8.
PASS_PX = {"cpu": 600_000, "cuda": 9_437_184}
QUEUED = {"cpu": 8, "cuda": 256}  # pictures that wait for the network


def images_per_pass(net: Segmentor, pixels: int) -> int:
    """How many pictures of this many pixels go through the network in one pass, at least one."""
    return max(1, PASS_PX.get(_kind(net), PASS_PX["cuda"]) // pixels)


def windows_at_once(settings: Settings, device: torch.device) -> int:
    """Detail windows in one pass: `chunk`; on a GPU as many as the pixels of a pass, if more."""
    if device.type == "cpu":
        return settings.chunk
    return max(settings.chunk, PASS_PX["cuda"] // settings.detail_window_px**2)


def queue_length(net: Segmentor) -> int:
    """How many pictures are read in advance, and the most that go through the network at once."""
    return QUEUED.get(_kind(net), QUEUED["cuda"])


def readers(net: Segmentor) -> int:
    """Threads that read pictures: on a GPU all that torch may use, which has no use for them."""
    return THREADS if _kind(net) == "cpu" else max(THREADS, torch.get_num_threads())


def one_in_advance(
    net: Segmentor, work: Callable[[Group], T], groups: Iterable[Group]
) -> Iterator[tuple[Group, T]]:
    """Each group with `work` of it, in order. On a GPU the next one is at work meanwhile, so that
    the GPU need not wait for what is done with the results; on a CPU that would gain nothing."""
    if _kind(net) == "cpu":
        return ((group, work(group)) for group in groups)
    return prefetch(work, groups, 1, threads=1)


def in_passes(
    net: Segmentor,
    images: Sequence[Picture],
    size: tuple[int, int],
    work: Callable[[Sequence[Picture]], Sequence[T]],
) -> list[T]:
    """The results of `work`, of as many pictures of one size at once as a pass takes.

    size: (H, W) of the files that the pictures were made of. Where memory is short, with fewer
    pictures and windows at once from then on. Raises OutOfMemory when one picture with one window
    at a time does not fit.
    """
    kept = net.chunk
    most = _most(net, images[0])
    while True:
        net.chunk = min(kept, most)
        try:
            return [
                result
                for first in range(0, len(images), most)
                for result in work(images[first : first + most])
            ]
        except (MemoryError, RuntimeError) as exc:
            if not is_out_of_memory(exc):
                raise
            if most == 1:
                raise OutOfMemory(
                    f"out of memory on an image of {size[0]}x{size[1]} pixels with one window at "
                    f"a time; lower window_px, or use a larger machine"
                ) from exc
            most //= 2
            kept = min(kept, most)
            log.warning("out of memory: continuing with chunk=%d", most)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        finally:
            net.chunk = kept


def _most(net: Segmentor, image: Picture) -> int:
    """Pictures in a pass: by pixels, and no more than `chunk` windows of full size would hold."""
    side = net.settings.detail_window_px
    height, width = (min(side, length) for length in image.shape[:2])
    windows = net.chunk * side * side // (height * width)
    return min(windows, images_per_pass(net, height * width))


def _kind(net: Segmentor) -> str:
    kind: str = net.mean.device.type
    return kind

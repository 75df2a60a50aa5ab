"""Out of memory: telling it from other failures, and trying again with fewer crops at a time."""

from __future__ import annotations

import logging

import torch

log = logging.getLogger(__name__)


class TooLittleMemory(MemoryError):
    """An iteration did not fit into memory; nothing of it is left."""


def ran_out_of_memory(exc: BaseException) -> bool:
    """Whether a failure of torch means that memory is short.

    CUDA raises its own type; the allocator of CPUs a RuntimeError of these words.
    """
    if isinstance(exc, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(exc, RuntimeError) and any(words in str(exc) for words in _WORDS)


def fewer(places: int) -> int:
    """How many crops to try next. Raises TooLittleMemory when one alone does not fit."""
    if places <= 1:
        raise TooLittleMemory("not even one crop at a time fits")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    half = (places + 1) // 2
    log.warning("out of memory with %d crops at a time, trying %d", places, half)
    return half


_WORDS = ("out of memory", "not enough memory", "can't allocate memory", "bad_alloc")

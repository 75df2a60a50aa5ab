"""The detector of short memory and its error. Without torch."""

from __future__ import annotations

import errno

from daemon.domain.errors import RunFailed

# The allocator of CPUs and the libraries of CUDA raise a RuntimeError with one of these; CUDA's
# allocator has a type of its own.
_MESSAGES = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "bad_alloc",
    "STATUS_ALLOC_FAILED",  # cuBLAS and cuDNN
    "CUDA_ERROR_OUT_OF_MEMORY",
)
_TORCH_TYPE = "OutOfMemoryError"  # by name: torch may not be loaded


class OutOfMemory(RunFailed, MemoryError):
    """A run does not fit into memory, even in its smallest parts."""


def is_out_of_memory(exc: BaseException) -> bool:
    """Whether an exception means that memory is short, of this process or of its GPU."""
    if isinstance(exc, MemoryError) or type(exc).__name__ == _TORCH_TYPE:
        return True
    if isinstance(exc, OSError):
        return exc.errno == errno.ENOMEM
    return isinstance(exc, RuntimeError) and any(words in str(exc) for words in _MESSAGES)

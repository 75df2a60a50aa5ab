"""How many trainings run at once, and with how many CPU threads each."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Callable

from daemon.runs.run_folder import RunFolder, TrainResult

log = logging.getLogger(__name__)

SPARE = 1.3  # measured peak -> what a training is given: the allocator of torch holds more
CONTEXT_BYTES = 700_000_000  # of a process on a GPU, beside its tensors
NO_GPU = "since trainings on a CPU share its cores"
_FREE = ("--query-gpu=memory.free", "--format=csv,noheader,nounits")


class TrainingsAtOnce:
    """`--parallel N`, or `auto`: 1 on a CPU; on a GPU as many as fit its free memory, by the peak
    of the first training, and at most one a CPU core.

    parallel: None for auto. device, threads: of a training, as typed. first: the folder of the
    first training that has finished; None: none has yet.
    """

    def __init__(
        self,
        *,
        parallel: int | None,
        device: str,
        threads: int,
        first: Callable[[], RunFolder | None],
    ) -> None:
        self._number, self._threads, self._first = parallel, threads, first
        if self._number is None and device == "cpu":
            log.info("--parallel auto: 1, %s", NO_GPU)
            self._number = 1

    def number(self) -> int:
        """At least 1; with `auto` 1 until the first model is trained."""
        if self._number is None:
            run = self._first()
            if run is None:
                return 1
            peak = run.read_result(TrainResult).peak_gpu_memory_bytes or 0
            self._number = trainings_that_fit(peak, free_gpu_bytes(), os.cpu_count() or 1)
            why = f"by a peak of {peak / 1e9:.1f} GB" if peak else NO_GPU
            log.info("--parallel auto: %d, %s", self._number, why)
        return self._number

    def threads(self) -> int:
        """CPU threads of a training: those that were asked, else a share of the cores; 0: all."""
        number = self.number()
        if self._threads or number == 1:
            return self._threads
        return max(1, (os.cpu_count() or 1) // number)


def trainings_that_fit(peak_bytes: int, free_bytes: int, cores: int) -> int:
    """How many trainings of this peak fit into the memory, at least 1; 1 without a peak."""
    if not peak_bytes:
        return 1
    return max(1, min(cores, int(free_bytes / (peak_bytes * SPARE + CONTEXT_BYTES))))


def free_gpu_bytes() -> int:
    """Free memory of the GPU that has most; 0 where nvidia-smi finds none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    try:
        done = subprocess.run(
            [program, *_FREE], capture_output=True, text=True, timeout=10, check=True
        )
        return max((int(line) * 2**20 for line in done.stdout.split()), default=0)
    except (OSError, ValueError, subprocess.SubprocessError) as exc:
        log.warning("nvidia-smi: %s; one training at a time", exc)
        return 0

"""Running schedules, some at a time, and saying what went wrong."""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from connectors.label_studio.api import tls_context
from tests.faults.field import Field, field
from tests.faults.schedule import schedule
from tests.faults.world import World, fake_world

REPLAY = "python -m tests.benchmarks.faults --seed {}"
_MEMORY = Path("/dev/shm")  # SIGKILL takes nothing from it


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """wrong: empty where all held. acts: of people. requests, kills: in all lives. story: of all
    requests, in few letters: the same for the same seed."""

    seed: int
    wrong: tuple[str, ...]
    acts: int = 0
    requests: int = 0
    kills: int = 0
    story: str = ""

    def __str__(self) -> str:
        told = schedule(self.seed)
        return "\n".join([*self.wrong, str(told), f"again: {REPLAY.format(self.seed)}"])


@contextmanager
def loaded() -> Iterator[Field]:
    """A process with all that schedules need, ready to be forked."""
    tls_context()
    place = _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else None
    folder = tempfile.TemporaryDirectory(prefix="maskloop-faults-", dir=place)
    with folder as root, field(Path(root)) as found:
        gc.freeze()
        yield found


def judged(found: Field, seed: int) -> Verdict:
    """Run one schedule in a folder of its own beside the images."""
    home = found.files.parent / f"seed-{seed}"
    try:
        world = fake_world(found, home, schedule(seed))
        wrong = world.run()
    except Exception:
        return Verdict(seed=seed, wrong=(traceback.format_exc(),))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return verdict_of(world, seed, wrong)


def verdict_of(world: World, seed: int, wrong: Sequence[str]) -> Verdict:
    return Verdict(
        seed=seed,
        wrong=tuple(wrong),
        acts=len(world.people.done),
        requests=len(world.server.requests),
        kills=world.kills,
        story=hashlib.sha256("\n".join(world.server.requests).encode()).hexdigest()[:12],
    )


def judge(seeds: Sequence[int], processes: int) -> Iterator[Verdict]:
    """Run them all, in no order. processes: that play the server and fork daemons."""
    context = get_context("fork")
    results = context.SimpleQueue()
    workers = [
        context.Process(target=_work, args=(seeds[first::processes], results))
        for first in range(processes)
    ]
    for worker in workers:
        worker.start()
    for _ in seeds:
        yield results.get()
    for worker in workers:
        worker.join()


def _work(seeds: Sequence[int], results: SimpleQueue[Verdict]) -> None:
    with loaded() as found:
        for seed in seeds:
            results.put(judged(found, seed))

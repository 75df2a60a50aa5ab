"""The parts of a simulation alone: jobs in threads, remaining time, memory of a GPU, copies."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from daemon.domain.errors import DiskFull, RunFailed
from daemon.experiment.jobs.job import Job
from daemon.experiment.jobs.job_threads import JobThreads
from daemon.experiment.jobs.training_progress import TrainingClock
from daemon.experiment.jobs.trainings_at_once import trainings_that_fit
from daemon.experiment.jobs.watched_launcher import WatchedLauncher
from daemon.experiment.simulation.further_trainings import training_seed
from daemon.experiment.simulation.home_copies import copy_home
from daemon.experiment.simulation.kept_launchers import KeptLaunchers
from daemon.experiment.simulation.simulated_points import redundancy_of
from daemon.runs.durable import write_json
from daemon.runs.run_folder import RunFolder
from daemon.store import Store


class Step(Job):
    """A job that only notes that it ran."""

    def __init__(self, name: str, needs: str = "", work: Callable[[], None] = lambda: None) -> None:
        self.name, self.needs, self._work = name, needs, work
        self.watched, self._done = None, False

    def done(self) -> bool:
        return self._done

    def trained(self) -> int:
        return int(self._done)

    def run(self) -> None:
        self._work()
        self._done = True


def run_jobs(jobs: Sequence[Job], parallel: int = 1) -> JobThreads:
    threads = JobThreads(jobs, threading.Event())
    threads.run(lambda: parallel, lambda: None)
    return threads


def failing(exc: Exception) -> Callable[[], None]:
    def work() -> None:
        raise exc

    return work


def test_a_job_waits_for_the_one_that_it_needs() -> None:
    order: list[str] = []
    names = {"second": "first", "third": "second", "first": ""}
    jobs = [
        Step(name, needs, lambda name=name: order.append(name)) for name, needs in names.items()
    ]

    threads = run_jobs(jobs, parallel=3)

    assert order == ["first", "second", "third"]
    assert threads.faults == {}


def test_a_job_that_fails_stops_only_those_that_need_it() -> None:
    jobs = [
        Step("bad", work=failing(RunFailed("no"))),
        Step("odd", work=failing(KeyError("what"))),
        Step("after bad", needs="bad"),
        Step("other"),
    ]

    threads = run_jobs(jobs)

    assert threads.faults == {"bad": "no", "odd": "unexpected: KeyError: 'what'"}
    assert [job.done() for job in jobs] == [False, False, False, True]


@pytest.mark.parametrize(
    ("exc", "lacks"),
    [
        (DiskFull("0.1 GB free"), "disk: 0.1 GB free"),
        (MemoryError("of an array"), "memory: of an array"),
        (OSError(errno.ENOSPC, "No space left on device", "x.pth"), "disk: x.pth: No space left"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory: Cannot allocate"),
    ],
)
def test_want_of_memory_or_disk_stops_all(exc: Exception, lacks: str) -> None:
    jobs = [Step("bad", work=failing(exc)), Step("other")]

    threads = run_jobs(jobs)

    assert threads.scarce.startswith(f"bad: the machine lacks {lacks}")
    assert threads.faults == {}
    assert not jobs[1].done()


def test_as_many_jobs_run_at_once_as_may() -> None:
    meeting = threading.Barrier(2, timeout=60)  # a third could not pass it alone

    def meet() -> None:
        meeting.wait()

    jobs = [Step(name, work=meet) for name in "abcd"]
    most = 0
    threads = JobThreads(jobs, threading.Event())

    def look() -> None:
        nonlocal most
        most = max(most, len(threads.running))

    threads.run(lambda: 2, look)

    assert all(job.done() for job in jobs)
    assert most == 2


def test_an_interrupt_waits_until_jobs_have_saved() -> None:
    stopped = threading.Event()
    job = Step("slow", work=lambda: bool(stopped.wait(60)) or None)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        JobThreads([job], stopped).run(lambda: 1, interrupt)

    assert job.done()


def test_ctrl_c_while_jobs_are_waited_for_ends_when_they_have_saved() -> None:
    # CPython 3.11 takes a thread for ended when a signal interrupts `join`: it must not be used.
    stopped = threading.Event()

    def interrupt_and_save() -> None:
        time.sleep(0.05)  # until the main thread waits
        os.kill(os.getpid(), signal.SIGINT)
        stopped.wait(60)
        time.sleep(0.3)

    job = Step("slow", work=interrupt_and_save)
    with pytest.raises(KeyboardInterrupt):
        JobThreads([job], stopped).run(lambda: 1, lambda: None)

    assert job.done()


def test_the_remaining_time_is_that_of_the_trainings_of_this_process() -> None:
    clock_s = [100.0]
    clock = TrainingClock(20, 5, lambda: clock_s[0])
    assert clock.words(0.0) == "5 of 20 trainings"  # nothing is known yet

    clock_s[0], clock.done = 160.0, 7

    assert clock.left_s(1.0) == pytest.approx(60 / 3 * 12)  # 3 of 15 in a minute
    assert clock.words(1.0) == "7 of 20 trainings, about 4 min left"


@pytest.mark.parametrize(
    ("peak_gb", "free_gb", "cores", "expected"),
    [(10, 80, 16, 5), (1, 80, 16, 16), (100, 80, 16, 1), (0, 80, 16, 1), (10, 0, 16, 1)],
)
def test_as_many_trainings_run_as_fit_a_gpu(
    peak_gb: int, free_gb: int, cores: int, expected: int
) -> None:
    assert trainings_that_fit(peak_gb * 10**9, free_gb * 10**9, cores) == expected


def test_training_seeds_differ_for_each_seed_and_replicate() -> None:
    seeds = {training_seed(seed, number) for seed in range(30) for number in range(1, 5)}

    assert len(seeds) == 120
    assert not seeds & set(range(30))


def test_redundancy_counts_images_like_earlier_or_better_ones() -> None:
    east, north, nearly_east = [1.0, 0.0], [0.0, 1.0], [0.99, np.sqrt(1 - 0.99**2)]
    newest = np.array([nearly_east, north, north, east], np.float32)

    assert redundancy_of(newest, np.array([east], np.float32), similarity=0.98) == 0.75
    assert redundancy_of(newest, np.empty((0, 0), np.float32), similarity=0.98) == 0.5
    assert redundancy_of(newest, np.empty((0, 0), np.float32), similarity=0.999) == 0.25


class Ready:
    """A launcher whose runs have all finished."""

    stopped = 0

    def advance(self, run: RunFolder, command: str) -> bool:
        return True

    def release(self, run: RunFolder) -> bool:
        return True

    def stop(self) -> None:
        self.stopped += 1


def test_a_loop_is_held_at_the_run_that_is_named(tmp_path: Path) -> None:
    watched = WatchedLauncher(Ready(), until="0001-score")

    assert watched.advance(RunFolder(tmp_path / "0001-train"), "train")
    assert not watched.reached
    assert not watched.advance(RunFolder(tmp_path / "0001-score"), "predict")
    assert watched.reached


def test_launchers_that_stay_serve_one_job_at_a_time_and_end_with_all() -> None:
    made: list[Ready] = []
    kept = KeptLaunchers(lambda: made.append(Ready()) or made[-1])

    first, second = kept.take(), kept.take()
    first.stop()
    first.stop()  # twice gives it back once
    third, fourth = kept.take(), kept.take()

    assert len(made) == 3
    assert [launcher.stopped for launcher in made] == [0, 0, 0]
    kept.stop()
    assert [launcher.stopped for launcher in made] == [1, 1, 1]
    assert all(taken.release(RunFolder(Path())) for taken in (second, third, fourth))


def test_a_copy_is_whole_and_its_paths_point_into_it(tmp_path: Path) -> None:
    source, target = tmp_path / "first", tmp_path / "arms/random"
    run = source / "state/runs/0001-train"
    run.mkdir(parents=True)
    (run / "checkpoint.pth").write_bytes(b"model")
    (run / "log.txt").write_text("line")
    write_json(run / "request.json", {"mask": [f"{run}/1.png", f"{source}-other/2.png"]})
    with Store(source / "state/store.db") as store:
        store.keep_fact("fact", "kept")
    (target.parent / ".random.part/old").mkdir(parents=True)  # of a copy that was killed

    copy_home(source, target)
    (target / "state/runs/0001-train/log.txt").write_text("another line")
    copy_home(source, target)  # twice changes nothing

    assert not (target / "old").exists()
    assert (run / "log.txt").read_text() == "line"
    request = (target / "state/runs/0001-train/request.json").read_text()
    assert f'"{target}/state/runs/0001-train/1.png"' in request
    assert f'"{source}-other/2.png"' in request
    with Store(target / "state/store.db", read_only=True) as store:
        assert store.fact("fact") == "kept"

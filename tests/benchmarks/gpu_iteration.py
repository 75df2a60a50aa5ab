"""One iteration: how long, of what it consists, whether it waits, on CPU and GPU alike."""

from __future__ import annotations

import functools
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import torch

from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.microbatches import step_within_memory
from daemon.hrda.training.training_loop import minibatches
from tests.benchmarks.gpu_machine import Machine, Row

LATE = 0.9  # of the schedule: the unlabeled losses have their whole weight
OLD_MS = {"gpu": 249.0, "cpu": 188.0}  # on an H200, commit a95065e
SETTINGS: dict[str, dict[str, Any]] = {
    "gpu": {"preset": "gpu", "crops_by_images": False},
    "cpu": {"preset": "cpu"},
}


def late(one: Learner) -> int:
    """An iteration in which all losses count."""
    return int(LATE * one.settings.iterations)


def iteration(machine: Machine) -> Iterator[Row]:
    """Milliseconds an iteration with its data, and alone; how long it waits for data."""
    for preset, changes in SETTINGS.items():
        one, crops = machine.learner(**changes)
        rounds = 4 if machine.quick else 60
        with closing(minibatches(crops, itertools.count())) as queue:
            waited_s = _run(one, queue, 3)
            machine.seconds(lambda: None)
            started_s = time.perf_counter()
            waited_s = _run(one, queue, rounds)
            dict(one.step(next(queue)[1], late(one)))
            whole_ms = (time.perf_counter() - started_s) * 1000 / (rounds + 1)
        target = f"<= {OLD_MS[preset] / 4:.0f} on an H200"
        yield Row(what=f"preset {preset}: an iteration", value=whole_ms, unit="ms", must=target)
        share = waited_s * 1000 / rounds / whole_ms
        what = f"preset {preset}: waits for its minibatch"
        yield Row(what=what, value=100 * share, unit="% of it", must="< 10")
        yield from _parts(machine, preset, one, crops.minibatch(0))


def _run(one: Learner, queue: Iterator[tuple[int, Minibatch]], rounds: int) -> float:
    """Seconds that this thread waited for minibatches."""
    waited_s = 0.0
    for _ in range(rounds):
        started_s = time.perf_counter()
        row, minibatch = next(queue)
        waited_s += time.perf_counter() - started_s
        seed_all(row)
        one.step(minibatch, late(one))
    return waited_s


def _parts(machine: Machine, preset: str, one: Learner, batch: Minibatch) -> Iterator[Row]:
    """Median milliseconds of each part, each with a wait for the device of its own."""
    finite = torch.ones((), dtype=torch.bool, device=machine.device)
    pseudo, _ = one.pseudo_label(batch)
    parts: dict[str, Callable[[], object]] = {
        "whole step, minibatch at hand": lambda: one.step(batch, late(one)),
        "labeled pass with gradients": lambda: sum(one.labeled_loss(batch).values()).backward(),
        "teacher's labels": lambda: one.pseudo_label(batch),
        "mixed pass with gradients": lambda: sum(one.mixed_loss(batch, pseudo).values()).backward(),
        "teacher's average": lambda: one.ema_update(finite),
        "gradient norm": one.clip_gradients,
    }
    for name, call in parts.items():
        times = [machine.seconds(call) for _ in range(3 if machine.quick else 12)]
        value = statistics.median(times[1:]) * 1000
        yield Row(what=f"preset {preset}: {name}", value=value, unit="ms")


def profile(machine: Machine) -> Iterator[Row]:
    """Kernels of an iteration, and the share of it in which the GPU does nothing."""
    if machine.device.type != "cuda":
        return
    kinds = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    for preset, changes in SETTINGS.items():
        one, crops = machine.learner(**changes)
        batch, rounds = crops.minibatch(0), 5
        _repeat(one, batch, 3)
        with torch.profiler.profile(activities=kinds) as found:
            whole_s = machine.seconds(functools.partial(_repeat, one, batch, rounds))
        kernels = [event for event in found.events() if event.device_type.name == "CUDA"]
        busy_s = sum(event.self_device_time_total for event in kernels) / 1e6
        yield Row(
            what=f"preset {preset}: kernels", value=len(kernels) / rounds, unit="an iteration"
        )
        idle = 100 * max(0.0, 1 - busy_s / whole_s)
        yield Row(what=f"preset {preset}: GPU idle", value=idle, unit="%", must="< 10")


def _repeat(one: Learner, batch: Minibatch, rounds: int) -> None:
    for _ in range(rounds):
        one.step(batch, late(one))


def waits(machine: Machine) -> Iterator[Row]:
    """How often a step makes the host wait: torch's own warnings on a GPU."""
    if machine.device.type != "cuda":
        return
    one, crops = machine.learner(**SETTINGS["gpu"])
    batch = crops.minibatch(0)
    one.step(batch, late(one))
    torch.cuda.set_sync_debug_mode("error")
    try:
        one.step(batch, late(one))
        found = 0.0
    except RuntimeError as exc:
        print(f"# {exc}")
        found = 1.0
    finally:
        torch.cuda.set_sync_debug_mode("default")
    yield Row(what="a step that waits for the device", value=found, unit="(1 = yes)", must="0")


def parity(machine: Machine) -> Iterator[Row]:
    """Largest relative difference of the losses of 20 iterations, this device against the CPU."""
    rounds = 3 if machine.quick else 20
    for precision, most in (("fp32", 1e-4), ("bf16", 1e-2)):
        changes = {"preset": "cpu", "precision": precision, "dropout": 0.0, "mixed_jitter": 0.0,
                   "labeled_jitter": 0.0, "blur": 0.0}  # fmt: skip
        found = []
        for device in (machine.device, torch.device("cpu")):
            here = Machine(**{**vars(machine), "device": device})
            one, crops = here.learner(**changes)
            one.student.encoder.drop_connect = 0.0
            found.append([_losses(one, crops.minibatch(row), row) for row in range(rounds)])
        gap = max(
            abs(a[name] - b[name]) / max(abs(b[name]), 1e-6)
            for a, b in zip(*found, strict=True)
            for name in b
            if not name.startswith("sure_")
        )
        what = f"{precision}: largest loss difference to the CPU, {rounds} iterations"
        yield Row(what=what, value=gap, unit="relative", must=f"<= {most:g}")


def _losses(one: Learner, batch: Minibatch, seed: int) -> dict[str, float]:
    return dict(step_within_memory(one, batch, seed, late(one)))


def short_memory(machine: Machine) -> Iterator[Row]:
    """A training that has less memory than it wants: it halves its parts and goes on."""
    one, crops = machine.learner(**SETTINGS["gpu"], minibatch=4)
    batch = crops.minibatch(0)
    if machine.device.type == "cuda":
        step_within_memory(one, batch, 0, late(one))
        peak = torch.cuda.max_memory_allocated(machine.device)
        yield Row(what="peak memory of preset gpu", value=peak / 2**30, unit="GiB")
        total = torch.cuda.get_device_properties(machine.device).total_memory
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(0.6 * peak / total, machine.device)
    else:
        one.student.decoder.register_forward_pre_hook(_refuse_many)
    try:
        step_within_memory(one, batch, 0, late(one))
    finally:
        if machine.device.type == "cuda":
            torch.cuda.set_per_process_memory_fraction(1.0, machine.device)
    value = float(one.crops_at_once)
    yield Row(what="short memory: crops at a time afterwards", value=value, unit="of 4", must="< 4")


def _refuse_many(module: torch.nn.Module, given: tuple[list[torch.Tensor]]) -> None:
    if len(given[0][0]) > 4:  # context and detail of two crops
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes")

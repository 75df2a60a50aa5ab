"""The options of `maskloop simulate`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

import strategies
from daemon.config.loading import Config
from daemon.config.loop_sections import Training
from daemon.config.ranges import Seed, expected, fits, nearest
from daemon.domain.errors import ExperimentRefused
from daemon.domain.formatting import short_repr
from daemon.experiment.options import (
    METHODS,
    absolute_path,
    classes_given,
    setting_faults,
    settings_given,
)

AUTO = "auto"
HRDA, PROBE = LEARNERS = ("hrda", "probe")
MOST_IMAGES = 1_000_000
# [table] setting -> the option that sets it
OPTION_OF = {
    "loop.batch_images": "--batch",
    "loop.seed_images": "--initial",
    "loop.budget_labels": "--cycles",
    "loop.random_share": "--random-share",
    "loop.done_share": "",
    "loop.queue_low": "",
    "loop.max_wait_hours": "",
    "validation.min_images": "--validation",
    "validation.max_images": "--validation",
    "selection.strategy": "--arms",
    "selection.seed_strategy": "--initial-by",
    "selection.seed": "--seeds",
    "training.seed": "--seeds",
    "training.preset": "--preset",
    "training.device": "--device",
    "training.threads": "--threads",
    "training.settings": "--set KEY=VALUE",
}
AS_TYPED = (
    *("initial", "initial_by", "validation", "batch", "cycles", "random_share", "replicates"),
    *("learner", "method", "device", "threads"),
)
NEEDED = ("images", "masks", "splits", "arms")
CHANGEABLE = ("loop", "validation", "selection", "predictions", "training", "storage", "images")


@dataclass(frozen=True, kw_only=True)
class SimulationOptions:
    """The checked options.

    initial_by: strategy of the initial images; "random": uniform. learner: "probe": a linear head
    on frozen features. settings: of the learner, by name. config: "table.setting" -> value of
    config.toml. parallel: trainings at once; None: auto. replicate_arm: whose labels are trained
    again, `replicates` times. full: methods.
    """

    images: Path
    masks: Path
    splits: Path
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    initial: int
    initial_by: str
    validation: int
    batch: int
    cycles: int
    random_share: float
    learner: str
    method: str
    settings: Mapping[str, Any]
    config: Mapping[str, Any]
    device: str
    threads: int
    parallel: int | None
    replicates: int
    replicate_arm: str
    full: tuple[str, ...]
    classes: tuple[str, ...]
    out: Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.epilog = (
        "All arms of a seed share the initial and the validation images and the first model. "
        "Ctrl-C saves; the same command goes on, also after a kill. In the same folder further "
        "--arms, --seeds, --replicates and --full may be named later."
    )
    add = parser.add_argument
    add("--images", type=Path, metavar="DIR", help="images, ID.jpg")
    add("--masks", type=Path, metavar="DIR", help="masks ID.png, 255 = ignore")
    add(
        "--splits",
        type=Path,
        metavar="FILE",
        help='JSON: {"train": [ID], "test": [ID]}; "pool" is read as "train"',
    )
    add("--arms", metavar="NAME,NAME", help="strategies to compare")
    add("--seeds", default="0", metavar="N,N", help="runs with one seed are pairs (0)")
    add("--initial", type=int, default=16, metavar="N", help="labels of the first model (16)")
    add("--initial-by", default="random", metavar="NAME", help="strategy that picks them (random)")
    add("--validation", type=int, default=16, metavar="N", help="validation images (16)")
    add("--batch", type=int, default=16, metavar="N", help="images that a cycle adds (16)")
    add("--cycles", type=int, default=4, metavar="N", help="trainings of an arm (4)")
    add("--random-share", type=float, default=0.0, help="uniform share of each batch (0)")
    _add_training(parser)
    add("--replicates", type=int, default=0, metavar="K", help="A/A runs, other training seeds (0)")
    add("--replicate-arm", default="", metavar="NAME", help="arm of the A/A runs (random)")
    add("--full", default="", metavar="METHOD", help="train on all labels too, by these methods")
    add("--out", type=Path, required=True, metavar="DIR", help="results.json and all the rest")
    _add_report(parser)


def _add_report(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--report", action="store_true", help="only write the report of DIR/results.json again")
    add(
        "--reference",
        type=Path,
        metavar="DIR",
        help="with --report: another simulation, to say how well both rank the arms alike",
    )
    add(
        "--add",
        type=Path,
        action="append",
        default=[],
        metavar="DIR|FILE",
        help="with --report: the same simulation with other seeds or arms, run elsewhere, or its "
        "results.json; repeatable",
    )


def _add_training(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--learner", choices=LEARNERS, default=HRDA, help="probe: a linear head, seconds (hrda)")
    add("--method", choices=METHODS, default="hrda", help="how the arms train (hrda)")
    add("--preset", default="cpu", help="cpu, gpu, supervisely or paper (cpu)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")
    add("--threads", type=int, default=0, metavar="N", help="CPU threads of a training; 0: a share")
    add("--parallel", default="1", metavar="N|auto", help="trainings at once (1)")
    add("--classes", default="", metavar="a,b,c|FILE", help="names by pixel value")
    add(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the learner, or TABLE.KEY=VALUE of config.toml; repeatable",
    )


def read_options(typed: argparse.Namespace) -> SimulationOptions:
    """The options of a command line. Raises ExperimentRefused that lists all faults."""
    _require_needed(typed)
    given = settings_given(typed.set)
    config = {name: value for name, value in given.items() if "." in name}
    settings = {"preset": typed.preset, "method": typed.method}
    settings |= {name: value for name, value in given.items() if "." not in name}
    arms, full, seeds = _names(typed.arms), _names(typed.full), _names(typed.seeds)
    chosen = typed.replicate_arm or ("random" if "random" in arms else next(iter(arms), ""))
    faults = [
        *_number_faults(typed, seeds),
        *_arm_faults(arms, typed.initial_by),
        *_full_faults(full, METHODS if typed.learner == HRDA else (PROBE,)),
        *_config_faults(config),
        *setting_faults(settings),
    ]
    if faults:
        raise ExperimentRefused("\n  ".join(["the options of `maskloop simulate`:", *faults]))
    return SimulationOptions(
        images=absolute_path(typed.images, "--images"),
        masks=absolute_path(typed.masks, "--masks"),
        splits=absolute_path(typed.splits, "--splits"),
        arms=arms,
        seeds=tuple(dict.fromkeys(map(int, seeds))),
        settings=settings,
        config=config,
        parallel=None if typed.parallel == AUTO else int(typed.parallel),
        replicate_arm=chosen,
        full=full,
        classes=classes_given(typed.classes),
        out=absolute_path(typed.out, "--out"),
        **{name: getattr(typed, name) for name in AS_TYPED},
    )


def _require_needed(typed: argparse.Namespace) -> None:
    if typed.reference:
        raise ExperimentRefused(
            f"--reference {typed.reference}: expected --report with it; a simulation is compared "
            f"with another one when it has results"
        )
    if typed.add:
        raise ExperimentRefused(
            f"--add {typed.add[0]}: expected --report with it; simulations are joined when they "
            f"have results"
        )
    if missing := [name for name in NEEDED if not getattr(typed, name)]:
        raise ExperimentRefused(
            f"{', '.join(f'--{name}' for name in missing)}: missing; expected --images, --masks, "
            f"--splits and --arms, or --report to write the report of a simulation again"
        )


def _names(text: str) -> tuple[str, ...]:
    """The names between commas, without repeats."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _number_faults(typed: argparse.Namespace, seeds: Sequence[str]) -> Iterator[str]:
    least = {"initial": 1, "validation": 0, "batch": 1, "cycles": 1, "replicates": 0}
    for name, low in least.items():
        value = getattr(typed, name)
        if not low <= value <= MOST_IMAGES:
            yield f"--{name} {value}: expected a whole number from {low} to {MOST_IMAGES}"
    if not 0 <= typed.random_share <= 1:  # NaN neither
        yield f"--random-share {typed.random_share}: expected a number from 0 to 1"
    for option in ("threads", "device"):
        value, field = getattr(typed, option), Training.model_fields[option]
        if not fits(value, field):
            yield f"--{option} {short_repr(value)}: expected {expected(field)}"
    seed = FieldInfo.from_annotation(Seed)
    if not seeds:
        yield "--seeds: is empty; expected at least one whole number"
    for text in seeds:
        if not text.isdecimal() or len(text) > 19 or not fits(int(text), seed):
            yield f"--seeds {short_repr(text)}: expected {expected(seed)}"
    text = typed.parallel
    if text != AUTO and not (text.isdecimal() and len(text) < 4 and int(text)):
        yield f"--parallel {text}: expected auto, or a whole number from 1 to 999"


def _arm_faults(arms: Sequence[str], initial_by: str) -> Iterator[str]:
    known = strategies.names()
    if not arms:
        yield f"--arms: is empty; expected some of {', '.join(known)}"
    for option, names in (("--arms", arms), ("--initial-by", (initial_by,))):
        for name in names:
            if name not in known:
                yield (
                    f"{option} {name}: unknown strategy{nearest(name, known)}; expected one of "
                    f"{', '.join(known)}"
                )


def _full_faults(full: Sequence[str], known: Sequence[str]) -> Iterator[str]:
    for name in full:
        if name not in known:
            yield (
                f"--full {name}: unknown method{nearest(name, known)}; expected {', '.join(known)}"
            )


def _config_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """Changes of config.toml that a simulation may not make; ranges are checked by the settings."""
    for name in config:
        table, _, key = name.partition(".")
        section = Config.model_fields[table].annotation if table in CHANGEABLE else None
        fields = getattr(section, "model_fields", {})
        if section is None:
            yield f"--set {name}: expected one of the tables {', '.join(CHANGEABLE)}"
        elif key not in fields:
            yield f"--set {name}: [{table}] has no such setting{nearest(key, fields)}"
        elif name in OPTION_OF:
            use = f"use {OPTION_OF[name]}" if OPTION_OF[name] else "a simulation needs its own"
            yield f"--set {name}: {use}"

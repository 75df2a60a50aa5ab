"""The options of `maskloop train`."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from pydantic.fields import FieldInfo

from daemon.config.learner import faults_of
from daemon.config.loop_sections import Training
from daemon.config.name_lists import names_given
from daemon.config.ranges import Seed, expanded_path, expected, fits
from daemon.domain.errors import ExperimentRefused
from daemon.domain.formatting import short_repr

METHODS = ("hrda", "supervised", "segformer")
ALL, NONE = "all", "none"
MaxSeconds = Annotated[float, Field(gt=0, le=10_000_000, allow_inf_nan=False)]


@dataclass(frozen=True, kw_only=True)
class Options:
    """The checked options.

    labeled, val, unlabeled, test: a number, a word or a file, as typed; `assign_roles` reads them.
    settings: of the learner, by name. max_seconds: None: no limit. students: whether the student is
    measured too.
    """

    images: Path
    masks: Path
    labeled: str
    val: str
    unlabeled: str
    test: str
    seed: int
    settings: Mapping[str, Any]
    max_seconds: float | None
    threads: int
    processes: int
    device: str
    classes: tuple[str, ...]
    parent: Path | None
    students: bool
    out: Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.epilog = (
        "FILE: a text file with one id a line, or splits.json:NAME for a list inside JSON. An id "
        "is the name of an image without its extension; its mask is MASKS/ID.png. Ctrl-C saves; "
        "the same command resumes."
    )
    add = parser.add_argument
    add("--images", type=Path, required=True, metavar="DIR", help="images, ID.jpg")
    add("--masks", type=Path, required=True, metavar="DIR", help="masks, 8 bits, 255 = ignore")
    add(
        "--labeled",
        required=True,
        metavar="FILE|N",
        help="labeled images; N: drawn by --seed among the images with a mask that are neither in "
        "--test nor in --val, and from the list of --unlabeled where that is a file",
    )
    add("--val", default=NONE, metavar="FILE|N|none", help="validation; N: that many of --labeled")
    add("--unlabeled", required=True, metavar="FILE|all|none", help="all: every other image")
    add("--test", required=True, metavar="FILE", help="measured on when training has ended")
    _add_training(parser)


def _add_training(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--method", choices=METHODS, default="hrda", help="supervised and segformer: labels only")
    add("--preset", default="cpu", help="cpu, gpu, supervisely or paper (cpu)")
    add("--seed", type=int, default=0, help="of the drawn images and of the training (0)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--iterations", type=int, metavar="N", help="instead of the preset's")
    length.add_argument(
        "--max-seconds", type=float, metavar="N", help="turned into iterations by timing a few"
    )
    add("--threads", type=int, default=0, metavar="N", help="0: as many as the machine has (0)")
    add("--processes", type=int, default=1, metavar="N", help="train together, a GPU each (1)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")
    add(
        "--classes",
        default="",
        metavar="a,b,c|FILE",
        help="names by pixel value, background first, one a line in FILE",
    )
    add("--parent", type=Path, metavar="CHECKPOINT", help="start from it instead of ImageNet")
    add("--measure", choices=("both", "teacher"), default="both", help="the student too (both)")
    add("--out", type=Path, required=True, metavar="DIR", help="result.json and all the rest")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting; repeatable")


def read_options(typed: argparse.Namespace) -> Options:
    """The options of a command line. Raises ExperimentRefused that lists all faults."""
    settings = {"preset": typed.preset, "method": typed.method} | settings_given(typed.set)
    if typed.iterations is not None:
        settings["iterations"] = typed.iterations
    faults = [*_number_faults(typed), *setting_faults(settings)]
    if faults:
        raise ExperimentRefused("\n  ".join(["the options of `maskloop train`:", *faults]))
    return Options(
        images=absolute_path(typed.images, "--images"),
        masks=absolute_path(typed.masks, "--masks"),
        labeled=typed.labeled,
        val=typed.val,
        unlabeled=typed.unlabeled,
        test=typed.test,
        seed=typed.seed,
        settings=settings,
        max_seconds=typed.max_seconds,
        threads=typed.threads,
        processes=typed.processes,
        device=typed.device,
        classes=classes_given(typed.classes),
        parent=_parent(typed.parent),
        students=typed.measure == "both",
        out=absolute_path(typed.out, "--out"),
    )


def _number_faults(typed: argparse.Namespace) -> Iterator[str]:
    for option, value, field in (
        ("--seed", typed.seed, FieldInfo.from_annotation(Seed)),
        ("--threads", typed.threads, Training.model_fields["threads"]),
        ("--processes", typed.processes, Training.model_fields["processes"]),
        ("--device", typed.device, Training.model_fields["device"]),
        ("--max-seconds", typed.max_seconds, FieldInfo.from_annotation(MaxSeconds)),
    ):
        if value is not None and not fits(value, field):
            yield f"{option} {short_repr(value)}: expected {expected(field)}"


def setting_faults(settings: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with settings of the learner, each with the option that sets it."""
    options = ("preset", "method", "iterations")
    for name, faults in faults_of(settings).items():
        option = f"--{name}" if name in options else "--set"
        yield from (f"{option}: {fault}" for fault in faults)


def absolute_path(path: Path, option: str) -> Path:
    """The absolute path: `~` and variables replaced, relative to the present folder."""
    try:
        return Path(expanded_path(str(path))).absolute()
    except ValueError as exc:
        raise ExperimentRefused(f"{option} {path}: {exc}") from exc


def _parent(path: Path | None) -> Path | None:
    if path is None:
        return None
    checkpoint = absolute_path(path, "--parent")
    if not checkpoint.is_file():
        raise ExperimentRefused(f"--parent {path}: no such file; name the checkpoint of a training")
    return checkpoint


def classes_given(text: str) -> tuple[str, ...]:
    """The names of --classes; none where it is empty. Raises ExperimentRefused."""
    try:
        return names_given(text)
    except ValueError as exc:
        raise ExperimentRefused(f"--classes {exc}") from exc


def settings_given(texts: Sequence[str]) -> dict[str, Any]:
    """Settings by name from KEY=VALUE texts; a value that is no Python literal is a string."""
    settings: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ExperimentRefused(f"--set {text}: expected KEY=VALUE, such as width=64")
        if name in ("preset", "method"):
            raise ExperimentRefused(f"--set {text}: use --{name}")
        try:
            settings[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            settings[name] = value
    return settings

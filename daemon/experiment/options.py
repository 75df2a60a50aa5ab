"""What `maskloop train` can be told."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.errors import ExperimentRefused

METHODS = ("hrda", "supervised", "segformer")
ALL, NONE = "all", "none"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options, checked one by one.

    labeled, val, unlabeled, test: a number, a word or a file, as typed; `draw` reads them.
    settings: the learner's, by name. students: whether the student is measured too.
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
        "is the name of an image without its ending; its mask is MASKS/ID.png. Ctrl-C saves; the "
        "same command goes on."
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
    add("--classes", default="", help="names by pixel value, background first: a,b,c")
    add("--parent", type=Path, metavar="CHECKPOINT", help="start from it instead of ImageNet")
    add("--measure", choices=("both", "teacher"), default="both", help="the student too (both)")
    add("--out", type=Path, required=True, metavar="DIR", help="result.json and all the rest")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting; repeatable")


def read_options(given: argparse.Namespace) -> Options:
    """The options of a command line. Raises ExperimentRefused that names the faulty one."""
    settings = {"preset": given.preset, "method": given.method} | _settings(given.set)
    if given.iterations is not None:
        settings["iterations"] = given.iterations
    if given.max_seconds is not None and not given.max_seconds > 0:
        raise ExperimentRefused(f"--max-seconds {given.max_seconds}: expected more than 0")
    if given.threads < 0 or given.seed < 0:
        raise ExperimentRefused("--threads and --seed: expected 0 or more")
    if given.processes < 1:
        raise ExperimentRefused("--processes: expected 1 or more")
    return Options(
        images=given.images.absolute(),
        masks=given.masks.absolute(),
        labeled=given.labeled,
        val=given.val,
        unlabeled=given.unlabeled,
        test=given.test,
        seed=given.seed,
        settings=settings,
        max_seconds=given.max_seconds,
        threads=given.threads,
        processes=given.processes,
        device=given.device,
        classes=tuple(name.strip() for name in given.classes.split(",") if name.strip()),
        parent=given.parent.absolute() if given.parent else None,
        students=given.measure == "both",
        out=given.out.absolute(),
    )


def _settings(texts: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE each; a value that is no Python literal is text."""
    settings: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ExperimentRefused(f"--set {text}: expected KEY=VALUE, such as width=64")
        if name in ("preset", "method"):
            raise ExperimentRefused(f"--set {text}: use --{name}")
        try:
            settings[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            settings[name] = value
    return settings

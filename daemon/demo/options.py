"""The options of `maskloop demo`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from daemon.config.name_lists import names_given
from daemon.config.ranges import expanded_path
from daemon.domain.errors import DemoFailed

MAX_PACE_S = 86_400
MAX_PORT = 65_535


@dataclass(frozen=True, kw_only=True)
class Options:
    """The checked options.

    folder: holds all files of the demo. cycles: how many are trained. exit_when_trained: end then
    instead of staying up.

    data: a folder that `maskloop import` wrote. images, masks: a data set of the user's own, both
    or neither. splits: JSON with the lists `pool` and `test`. port: of Label Studio, 0: any free
    one. pace_s: seconds that a simulated annotator spends on an image.
    """

    folder: Path
    cycles: int
    exit_when_trained: bool
    data: Path | None
    images: Path | None
    masks: Path | None
    splits: Path | None
    classes: tuple[str, ...]
    port: int
    pace_s: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    add = parser.add_argument
    add("--dir", type=Path, default=Path("demo"), help="folder for all files of the demo (./demo)")
    add("--cycles", type=int, default=3, help="trained cycles (3)")
    add("--exit", action="store_true", help="end after the last cycle instead of staying up")
    add("--data", type=Path, help="a folder that `maskloop import` wrote")
    add("--images", type=Path, help="your own images, NAME.jpg")
    add("--masks", type=Path, help="their masks, NAME.png, class indices, 255 = ignore")
    add("--splits", type=Path, help='JSON {"pool": [NAME], "test": [NAME]}; else all are pool')
    add("--classes", default="", help="class names by pixel value: a,b,c, or a file")
    add("--port", type=int, default=0, help="port of Label Studio (kept, or any free one)")
    add("--pace", type=float, default=1.0, help="seconds an annotator looks at an image (1)")


def read_options(typed: argparse.Namespace) -> Options:
    """The options of a command line. Raises DemoFailed for those that do not fit together."""
    if typed.data is not None and (typed.images or typed.masks or typed.splits or typed.classes):
        raise DemoFailed(
            "--data names images, masks, splits and classes by itself; leave out --images, "
            "--masks, --splits and --classes, or --data"
        )
    if (typed.images is None) != (typed.masks is None):
        raise DemoFailed("--images and --masks belong together; give both, or neither")
    if typed.images is None and (typed.splits or typed.classes):
        raise DemoFailed("--splits and --classes describe your own --images and --masks")
    if typed.cycles < 1:
        raise DemoFailed(f"--cycles {typed.cycles}: expected 1 or more")
    if not 0 <= typed.pace <= MAX_PACE_S:  # NaN neither
        raise DemoFailed(f"--pace {typed.pace}: expected 0 or more seconds, at most {MAX_PACE_S}")
    if not 0 <= typed.port <= MAX_PORT:
        raise DemoFailed(f"--port {typed.port}: expected a number from 0 to {MAX_PORT}")
    return Options(
        folder=_path(typed.dir, "--dir"),
        cycles=typed.cycles,
        exit_when_trained=typed.exit,
        data=_path(typed.data, "--data") if typed.data else None,
        images=_path(typed.images, "--images") if typed.images else None,
        masks=_path(typed.masks, "--masks") if typed.masks else None,
        splits=_path(typed.splits, "--splits") if typed.splits else None,
        classes=_classes(typed.classes),
        port=typed.port,
        pace_s=typed.pace,
    )


def _path(path: Path, option: str) -> Path:
    try:
        return Path(expanded_path(str(path)))
    except ValueError as exc:
        raise DemoFailed(f"{option} {path}: {exc}") from exc


def _classes(text: str) -> tuple[str, ...]:
    try:
        return names_given(text)
    except ValueError as exc:
        raise DemoFailed(f"--classes {exc}") from exc

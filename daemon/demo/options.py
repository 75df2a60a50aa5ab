"""What `maskloop demo` can be told."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from daemon.config.name_lists import names_given
from daemon.config.ranges import expanded_path
from daemon.domain.errors import DemoFailed

LONGEST_PACE_S = 86_400
MOST_PORT = 65_535


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options, checked. folder: holds everything of the demo. cycles: trained ones.

    images, masks: a data set of the user's own, both or neither. splits: JSON with the lists
    `pool` and `test`. port: of Label Studio, 0 for any free one. pace_s: time that a simulated
    annotator looks at a picture.
    """

    folder: Path
    cycles: int
    leave: bool
    images: Path | None
    masks: Path | None
    splits: Path | None
    classes: tuple[str, ...]
    port: int
    pace_s: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    add = parser.add_argument
    add("--dir", type=Path, default=Path("demo"), help="folder that holds all of it (./demo)")
    add("--cycles", type=int, default=3, help="trained cycles (3)")
    add("--exit", action="store_true", help="end after the last cycle instead of staying up")
    add("--images", type=Path, help="your own images, NAME.jpg")
    add("--masks", type=Path, help="their masks, NAME.png, class indices, 255 = ignore")
    add("--splits", type=Path, help='JSON {"pool": [NAME], "test": [NAME]}; else all are pool')
    add("--classes", default="", help="class names by pixel value: a,b,c, or a file")
    add("--port", type=int, default=0, help="port of Label Studio (kept, or any free one)")
    add("--pace", type=float, default=1.0, help="seconds an annotator looks at an image (1)")


def read_options(given: argparse.Namespace) -> Options:
    """The options of a command line. Raises DemoFailed for those that do not fit together."""
    if (given.images is None) != (given.masks is None):
        raise DemoFailed("--images and --masks belong together; give both, or neither")
    if given.images is None and (given.splits or given.classes):
        raise DemoFailed("--splits and --classes describe your own --images and --masks")
    if given.cycles < 1:
        raise DemoFailed(f"--cycles {given.cycles}: expected 1 or more")
    if not 0 <= given.pace <= LONGEST_PACE_S:  # NaN neither
        raise DemoFailed(
            f"--pace {given.pace}: expected 0 or more seconds, at most {LONGEST_PACE_S}"
        )
    if not 0 <= given.port <= MOST_PORT:
        raise DemoFailed(f"--port {given.port}: expected a number from 0 to {MOST_PORT}")
    return Options(
        folder=_path(given.dir, "--dir"),
        cycles=given.cycles,
        leave=given.exit,
        images=_path(given.images, "--images") if given.images else None,
        masks=_path(given.masks, "--masks") if given.masks else None,
        splits=_path(given.splits, "--splits") if given.splits else None,
        classes=_classes(given.classes),
        port=given.port,
        pace_s=given.pace,
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

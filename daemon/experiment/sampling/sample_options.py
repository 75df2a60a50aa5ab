"""The options of `maskloop sample`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic.fields import FieldInfo

from daemon.config.learner import faults_of
from daemon.config.loop_sections import Selection, Training
from daemon.config.ranges import Seed, expected, fits
from daemon.config.text_checks import require_group
from daemon.domain.errors import ExperimentRefused
from daemon.domain.formatting import short_repr
from daemon.experiment.options import absolute_path

STRATEGIES = ("kcenter", "typiclust", "kmeans", "probcover", "random")  # they need no model
LIKE_JSON = ".json"


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """The checked options.

    strategy: one of STRATEGIES. group_by: regular expression on the id, "": no groups. exclude: a
    list as `maskloop train` reads it, "": none. similarity: of near-duplicates, cosine.
    """

    images: Path
    n: int
    strategy: str
    seed: int
    group_by: str
    exclude: str
    similarity: float
    preset: str
    device: str
    threads: int
    out: Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.epilog = (
        "FILE gets one id a line, as `maskloop train --labeled FILE` reads it; beside it stand a "
        "map (FILE-map.png), a page (FILE.html) and the embeddings, so that a second call is quick."
    )
    add = parser.add_argument
    add("--images", type=Path, required=True, metavar="DIR", help="images, ID.jpg")
    add("--n", type=int, required=True, metavar="N", help="how many to choose")
    add("--by", choices=STRATEGIES, default="kcenter", help="strategies/README.md (kcenter)")
    add("--out", type=Path, required=True, metavar="FILE", help="a text file, such as first.txt")
    add("--seed", type=int, default=0, help="of the choice (0)")
    add(
        "--group-by",
        default="",
        metavar="REGEX",
        help="its first group names a video or a field: each gives about as many images, and none "
        "that holds an image of --exclude gives any",
    )
    add(
        "--exclude",
        default="",
        metavar="FILE",
        help="ids that are not chosen, nor their near-duplicates: the test images, for one",
    )
    add(
        "--similarity",
        type=float,
        default=Selection.model_fields["duplicate_similarity"].default,
        help="smallest cosine similarity of near-duplicates (0.98)",
    )
    add("--preset", default="cpu", help="whose encoder embeds the images (cpu)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")
    add("--threads", type=int, default=0, metavar="N", help="0: as many as the machine has (0)")


def read_options(typed: argparse.Namespace) -> SampleOptions:
    """The options of a command line. Raises ExperimentRefused that lists all faults."""
    faults = list(_faults(typed))
    if faults:
        raise ExperimentRefused("\n  ".join(["the options of `maskloop sample`:", *faults]))
    return SampleOptions(
        images=absolute_path(typed.images, "--images"),
        n=typed.n,
        strategy=typed.by,
        seed=typed.seed,
        group_by=typed.group_by,
        exclude=typed.exclude,
        similarity=typed.similarity,
        preset=typed.preset,
        device=typed.device,
        threads=typed.threads,
        out=absolute_path(typed.out, "--out"),
    )


def _faults(typed: argparse.Namespace) -> Iterator[str]:
    if typed.n < 1:
        yield f"--n {typed.n}: expected at least 1"
    if typed.out.suffix.lower() == LIKE_JSON or not typed.out.name:
        yield f"--out {typed.out}: expected a text file, such as first.txt"
    if typed.out.absolute().parent == typed.images.absolute():
        yield f"--out {typed.out}: lies among the images, where its map would be one; name a folder"
    for option, value, field in (
        ("--seed", typed.seed, FieldInfo.from_annotation(Seed)),
        ("--similarity", typed.similarity, Selection.model_fields["duplicate_similarity"]),
        ("--threads", typed.threads, Training.model_fields["threads"]),
        ("--device", typed.device, Training.model_fields["device"]),
    ):
        if not fits(value, field):
            yield f"{option} {short_repr(value)}: expected {expected(field)}"
    for faults in faults_of({"preset": typed.preset}).values():
        yield from (f"--preset: {fault}" for fault in faults)
    try:
        require_group(typed.group_by)
    except ValueError as exc:
        yield f"--group-by {short_repr(typed.group_by)}: {exc}"

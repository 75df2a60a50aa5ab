"""The options of `maskloop train-clicks`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.options import absolute_path, classes_given

MOST_MINUTES = 600.0


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """The checked options.

    ids, validation: FILE or splits.json:NAME; ids "": all images with a mask that are not in
    validation; validation "": none, then nothing is measured. model: a checkpoint for the encoder
    and the priors. minutes: of processor time.
    """

    images: Path
    masks: Path
    out: Path
    ids: str
    validation: str
    classes: tuple[str, ...]
    model: Path | None
    minutes: float
    objects: int
    seed: int
    threads: int
    device: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.epilog = (
        "Trains the network that turns clicks into masks, and clicks on objects of --validation "
        "with it and with prior_walk. Writes train-clicks/checkpoint.pth and result.json into "
        "--out. After Ctrl-C the same command begins the training again."
    )
    add = parser.add_argument
    add("--images", type=Path, required=True, metavar="DIR", help="images, ID.jpg")
    add("--masks", type=Path, required=True, metavar="DIR", help="masks, 8 bits, 255 = ignore")
    add("--splits", default="", metavar="FILE", help="ids to learn from, or splits.json:NAME (all)")
    add("--validation", default="", metavar="FILE", help="ids to measure on, or splits.json:NAME")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the network")
    add("--classes", default="", metavar="NAMES", help="class names by value, comma-separated")
    add(
        "--model",
        type=Path,
        metavar="FILE",
        help="a checkpoint: the network starts from its encoder and learns to use its view of the "
        "images that it was not trained on",
    )
    add("--minutes", type=float, default=5.0, metavar="X", help="of processor time (5)")
    add("--objects", type=int, default=40, metavar="N", help="of --validation to click on (40)")
    add("--seed", type=int, default=0, help="of the training and the objects (0)")
    add("--threads", type=int, default=0, metavar="N", help="0: as many as the machine has (0)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")


def read_options(given: argparse.Namespace) -> NetworkOptions:
    """Check the options. Raises ExperimentRefused that says all that is wrong."""
    faults = []
    if not 0 < given.minutes <= MOST_MINUTES:
        faults.append(f"--minutes {given.minutes}: expected more than 0, at most {MOST_MINUTES:g}")
    faults += [
        f"--{name} {getattr(given, name)}: expected 0 or more"
        for name in ("objects", "seed", "threads")
        if getattr(given, name) < 0
    ]
    if given.model is not None and not given.model.is_file():
        faults.append(f"--model {given.model}: no such file; name a checkpoint")
    if faults:
        raise ExperimentRefused("; ".join(faults))
    return NetworkOptions(
        images=absolute_path(given.images, "--images"),
        masks=absolute_path(given.masks, "--masks"),
        out=absolute_path(given.out, "--out"),
        ids=given.splits,
        validation=given.validation,
        classes=classes_given(given.classes),
        model=absolute_path(given.model, "--model") if given.model else None,
        minutes=given.minutes,
        objects=given.objects,
        seed=given.seed,
        threads=given.threads,
        device=given.device,
    )

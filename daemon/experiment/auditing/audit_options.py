"""The options of `maskloop audit`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from daemon.config.learner import faults_of
from daemon.domain.errors import ExperimentRefused
from daemon.domain.label_findings import COPIES
from daemon.experiment.options import absolute_path, classes_given

MAX_TOLERANCE_PX = 20


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """The checked options of an audit of folders.

    ids: FILE or splits.json:NAME, "" for all images with a mask. checkpoint, trained_on: a model
    and the list of the ids that it was trained on; None: two short fold trainings. fold_labels:
    most labels that a fold trains on; 0: all. group_by: regular expression on an id; its first
    group stays in one fold. copies: as of `AuditRequest`. plant: print the tables of planted
    errors.
    """

    images: Path
    masks: Path
    out: Path
    ids: str
    classes: tuple[str, ...]
    checkpoint: Path | None
    trained_on: str
    fold_labels: int
    iterations: int
    group_by: str
    tolerance_px: int
    copies: int
    plant_share: float
    plant: bool
    seed: int
    threads: int
    device: str

    @property
    def settings(self) -> dict[str, object]:
        """Of the learner, for the trainings of the folds."""
        return {"preset": "cpu", "method": "supervised", "iterations": self.iterations}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.epilog = (
        "Without --images: the labels of the loop of config.toml, judged by its models. With "
        "--images: the images are split into two folds, a short training on each judges the other "
        "one. Writes findings.json, findings.csv and findings.html into --out. Ctrl-C stops; the "
        "same command resumes."
    )
    add = parser.add_argument
    add("--images", type=Path, metavar="DIR", help="images, ID.jpg; without: the loop's labels")
    add("--masks", type=Path, metavar="DIR", help="masks, 8 bits, 255 = ignore")
    add("--splits", default="", metavar="FILE", help="ids to audit, or splits.json:NAME (all)")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the findings")
    add("--classes", default="", metavar="NAMES", help="class names by value, comma-separated")
    add("--checkpoint", type=Path, metavar="FILE", help="judge by this model; no fold trains")
    add("--trained-on", default="", metavar="FILE", help="ids that --checkpoint was trained on")
    add("--fold-labels", type=int, default=0, metavar="N", help="most labels of a fold (0: all)")
    add("--iterations", type=int, default=300, metavar="N", help="of each fold training (300)")
    add("--group-by", default="", metavar="REGEX", help="group 1 of an id stays in one fold")
    add("--tolerance-px", type=int, default=2, metavar="N", help="by which borders may differ (2)")
    add(
        "--copies",
        type=int,
        default=COPIES,
        choices=(1, 2, 4, 8),
        metavar="N",
        help=f"1, 2, 4, 8: mirrored and turned copies of an image, averaged ({COPIES})",
    )
    add("--plant-share", type=float, default=0.1, metavar="X", help="objects with planted errors")
    add("--plant", action="store_true", help="print how well planted errors were found")
    add("--seed", type=int, default=0, help="of folds, trainings and planted errors (0)")
    add("--threads", type=int, default=0, metavar="N", help="0: as many as the machine has (0)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")


def read_options(given: argparse.Namespace) -> AuditOptions:
    """Check the options. Raises ExperimentRefused that says all that is wrong."""
    faults = [
        *_missing(given),
        *(f"--iterations: {fault}" for fault in _iteration_faults(given.iterations)),
    ]
    if not 0 <= given.tolerance_px <= MAX_TOLERANCE_PX:
        faults.append(f"--tolerance-px {given.tolerance_px}: expected 0 to {MAX_TOLERANCE_PX}")
    if not 0 < given.plant_share <= 1:
        faults.append(f"--plant-share {given.plant_share}: expected more than 0, at most 1")
    if given.fold_labels < 0:
        faults.append(f"--fold-labels {given.fold_labels}: expected 0 or more")
    if faults:
        raise ExperimentRefused("; ".join(faults))
    checkpoint = absolute_path(given.checkpoint, "--checkpoint") if given.checkpoint else None
    return AuditOptions(
        images=absolute_path(given.images, "--images"),
        masks=absolute_path(given.masks, "--masks"),
        out=absolute_path(given.out, "--out"),
        ids=given.splits,
        classes=classes_given(given.classes),
        checkpoint=checkpoint,
        trained_on=given.trained_on,
        fold_labels=given.fold_labels,
        iterations=given.iterations,
        group_by=given.group_by,
        tolerance_px=given.tolerance_px,
        copies=given.copies,
        plant_share=given.plant_share,
        plant=given.plant,
        seed=given.seed,
        threads=given.threads,
        device=given.device,
    )


def _missing(given: argparse.Namespace) -> list[str]:
    faults = []
    if given.masks is None:
        faults.append("--masks: is missing; name the folder of the masks")
    if given.checkpoint and not given.checkpoint.is_file():
        faults.append(f"--checkpoint {given.checkpoint}: no such file")
    if bool(given.checkpoint) != bool(given.trained_on):
        faults.append(
            "--checkpoint and --trained-on: expected both; a model must not judge labels that it "
            "was trained on"
        )
    return faults


def _iteration_faults(iterations: int) -> list[str]:
    return [fault for found in faults_of({"iterations": iterations}).values() for fault in found]

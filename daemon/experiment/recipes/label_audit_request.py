"""What the audit of labels is given as a step of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.experiment.image_folders import Folders
from daemon.experiment.recipes.experiment_records import AuditOutcome
from daemon.runs.run_folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class AuditRequest:
    """What an audit is given.

    images: the folder of all images. labeled: ids of the images whose masks are checked. folder:
    for its runs and pages; it goes on with what lies there. group_by: a pattern whose first group
    names the group of an image, "" for none. settings: of the learner, by name. run_to_end: runs a
    command of a run folder in a child process, or goes on with it.
    """

    images: Path
    folders: Folders
    classes: tuple[str, ...]
    labeled: tuple[str, ...]
    folder: Path
    device: str
    threads: int
    seed: int
    group_by: str
    settings: Mapping[str, Any]
    run_to_end: Callable[[RunFolder, str], None]


LabelAudit = Callable[[AuditRequest], AuditOutcome]

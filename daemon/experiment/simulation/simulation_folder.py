"""The folder of a simulation: what lies where.

DIR/request.json              what was asked; another request in the same folder is refused
DIR/results.json              what was found so far, replaced after each training
DIR/images                    links to the images of the training list; the loop sees no others
DIR/splits.json               the lists: train, test
DIR/features                  of all images (--learner probe only)
DIR/runs/pool                 a home of the loop, until all images are embedded
DIR/runs/seed-0/first         a copy of it, until the first model has scored the pool
DIR/runs/seed-0/arms/random   a copy of that, until the end: state/, config.toml, run.json
DIR/runs/seed-0/replicates/random-1   the same labels trained with another seed (A/A): run.json
DIR/runs/full/hrda-0          a training on all labels: point.json
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daemon.runs.run_folder import RunFolder


@dataclass(frozen=True)
class SimulationFolder:
    """The paths in the folder of --out."""

    path: Path

    @property
    def request_file(self) -> Path:
        """What was asked."""
        return self.path / "request.json"

    @property
    def results_file(self) -> Path:
        """What was found so far."""
        return self.path / "results.json"

    @property
    def images(self) -> Path:
        """Links to the images of the training list."""
        return self.path / "images"

    @property
    def splits_file(self) -> Path:
        """The lists of ids."""
        return self.path / "splits.json"

    @property
    def features(self) -> Path:
        """Features of the images of all lists, for the probe."""
        return self.path / "features"

    @property
    def pool(self) -> Path:
        """The home that all seeds start from."""
        return self.path / "runs" / "pool"

    def first(self, seed: int) -> Path:
        """The home that all arms of a seed start from."""
        return self._seed(seed) / "first"

    def arm(self, seed: int, arm: str) -> Path:
        """The home of an arm."""
        return self._seed(seed) / "arms" / arm

    def replicate(self, seed: int, arm: str, number: int) -> Path:
        """The trainings of an A/A run."""
        return self._seed(seed) / "replicates" / f"{arm}-{number}"

    def full(self, method: str, seed: int) -> Path:
        """The training on all labels."""
        return self.path / "runs" / "full" / f"{method}-{seed}"

    def _seed(self, seed: int) -> Path:
        return self.path / "runs" / f"seed-{seed}"


def run_in(home: Path, name: str) -> RunFolder:
    """A run of a home of the loop, such as 0001-train."""
    return RunFolder(home / "state" / "runs" / name)

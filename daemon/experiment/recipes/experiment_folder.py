"""The folder of an experiment: what lies where.

DIR/request.json               what was asked; another request in the same folder is refused
DIR/embeddings                 of all images, see sampling/image_embeddings.py
DIR/choice.json                which images are labeled, unlabeled and test, and the map of all
DIR/audit.json, DIR/audit      what the audit of the labels found
DIR/arms/hrda/seed-0           a training: train, predict (run folders), watch.json, run.json
DIR/arms/hrda/pictures-HASH    a run folder: masks of the images that the report shows
DIR/report.json                all that was found
DIR/report.html                the same for people
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daemon.runs.run_folder import RunFolder


@dataclass(frozen=True)
class ExperimentFolder:
    """The paths in the folder of --out."""

    path: Path

    @property
    def request_file(self) -> Path:
        """What was asked."""
        return self.path / "request.json"

    @property
    def embeddings(self) -> Path:
        """Of all images."""
        return self.path / "embeddings"

    @property
    def choice_file(self) -> Path:
        """Which images are for what."""
        return self.path / "choice.json"

    @property
    def audit_file(self) -> Path:
        """What the audit found."""
        return self.path / "audit.json"

    @property
    def audit(self) -> Path:
        """The working folder of the audit."""
        return self.path / "audit"

    @property
    def report_file(self) -> Path:
        """All that was found."""
        return self.path / "report.json"

    @property
    def page_file(self) -> Path:
        """The report for people."""
        return self.path / "report.html"

    def training(self, arm: str, seed: int) -> Path:
        """The folder of a training and its measurement."""
        return self.path / "arms" / arm / f"seed-{seed}"

    def train(self, arm: str, seed: int) -> RunFolder:
        """Its first run."""
        return RunFolder(self.training(arm, seed) / "train")

    def predict(self, arm: str, seed: int) -> RunFolder:
        """Its second run, on the test images."""
        return RunFolder(self.training(arm, seed) / "predict")

    def run_file(self, arm: str, seed: int) -> Path:
        """Its figures, written last."""
        return self.training(arm, seed) / "run.json"

    def pictures(self, arm: str, key: str) -> RunFolder:
        """The masks of an arm for the images that the report shows. key: of these images."""
        return RunFolder(self.path / "arms" / arm / f"pictures-{key}")

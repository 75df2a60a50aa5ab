"""The second step: the labels are checked before anything is trained on them.

A label is compared with the view of a model that did not learn from it: two models are trained,
each on every second label of the sample, and each looks at the other half. The comparison itself is
another room. It is registered in `installed_audit`: a function of an `AuditRequest` that returns an
`AuditOutcome`. Where there is none, nothing is trained for it and the report says "not done".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.experiment.image_folders import Folders
from daemon.experiment.jobs.job import JobParts
from daemon.experiment.recipes.experiment_records import AuditOutcome
from daemon.experiment.recipes.recipe_job import RecipeJob, audit_of
from daemon.experiment.recipes.recipe_model import Recipe
from daemon.experiment.recipes.sample_job import SampleJob
from daemon.runs.durable import write_json
from daemon.runs.run_folder import RunFolder, TrainRequest

NOT_INSTALLED = "not done: no audit of labels is installed; the labels are used as they are"
LEAST_LABELS = 4
TOO_FEW = f"not done: it needs {LEAST_LABELS} labels, two for each of its models"
NOT_WANTED = "not done: the recipe says [audit] run = false; the labels are used as they are"


@dataclass(frozen=True, kw_only=True)
class AuditPart:
    """Labels that a model did not learn from. trained_on: the ids that it learned from."""

    names: tuple[str, ...]
    checkpoint: Path
    trained_on: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AuditRequest:
    """What an audit is given.

    parts: all labels, each once, with the model that looks at it. folder: for its runs and pages.
    settings: of the learner, by name. run_to_end: runs a command of a run folder in a child
    process, or goes on with it.
    """

    folders: Folders
    classes: tuple[str, ...]
    parts: tuple[AuditPart, ...]
    folder: Path
    device: str
    threads: int
    seed: int
    settings: Mapping[str, Any]
    run_to_end: Callable[[RunFolder, str], None]


LabelAudit = Callable[[AuditRequest], AuditOutcome]


def installed_audit() -> LabelAudit | None:
    """The audit that checks the labels; None while no room registers one here."""
    return None


class AuditJob(RecipeJob):
    """Writes audit.json."""

    name = "audit"
    needs = SampleJob.name

    def __init__(self, parts: JobParts, audit: LabelAudit | None) -> None:
        super().__init__(parts)
        self._audit = audit if self.parts.plan.recipe.audit.run else None

    def done(self) -> bool:
        """Whether it is done; an audit that was installed since is made up for."""
        found = audit_of(self.parts.plan)
        if found is None or found.done or self._audit is None:
            return found is not None
        return found.words.startswith(TOO_FEW)

    def trained(self) -> int:
        """Nothing that counts as a training of an arm."""
        return 0

    def run(self) -> None:
        """Check the labels, or say why not."""
        plan = self.parts.plan
        if self._audit is None:
            wanted = plan.recipe.audit.run
            outcome = AuditOutcome(done=False, words=NOT_INSTALLED if wanted else NOT_WANTED)
        else:
            labeled = self.choice().labeled
            if len(labeled) < LEAST_LABELS:
                outcome = AuditOutcome(done=False, words=f"{TOO_FEW}, here {len(labeled)}")
            else:
                outcome = self._audit(self._request(labeled))
        write_json(plan.folder.audit_file, outcome.model_dump(mode="json"))

    def _request(self, labeled: Sequence[str]) -> AuditRequest:
        plan, threads = self.parts.plan, self.parts.threads()
        return AuditRequest(
            folders=plan.folders,
            classes=plan.classes,
            parts=tuple(self._part(labeled, half, threads) for half in (0, 1)),
            folder=plan.folder.audit,
            device=plan.recipe.training.device,
            threads=threads,
            seed=plan.recipe.sample.seed,
            settings=audit_settings(plan.recipe),
            run_to_end=lambda run, command: self.run_to_end(run, command, self.parts.poll_s),
        )

    def _part(self, labeled: Sequence[str], half: int, threads: int) -> AuditPart:
        """Train on every second label, or go on with it."""
        plan = self.parts.plan
        taught, others = tuple(labeled[half::2]), tuple(labeled[1 - half :: 2])
        run = RunFolder(plan.folder.audit / f"half-{half}")
        run.write_request(
            TrainRequest(
                labeled=plan.folders.labeled_files(taught),
                max_seconds=plan.recipe.training.max_seconds,
                classes=plan.classes,
                device=plan.recipe.training.device,
                threads=threads,
                seed=plan.recipe.sample.seed,
                settings=audit_settings(plan.recipe),
            )
        )
        self.run_to_end(run, "train", self.parts.poll_s)
        return AuditPart(names=others, checkpoint=run.checkpoint, trained_on=taught)


def audit_settings(recipe: Recipe) -> dict[str, Any]:
    """The settings of the two models: those of [training], on labels only."""
    shared = recipe.training
    given = {} if shared.iterations is None else {"iterations": shared.iterations}
    return {"preset": shared.preset, "method": "supervised", **given, **shared.settings}

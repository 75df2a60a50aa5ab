"""The second step: the labels are checked before anything is trained on them.

The audit itself is another room. It is registered in `installed_audit`: a function of an
`AuditRequest` that returns an `AuditOutcome`. Where there is none, the report says "not done".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daemon.experiment.image_folders import Folders
from daemon.experiment.jobs.job import JobParts
from daemon.experiment.recipes.experiment_records import AuditOutcome
from daemon.experiment.recipes.recipe_job import RecipeJob, audit_of
from daemon.experiment.recipes.sample_job import SampleJob
from daemon.runs.durable import write_json
from daemon.runs.run_folder import RunFolder

NOT_INSTALLED = "not done: no audit of labels is installed; the labels are used as they are"
NOT_WANTED = "not done: the recipe says [audit] run = false; the labels are used as they are"


@dataclass(frozen=True, kw_only=True)
class AuditRequest:
    """What an audit is given.

    labeled: ids of the images whose masks are checked. folder: an empty one for its runs and pages.
    run_to_end: runs a command of a run folder in a child process, or goes on with it.
    """

    folders: Folders
    classes: tuple[str, ...]
    labeled: tuple[str, ...]
    folder: Path
    device: str
    threads: int
    seed: int
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
        return found is not None and (found.done or self._audit is None)

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
            plan.folder.audit.mkdir(parents=True, exist_ok=True)
            outcome = self._audit(self._request())
        write_json(plan.folder.audit_file, outcome.model_dump(mode="json"))

    def _request(self) -> AuditRequest:
        plan = self.parts.plan
        return AuditRequest(
            folders=plan.folders,
            classes=plan.classes,
            labeled=self.choice().labeled,
            folder=plan.folder.audit,
            device=plan.recipe.training.device,
            threads=self.parts.threads(),
            seed=plan.recipe.sample.seed,
            run_to_end=lambda run, command: self.run_to_end(run, command, self.parts.poll_s),
        )

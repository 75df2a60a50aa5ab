"""The second step: the labels are checked before anything is trained on them.

The audit itself is another room, which trains the models that it needs: a label is compared with
the view of a model that did not learn from it. It is registered in `installed_audit`: a function of
an `AuditRequest` that returns an `AuditOutcome`. Where there is none, or the recipe wants none, the
report says "not done".
"""

from __future__ import annotations

from typing import Any

from daemon.experiment.jobs.job import JobParts
from daemon.experiment.recipes.experiment_records import AuditOutcome
from daemon.experiment.recipes.label_audit_request import AuditRequest, LabelAudit
from daemon.experiment.recipes.recipe_audit import audit_labels
from daemon.experiment.recipes.recipe_job import RecipeJob, audit_of
from daemon.experiment.recipes.recipe_model import Recipe
from daemon.experiment.recipes.sample_job import SampleJob
from daemon.runs.durable import write_json

NOT_INSTALLED = "not done: no audit of labels is installed; the labels are used as they are"
NOT_WANTED = "not done: the recipe says [audit] run = false; the labels are used as they are"


def installed_audit() -> LabelAudit | None:
    """The audit that checks the labels; None would be said in the report as "not done"."""
    return audit_labels


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
        return found is not None and (found.final or self._audit is None)

    def trained(self) -> int:
        """Nothing that counts as a training of an arm."""
        return 0

    def run(self) -> None:
        """Check the labels, or say why not."""
        plan = self.parts.plan
        if self._audit is None:
            wanted = plan.recipe.audit.run
            words = NOT_INSTALLED if wanted else NOT_WANTED
            outcome = AuditOutcome(done=False, final=False, words=words)
        else:
            plan.folder.audit.mkdir(parents=True, exist_ok=True)
            outcome = self._audit(self._request())
        write_json(plan.folder.audit_file, outcome.model_dump(mode="json"))

    def _request(self) -> AuditRequest:
        plan, recipe = self.parts.plan, self.parts.plan.recipe
        return AuditRequest(
            images=plan.read.home / recipe.data.images,
            folders=plan.folders,
            classes=plan.classes,
            labeled=self.choice().labeled,
            folder=plan.folder.audit,
            device=recipe.training.device,
            threads=self.parts.threads(),
            seed=recipe.sample.seed,
            group_by=recipe.sample.group_by,
            settings=audit_settings(recipe),
            run_to_end=lambda run, command: self.run_to_end(run, command, self.parts.poll_s),
        )


def audit_settings(recipe: Recipe) -> dict[str, Any]:
    """The settings of its models: those of [training], on labels only."""
    shared = recipe.training
    given = {} if shared.iterations is None else {"iterations": shared.iterations}
    return {"preset": shared.preset, "method": "supervised", **given, **shared.settings}

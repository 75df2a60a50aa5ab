"""What the jobs of an experiment share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.jobs.job import Job, JobParts
from daemon.experiment.jobs.saved_records import AnyRecord, read_saved
from daemon.experiment.recipes.experiment_plan import ExperimentPlan
from daemon.experiment.recipes.experiment_records import AuditOutcome, Choice

POLL_S = 0.5  # between two looks at a run


@dataclass(frozen=True, kw_only=True)
class RecipeParts(JobParts):
    """plan: of the whole experiment. poll_s: between two looks at a run."""

    plan: ExperimentPlan
    poll_s: float = POLL_S


class RecipeJob(Job):
    """A job that knows the plan of its experiment."""

    parts: RecipeParts

    def choice(self) -> Choice:
        """Which images are for what. Raises ExperimentRefused before the sample is chosen."""
        found = read_record(self.parts.plan.folder.choice_file, Choice)
        if found is None:
            raise ExperimentRefused(f"{self.parts.plan.folder.choice_file}: is not there yet")
        return found


def read_record(path: Path, kind: type[AnyRecord]) -> AnyRecord | None:
    """The record in a file; None where there is none. Raises ExperimentRefused for a damaged
    file."""
    return read_saved(path, kind, made_again=path)


def request_fields(plan: ExperimentPlan, arm: str, seed: int, threads: int) -> Mapping[str, Any]:
    """The fields that every request of an arm shares."""
    return {
        "classes": plan.classes,
        "device": plan.recipe.training.device,
        "threads": threads,
        "seed": seed,
        "settings": plan.recipe.settings_of(arm),
    }


def audit_of(plan: ExperimentPlan) -> AuditOutcome | None:
    """What the audit found; None before it ran."""
    return read_record(plan.folder.audit_file, AuditOutcome)

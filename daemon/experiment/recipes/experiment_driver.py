"""`maskloop experiment`: the plan in words, the jobs, the report."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console

from daemon.domain.errors import RunFailed
from daemon.domain.formatting import count
from daemon.experiment.command import INTERRUPTED, make_folder, sigterm_interrupts
from daemon.experiment.jobs.job import Job
from daemon.experiment.jobs.job_log import log_of_jobs
from daemon.experiment.jobs.job_runner import run_jobs
from daemon.experiment.jobs.trainings_at_once import TrainingsAtOnce
from daemon.experiment.recipes.audit_job import AuditJob, installed_audit
from daemon.experiment.recipes.experiment_options import ExperimentOptions
from daemon.experiment.recipes.experiment_plan import ExperimentPlan, make_plan
from daemon.experiment.recipes.experiment_records import (
    ArmRun,
    Choice,
    Found,
    ShownImage,
    StepFault,
)
from daemon.experiment.recipes.experiment_report import write_report
from daemon.experiment.recipes.experiment_request import settle_request
from daemon.experiment.recipes.label_audit_request import LabelAudit
from daemon.experiment.recipes.picture_job import PictureJob
from daemon.experiment.recipes.plan_text import plan_lines
from daemon.experiment.recipes.recipe_job import POLL_S, RecipeParts, audit_of, read_record
from daemon.experiment.recipes.sample_job import SampleJob
from daemon.experiment.recipes.shown_images import choose_images
from daemon.experiment.recipes.time_estimate import estimate_time
from daemon.experiment.recipes.training_job import TrainingJob
from daemon.launchers import Launcher
from daemon.launchers.local import LocalLauncher
from daemon.runs.run_folder import RunFolder


def run_recipe(
    options: ExperimentOptions,
    out: Console,
    err: Console,
    make_launcher: Callable[[], Launcher] = LocalLauncher,
    audit: LabelAudit | None = None,
    poll_s: float = POLL_S,
) -> int:
    """Do what is not done yet; the exit code: 0, 1 where a part failed, 130 after an interrupt.

    make_launcher: a launcher for each job. audit: None: the one that is installed, if any. Raises
    ExperimentRefused, and RunFailed where the machine lacks memory or disk.
    """
    plan, audit = make_plan(options.read, options.out, options.parallel), audit or installed_audit()
    _print_plan(plan, audit, out)
    if options.only_plan:
        return 0
    make_folder(options.out)
    with RunFolder(options.out).locked(), sigterm_interrupts(), log_of_jobs():
        request = settle_request(plan)
        at_once = _at_once(plan)
        parts = RecipeParts(
            plan=plan, make_launcher=make_launcher, threads=at_once.threads, poll_s=poll_s
        )
        experiment = _Experiment(parts, request, at_once, audit, err)
        try:
            found = experiment.found({}) if options.only_report else experiment.run()
        except KeyboardInterrupt:
            err.print(f"stopped; the same command goes on in {options.out}", markup=False)
            return INTERRUPTED
        write_report(plan, found)
    _print_end(found, plan, out)
    return 0 if found.complete else 1


class _Experiment:
    """The jobs of an experiment and what they have found."""

    def __init__(
        self,
        parts: RecipeParts,
        request: Mapping[str, Any],
        at_once: TrainingsAtOnce,
        audit: LabelAudit | None,
        err: Console,
    ) -> None:
        self._parts, self._request, self._at_once, self._err = parts, request, at_once, err
        plan = parts.plan
        self._trainings = [TrainingJob(parts, arm, seed) for arm, seed in plan.trainings()]
        self._jobs: list[Job] = [SampleJob(parts), AuditJob(parts, audit), *self._trainings]

    def run(self) -> Found:
        """Run all jobs; the pictures come last, since the figures choose them."""
        faults = self._run_jobs(self._jobs)
        shown = self._images_to_show()
        pictures: list[Job] = [
            PictureJob(self._parts, arm, shown)
            for arm in self._parts.plan.recipe.arms
            if shown and self._first_run(arm)
        ]
        faults = {**faults, **self._run_jobs(pictures)}
        self._jobs += pictures
        return self.found(faults)

    def found(self, faults: Mapping[str, str]) -> Found:
        """What is known now."""
        plan = self._parts.plan
        runs = [run for job in self._trainings if (run := job.found())]
        return Found(
            classes=plan.classes,
            request=self._request,
            complete=all(job.done() for job in self._jobs),
            choice=read_record(plan.folder.choice_file, Choice),
            audit=audit_of(plan),
            runs=tuple(runs),
            shown=self._images_to_show(),
            faults=tuple(StepFault(job=job, message=words) for job, words in faults.items()),
        )

    def _run_jobs(self, jobs: Sequence[Job]) -> Mapping[str, str]:
        """Why some failed, by job. Raises RunFailed where the machine lacks something."""
        plan, number = self._parts.plan, len(self._trainings)

        def save(faults: Mapping[str, str]) -> None:
            write_report(plan, self.found(faults))

        threads = run_jobs(jobs, self._parts, self._at_once, number, self._err, save)
        self._parts.stopped.clear()  # the threads set it at their end
        if threads.scarce:
            raise RunFailed(f"{threads.scarce}; the same command goes on in {plan.folder.path}")
        return threads.faults

    def _first_run(self, arm: str) -> ArmRun | None:
        seed = self._parts.plan.recipe.seeds_of(arm)[0]
        runs = (job.found() for job in self._trainings if (job.arm, job.seed) == (arm, seed))
        return next(runs, None)

    def _images_to_show(self) -> tuple[ShownImage, ...]:
        """By the first arm with its first seed."""
        recipe = self._parts.plan.recipe
        run = self._first_run(next(iter(recipe.arms)))
        number = recipe.report.pictures
        return choose_images(run.image_miou, number) if run and number else ()


def _at_once(plan: ExperimentPlan) -> TrainingsAtOnce:
    def first() -> RunFolder | None:
        runs = (plan.folder.train(arm, seed) for arm, seed in plan.trainings())
        return next((run for run in runs if run.finished()), None)

    training = plan.recipe.training
    return TrainingsAtOnce(
        parallel=plan.parallel, device=training.device, threads=training.threads, first=first
    )


def _print_plan(plan: ExperimentPlan, audit: LabelAudit | None, out: Console) -> None:
    runs = [
        run
        for arm, seed in plan.trainings()
        if (run := read_record(plan.folder.run_file(arm, seed), ArmRun))
    ]
    cores = plan.recipe.training.threads or len(os.sched_getaffinity(0))
    audited = audit_of(plan)
    time = estimate_time(
        plan,
        runs,
        chosen=plan.folder.choice_file.exists(),
        audits=audit is not None and plan.recipe.audit.run and not (audited and audited.final),
        cores=cores,
    )
    for line in plan_lines(plan, time, done=len(runs), audited=audit is not None):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _print_end(found: Found, plan: ExperimentPlan, out: Console) -> None:
    for fault in found.faults:
        out.print(f"{fault.job}: {fault.message}", markup=False)
    state = "complete" if found.complete else "not complete; the same command tries the rest again"
    runs = count(len(found.runs), "training")
    out.print(f"{plan.folder.path}: {runs}: {state}", markup=False)
    out.print(f"{plan.folder.page_file} is the report", markup=False)

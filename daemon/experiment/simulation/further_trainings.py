"""The trainings outside of the loop: A/A runs, on the same labels with other training seeds, and
trainings on all labels. They are measured as the loop measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from daemon.config.loading import Config
from daemon.domain import Evaluation, Stage
from daemon.experiment.image_folders import find_copies
from daemon.experiment.simulation.direct_runs import measure, request_fields
from daemon.experiment.simulation.home_settings import home_config
from daemon.experiment.simulation.saved_points import read_full, read_run, save_full, save_run
from daemon.experiment.simulation.simulated_runs import (
    FullLabelPoint,
    SimulatedPoint,
    SimulatedRun,
)
from daemon.experiment.simulation.simulation_folder import run_in
from daemon.experiment.simulation.simulation_job import Parts, SimulationJob
from daemon.experiment.simulation.simulation_options import PROBE
from daemon.runs.run_folder import (
    FileRole,
    LabeledFile,
    RunFolder,
    TrainRequest,
    TrainResult,
)


class ReplicateJob(SimulationJob):
    """Trains the labels of an arm again with another training seed, at each label count.

    Where the arm's training started from the model before, so does this one, from its own.
    """

    def __init__(self, parts: Parts, seed: int, arm: str, replicate: int) -> None:
        super().__init__(parts)
        self.seed, self.arm, self.replicate = seed, arm, replicate
        self.name = f"seed {seed} {arm} replicate {replicate}"
        self.needs = f"seed {seed} {arm}"

    def done(self) -> bool:
        """Whether it has all its points."""
        return len(self._points()) == self.parts.plan.options.cycles

    def trained(self) -> int:
        """How many points it has."""
        return len(self._points())

    def run(self) -> None:
        """Train and measure what is missing."""
        original = read_run(self._arm_home)
        for point in (original.points if original else ())[len(self._points()) :]:
            measured = self._point(point)
            points = (*self._points(), measured)
            run = SimulatedRun(
                arm=self.arm, seed=self.seed, replicate=self.replicate, points=points
            )
            save_run(self._folder, run)
            self.parts.changed.set()

    @property
    def _folder(self) -> Path:
        return self.parts.plan.folder.replicate(self.seed, self.arm, self.replicate)

    @property
    def _arm_home(self) -> Path:
        return self.parts.plan.folder.arm(self.seed, self.arm)

    def _points(self) -> tuple[SimulatedPoint, ...]:
        run = read_run(self._folder)
        return run.points if run else ()

    def _point(self, of_arm: SimulatedPoint) -> SimulatedPoint:
        """The point of the arm with the figures of the other training."""
        cycle, name = of_arm.cycle, f"{of_arm.cycle:04d}-{Stage.TRAIN}"
        asked = run_in(self._arm_home, name).read_request(TrainRequest)
        parent = RunFolder(self._folder / f"{cycle - 1:04d}-{Stage.TRAIN}").checkpoint
        changes = {
            "seed": training_seed(self.seed, self.replicate),
            "parent": parent if asked.parent else None,
        }
        config = home_config(
            self.parts.plan, self._folder, seed=self.seed, arm=self.arm, threads=asked.threads
        )
        train = RunFolder(self._folder / name)
        trained, test = train_and_measure(self, config, train, asked.model_copy(update=changes))
        return of_arm.model_copy(
            update={
                "miou": test.miou,
                "iou": test.iou,
                "validation_miou": trained.validation.miou if trained.validation else None,
                "iterations": trained.iterations,
                "seconds": trained.seconds,
            }
        )


class FullLabelJob(SimulationJob):
    """Trains on every labeled image of the training list, without validation."""

    def __init__(self, parts: Parts, seed: int, method: str) -> None:
        super().__init__(parts)
        self.seed, self.arm = seed, method
        self.name = f"all labels {method}"

    def done(self) -> bool:
        """Whether it is measured."""
        return read_full(self._folder) is not None

    def trained(self) -> int:
        """1 once it is measured."""
        return int(self.done())

    def run(self) -> None:
        """Train and measure. Copies of test images are left out."""
        plan = self.parts.plan
        config = home_config(
            plan,
            self._folder,
            seed=self.seed,
            arm=plan.options.arms[0],
            threads=self.parts.threads(),
        )
        train = RunFolder(self._folder / Stage.TRAIN)
        trained, test = train_and_measure(self, config, train, self._request(config))
        asked = train.read_request(TrainRequest)
        point = FullLabelPoint(
            method=self.arm,
            seed=self.seed,
            train_labels=len(asked.labeled)
            - sum(fault.role is FileRole.LABELED for fault in trained.faults),
            miou=test.miou,
            iou=test.iou,
            iterations=trained.iterations,
            seconds=trained.seconds,
        )
        save_full(self._folder, point)
        self.parts.changed.set()

    @property
    def _folder(self) -> Path:
        return self.parts.plan.folder.full(self.arm, self.seed)

    def _request(self, config: Config) -> TrainRequest:
        plan = self.parts.plan
        images = plan.source.images
        copies = find_copies((images[name] for name in plan.test), (images[n] for n in plan.train))
        labeled = tuple(
            LabeledFile(id=row, image=images[name], mask=plan.source.mask(name))
            for row, name in enumerate(plan.train)
            if images[name] not in copies
        )
        shared = request_fields(config)
        settings = dict(shared["settings"])
        if plan.options.learner != PROBE:
            settings["method"] = self.arm
        return TrainRequest(labeled=labeled, **{**shared, "settings": settings})


def training_seed(seed: int, replicate: int) -> int:
    """The training seed of an A/A run: in [0, 2^32), another for each pair of numbers."""
    return int(np.random.SeedSequence((seed, replicate)).generate_state(1)[0])


def train_and_measure(
    job: SimulationJob, config: Config, train: RunFolder, request: TrainRequest
) -> tuple[TrainResult, Evaluation]:
    """Run both processes, or what is missing of them. Raises Stopped and RunFailed."""
    train.write_request(request)
    job.run_to_end(train, "train", config.loop.poll_s)
    test = RunFolder(train.path.with_name(train.path.name.replace(Stage.TRAIN, "test")))
    figures = measure(job, config, test, train.checkpoint, request.settings)
    return train.read_result(TrainResult), figures

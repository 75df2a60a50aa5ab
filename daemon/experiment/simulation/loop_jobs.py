"""The jobs that run the loop of the daemon: pool -> first model of a seed -> arms."""

from __future__ import annotations

from pathlib import Path

from daemon.config.loading import Config
from daemon.domain import Stage
from daemon.domain.errors import RunFailed
from daemon.experiment.simulation.direct_runs import measure, request_fields
from daemon.experiment.simulation.home_copies import copy_home
from daemon.experiment.simulation.home_settings import home_config
from daemon.experiment.simulation.loop_in_home import LoopInHome
from daemon.experiment.simulation.saved_points import read_run, save_run
from daemon.experiment.simulation.simulated_points import (
    TEST,
    figures_run,
    is_measured,
    measured_point,
)
from daemon.experiment.simulation.simulated_runs import SimulatedPoint, SimulatedRun
from daemon.experiment.simulation.simulation_folder import run_in
from daemon.experiment.simulation.simulation_job import Parts, SimulationJob
from daemon.stages.context import Context

FIRST_SCORES = f"0001-{Stage.SCORE}"


class PoolJob(SimulationJob):
    """Embeds all images, once for all seeds."""

    name = "pool"

    def done(self) -> bool:
        """Whether pool and test images are embedded."""
        runs = self.parts.plan.folder.pool / "state" / "runs"
        return any(path.exists() for path in runs.glob("test-set-*/result.json"))

    def trained(self) -> int:
        """Nothing is trained."""
        return 0

    def run(self) -> None:
        """Tick until they are."""
        options = self.parts.plan.options
        home = self.parts.plan.folder.pool
        loop = _loop(self, home, options.seeds[0], options.arms[0], until="test-set-")
        loop.run()


class FirstModelJob(SimulationJob):
    """Draws initial and validation images of a seed, trains its first model, scores the pool."""

    needs = PoolJob.name

    def __init__(self, parts: Parts, seed: int) -> None:
        super().__init__(parts)
        self.seed, self.name = seed, f"seed {seed} first model"

    def done(self) -> bool:
        """Whether the first model has scored the pool."""
        return run_in(self._home, FIRST_SCORES).finished()

    def trained(self) -> int:
        """1 once it is trained."""
        return int(run_in(self._home, f"0001-{Stage.TRAIN}").finished())

    def run(self) -> None:
        """Tick until it has, in a copy of the pool's home."""
        copy_home(self.parts.plan.folder.pool, self._home)
        arm = self.parts.plan.options.arms[0]
        _loop(self, self._home, self.seed, arm, until=FIRST_SCORES).run()

    @property
    def _home(self) -> Path:
        return self.parts.plan.folder.first(self.seed)


class ArmJob(SimulationJob):
    """The loop with one strategy, from the first model of its seed on."""

    def __init__(self, parts: Parts, seed: int, arm: str) -> None:
        super().__init__(parts)
        self.seed, self.arm, self.name = seed, arm, f"seed {seed} {arm}"
        self.needs = f"seed {seed} first model"

    def done(self) -> bool:
        """Whether it has all its points."""
        return len(self.points()) == self.parts.plan.options.cycles

    def trained(self) -> int:
        """Trainings beyond the first model."""
        return max(0, len(self.points()) - 1)

    def points(self) -> tuple[SimulatedPoint, ...]:
        """The points so far."""
        run = read_run(self._home)
        return run.points if run else ()

    def run(self) -> None:
        """Tick to the end, and save each point."""
        plan = self.parts.plan
        copy_home(plan.folder.first(self.seed), self._home)
        _loop(self, self._home, self.seed, self.arm).run(self._save_point)
        if not self.done():
            raise RunFailed(
                f"the loop ended after {len(self.points())} of {plan.options.cycles} models: too "
                f"few images are no near-duplicates of validation or test images; ask for fewer, "
                f"or keep near-duplicates with --set selection.duplicate_similarity=1.0"
            )

    @property
    def _home(self) -> Path:
        return self.parts.plan.folder.arm(self.seed, self.arm)

    def _save_point(self, context: Context) -> None:
        """Save the point of a model that has been measured since the last tick."""
        points = self.points()
        cycle = len(points) + 1
        if cycle > self.parts.plan.options.cycles or not is_measured(context, cycle):
            return
        if not figures_run(context, cycle).finished():
            self._measure(context, cycle)
        point = measured_point(context, cycle)
        self._require_labels(point, context.config)
        save_run(self._home, SimulatedRun(arm=self.arm, seed=self.seed, points=(*points, point)))
        self.parts.changed.set()

    def _measure(self, context: Context, cycle: int) -> None:
        """Measure a model that the loop refused, since it was clearly worse on validation."""
        checkpoint = context.run(cycle, Stage.TRAIN).checkpoint
        settings = request_fields(context.config)["settings"]
        measure(self, context.config, context.run(cycle, TEST), checkpoint, settings)

    def _require_labels(self, point: SimulatedPoint, config: Config) -> None:
        wanted = self.parts.plan.train_labels(point.cycle)
        if point.train_labels != wanted:
            raise RunFailed(
                f"model {point.cycle} was trained on {point.train_labels} labels, expected "
                f"{wanted}: too few images are left that are usable and no near-duplicates; "
                f"`maskloop --config {config.home / 'config.toml'} status` says which are left out"
            )


def _loop(job: SimulationJob, home: Path, seed: int, arm: str, until: str = "") -> LoopInHome:
    parts = job.parts
    return LoopInHome(
        config=home_config(parts.plan, home, seed=seed, arm=arm, threads=parts.threads()),
        launcher=job.watch(until),
        now=parts.now,
        cycles=parts.plan.options.cycles,
        stopped=parts.stopped,
    )

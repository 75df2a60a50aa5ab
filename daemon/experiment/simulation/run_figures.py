"""The runs of a simulation as figures by arm, seed and number of training labels. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.simulation.simulated_runs import SimulatedPoint, SimulatedRun, Simulation
from daemon.insight.label_efficiency import normalised_area

BASELINE = "random"  # the arm that all others are compared with


@dataclass(frozen=True)
class RunFigures:
    """Looks up what a simulation measured. Raises ExperimentRefused for a run that it holds twice.

    A curve counts as whole where it has an mIoU at every number of training labels that any run
    has; only whole curves have an area.
    """

    simulation: Simulation

    def __post_init__(self) -> None:
        keys = [(run.arm, run.seed, run.replicate) for run in self.simulation.runs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ExperimentRefused(
                f"the simulation holds arm {twice[0][0]!r}, seed {twice[0][1]}, replicate "
                f"{twice[0][2]} twice; delete its results.json and run the same command again"
            )

    @cached_property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms that were asked for or run, the baseline first."""
        asked = self.simulation.request.get("arms")
        listed = [str(name) for name in asked] if isinstance(asked, list | tuple) else []
        names = dict.fromkeys([*listed, *(run.arm for run in self.simulation.runs)])
        return tuple(sorted(names, key=lambda name: name != BASELINE))

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that were asked for or run."""
        asked = self.simulation.request.get("seeds")
        listed = asked if isinstance(asked, list | tuple) else []
        found = {seed for seed in listed if isinstance(seed, int)}
        return tuple(sorted(found | {run.seed for run in self.simulation.runs}))

    @cached_property
    def train_labels(self) -> tuple[int, ...]:
        """Every number of training labels that a run was measured at, rising."""
        points = (point for run in self.simulation.runs for point in run.points)
        return tuple(sorted({point.train_labels for point in points}))

    @cached_property
    def all_labels(self) -> Mapping[int, int]:
        """Training labels -> labels with validation, as the first run counted them."""
        found: dict[int, int] = {}
        for run in self.simulation.runs:
            for point in run.points:
                found.setdefault(point.train_labels, point.labels)
        return found

    def run(self, arm: str, seed: int, replicate: int = 0) -> SimulatedRun | None:
        """One run, None where there is none."""
        return self._by_key.get((arm, seed, replicate))

    @cached_property
    def _by_key(self) -> Mapping[tuple[str, int, int], SimulatedRun]:
        return {(run.arm, run.seed, run.replicate): run for run in self.simulation.runs}

    def points(self, arm: str) -> Iterator[SimulatedPoint]:
        """All points of an arm, without its A/A runs."""
        for run in self.simulation.runs:
            if run.arm == arm and run.replicate == 0:
                yield from run.points

    def trainings(self) -> list[SimulatedPoint]:
        """All points, the first one of a seed once: its arms share it."""
        found = {
            (
                run.seed,
                run.replicate,
                "" if point.cycle == run.points[0].cycle else run.arm,
                point.cycle,
            ): point
            for run in self.simulation.runs
            for point in run.points
        }
        return list(found.values())

    def at(self, arm: str, train_labels: int) -> dict[int, SimulatedPoint]:
        """Seed -> point of an arm that was measured there."""
        found = {}
        for run in self.simulation.runs:
            point = point_at(run, train_labels)
            if run.arm == arm and run.replicate == 0 and point and point.miou is not None:
                found[run.seed] = point
        return found

    def curve(self, run: SimulatedRun) -> tuple[float, ...] | None:
        """The mIoU of a run at all numbers of training labels; None unless it is whole."""
        points = [point_at(run, count) for count in self.train_labels]
        figures = [point.miou for point in points if point and point.miou is not None]
        return tuple(figures) if len(figures) == len(points) else None

    def curves(self, arm: str) -> dict[int, tuple[float, ...]]:
        """Seed -> whole curve of an arm."""
        runs = (run for run in self.simulation.runs if run.arm == arm and run.replicate == 0)
        whole = {run.seed: self.curve(run) for run in runs}
        return {seed: curve for seed, curve in sorted(whole.items()) if curve is not None}

    def areas(self, arm: str) -> dict[int, float]:
        """Seed -> normalised area under the whole curve of an arm."""
        found = {
            seed: normalised_area(self.train_labels, curve)
            for seed, curve in self.curves(arm).items()
        }
        return {seed: area for seed, area in found.items() if area is not None}

    def repeated_points(self) -> list[tuple[float, ...]]:
        """The mIoU of the trainings on each set of labels that was trained on more than once."""
        groups = (
            [point_at(run, count) for run in runs]
            for runs in self._repeated_runs()
            for count in self.train_labels
        )
        return _distinct(
            [point.miou for point in group if point and point.miou is not None] for group in groups
        )

    def repeated_areas(self) -> list[tuple[float, ...]]:
        """The same of the areas under whole curves."""
        curves = ([self.curve(run) for run in runs] for runs in self._repeated_runs())
        areas = (
            [normalised_area(self.train_labels, curve) for curve in group if curve]
            for group in curves
        )
        return _distinct([area for area in group if area is not None] for group in areas)

    def _repeated_runs(self) -> list[list[SimulatedRun]]:
        groups: dict[tuple[str, int], list[SimulatedRun]] = {}
        for run in self.simulation.runs:
            groups.setdefault((run.arm, run.seed), []).append(run)
        return [group for group in groups.values() if len(group) > 1]


def point_at(run: SimulatedRun, train_labels: int) -> SimulatedPoint | None:
    """The point of a run with so many training labels."""
    return next((point for point in run.points if point.train_labels == train_labels), None)


def _distinct(groups: Iterable[Sequence[float]]) -> list[tuple[float, ...]]:
    """Groups of at least two; of equal ones a single one, since arms share their first models."""
    return list(dict.fromkeys(tuple(group) for group in groups if len(group) > 1))

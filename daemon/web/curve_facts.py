"""What the page of the curve shows beyond the status: time of people, groups, a simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from daemon.config.loading import Config
from daemon.domain import CurvePoint
from daemon.insight.curve import Line, lines
from daemon.insight.curve_groups import (
    CurveGroup,
    ShownGroup,
    group_points,
    groups_of,
    shown_group,
)
from daemon.insight.people_time import PeopleTime, people_times
from daemon.insight.simulated_curves import SimulatedCurves
from daemon.status.kept_simulation import SimulationUnreadable, kept_simulation
from daemon.status.validation_groups import group_pixels, newest_groups
from daemon.store import FILE, Store
from daemon.web.page import Sources


@dataclass(frozen=True, kw_only=True)
class CurveFacts:
    """group, lines: of the group that the address asks for; None and () where it asks for none, or
    for one that is not there. simulation_fault: why a kept simulation is not shown."""

    times: tuple[PeopleTime, ...] = ()
    groups: tuple[CurveGroup, ...] = ()
    group: ShownGroup | None = None
    lines: tuple[Line, ...] = ()
    simulation: SimulatedCurves | None = None
    simulation_fault: str = ""
    strategy: str = ""


def read_curve_facts(sources: Sources, group: str) -> CurveFacts:
    """Read them; all empty where pages show the status alone. group: "" for all images."""
    if sources.read_config is None:
        return CurveFacts()
    config = sources.read_config()
    simulation, fault = _simulation(config)
    found = CurveFacts(
        simulation=simulation, simulation_fault=fault, strategy=config.selection.strategy
    )
    if not (config.state / FILE).exists():
        return found
    with sources.store() as store:
        return _of_store(found, config, store, group)


def _of_store(found: CurveFacts, config: Config, store: Store, group: str) -> CurveFacts:
    points = sorted(store.curve(), key=lambda point: (point.labels, point.cycle))
    began = {time.cycle: time.started_at for time in reversed(store.stage_times())}
    trained = {point.cycle: began[point.cycle] for point in points if point.cycle in began}
    measured = [point.cycle for point in points]
    groups = groups_of(newest_groups(config.state, measured))
    found = replace(found, times=people_times(store.answer_times(), trained), groups=groups)
    if group not in {one.name for one in groups}:
        return found
    own = _group_points(config, points, group)
    drawn = tuple(lines(own, config.classes.names, store.refused_cycles()))
    return replace(found, group=shown_group(group, own), lines=drawn)


def _group_points(
    config: Config, points: Sequence[CurvePoint], group: str
) -> tuple[CurvePoint, ...]:
    pixels = {point.cycle: group_pixels(config.state, point.cycle) for point in points}
    return group_points(points, pixels, group, config.classes.names)


def _simulation(config: Config) -> tuple[SimulatedCurves | None, str]:
    try:
        return kept_simulation(config.state), ""
    except SimulationUnreadable as exc:
        return None, str(exc)

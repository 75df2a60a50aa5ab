"""Joins simulations that differ in seeds or arms only, run on other days or machines. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.simulation.simulated_runs import Simulation

# Of a request: what a joined simulation may differ in. The lists of images are compared by their
# checksum, so the folders may lie elsewhere.
DIFFERENT = ("arms", "seeds", "replicates", "full", "versions", "images", "masks", "splits")
TOGETHER = ("arms", "seeds", "full")


def join_simulations(first: Simulation, others: Mapping[str, Simulation]) -> Simulation:
    """The runs of all of them as one simulation, whose request names all arms, seeds and commits.

    others: where each comes from -> simulation. Raises ExperimentRefused where one differs in more
    than seeds and arms. A run that two of them hold is refused when the report is written.
    """
    for source, other in others.items():
        _require_same(first, other, source)
    simulations = [first, *others.values()]
    requests = [simulation.request for simulation in simulations]
    request = {
        **first.request,
        **{name: _united(requests, name) for name in TOGETHER},
        "replicates": max(int(request.get("replicates") or 0) for request in requests),
        "versions": _versions(requests),
    }
    return first.model_copy(
        update={
            "request": request,
            "complete": all(simulation.complete for simulation in simulations),
            "runs": tuple(run for simulation in simulations for run in simulation.runs),
            "full": tuple(point for simulation in simulations for point in simulation.full),
            "faults": tuple(fault for simulation in simulations for fault in simulation.faults),
        }
    )


def _require_same(first: Simulation, other: Simulation, source: str) -> None:
    names = (first.request.keys() | other.request.keys()) - set(DIFFERENT)
    differing = sorted(name for name in names if first.request.get(name) != other.request.get(name))
    if first.classes != other.classes:
        differing.insert(0, "classes")
    if differing:
        words = ", ".join(dict.fromkeys(differing))
        raise ExperimentRefused(
            f"{source}: is another simulation, which differs in {words}; "
            f"expected one with the same images, sizes and settings, and other seeds or arms"
        )


def _united(requests: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    lists = (request.get(name) for request in requests)
    return list(
        dict.fromkeys(entry for found in lists if isinstance(found, list) for entry in found)
    )


def _versions(requests: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Package -> its versions, one where all have the same."""
    found: dict[str, dict[str, None]] = {}
    for request in requests:
        versions = request.get("versions")
        for name, version in versions.items() if isinstance(versions, dict) else ():
            found.setdefault(str(name), {})[str(version)] = None
    return {name: ", ".join(versions) for name, versions in found.items()}

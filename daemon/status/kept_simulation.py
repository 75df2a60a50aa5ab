"""The simulation that the page of the curve shows: `maskloop curve --simulation` keeps it in the
state folder."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from daemon.domain.errors import MaskloopError
from daemon.insight.simulated_curves import SimulatedCurves
from daemon.runs.durable import write_json

FILE = "simulated-curves.json"  # in the state folder
MOST_BYTES = 4 * 1024 * 1024


class SimulationUnreadable(MaskloopError):
    """The kept simulation cannot be read."""


def keep_simulation(state: Path, found: SimulatedCurves) -> Path:
    """Keep it in the place of an earlier one; returns its file."""
    state.mkdir(parents=True, exist_ok=True)
    write_json(state / FILE, found.as_json())
    return state / FILE


def forget_simulation(state: Path) -> bool:
    """Show none from now on; False where there was none."""
    there = (state / FILE).exists()
    (state / FILE).unlink(missing_ok=True)
    return there


def kept_simulation(state: Path) -> SimulatedCurves | None:
    """The kept simulation; None without one. Raises SimulationUnreadable."""
    try:
        found = (state / FILE).stat()
    except OSError:
        return None
    if found.st_size > MOST_BYTES:
        raise SimulationUnreadable(
            f"{state / FILE}: got {found.st_size} bytes, expected {MOST_BYTES} at most; {_CURE}"
        )
    return _read(state / FILE, (found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=4)
def _read(path: Path, _: tuple[int, int]) -> SimulatedCurves:
    try:
        return SimulatedCurves.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as exc:
        raise SimulationUnreadable(
            f"{path}: cannot be read as a simulation that was kept: {exc}; {_CURE}"
        ) from exc


_CURE = "give `maskloop curve --simulation PATH` again, or `maskloop curve --no-simulation`"

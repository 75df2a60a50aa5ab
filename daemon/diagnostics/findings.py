"""The findings of a report of `maskloop doctor`: its faults, gathered from all parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from daemon.config.loading import Config
from daemon.rules.heartbeat import Liveness
from daemon.status.model_health import incident_line

MAX_CLOCK_DIFFERENCE_S = 60.0  # between the labeling tool's clock and ours
SILENT_TICKS = 10  # without a write to the store, before it is reported


def findings(report: Mapping[str, Any], config: Config) -> Iterator[str]:
    """A text for each fault in the report; some may repeat."""
    for name in ("config", "paths", "daemon", "store", "labeling tool"):
        if isinstance(report[name], Mapping) and "fault" in report[name]:
            yield f"{name}: {report[name]['fault']}"
    yield from _store_findings(report["store"])
    silent_s = report["daemon"].get("store last written s ago", 0.0)
    state = report["daemon"].get("state")
    if state in (Liveness.DEAD, Liveness.SILENT):
        yield f"daemon: {report['daemon']['description']}"
    elif state == Liveness.RUNNING and silent_s > SILENT_TICKS * config.loop.poll_s + 60:
        yield f"daemon: runs, and wrote nothing for {silent_s:.0f} s"
    ahead_s = report["labeling tool"].get("its clock is ahead by s", 0.0)
    if abs(ahead_s) > MAX_CLOCK_DIFFERENCE_S:
        yield f"labeling tool: its clock and ours differ by {ahead_s:.0f} s; set both by NTP"
    yield from (
        f"labeling tool: {words}" for words in report["labeling tool"].get("mismatches", ())
    )
    yield from _check_findings(report["checks"])
    yield from _run_findings(report["runs"])


def _check_findings(checks: Mapping[str, Any]) -> Iterator[str]:
    """The faults that the checks found."""
    for name, found in checks.items():
        if isinstance(found, list):
            yield from (f"{name}: {words}" for words in found)


def _store_findings(store: Mapping[str, Any]) -> Iterator[str]:
    if store.get("integrity", "ok") != "ok":
        yield f"store: damaged: {store['integrity']}; restore a backup"
    if store.get("steps of a newer Maskloop"):
        yield "store: written by a newer Maskloop; install that version"
    quarantine = store.get("quarantine")
    incidents = store.get("does not work")
    for row in incidents if isinstance(incidents, list) else ():
        yield incident_line(row["source"], row["since"], row["count"], row["words"])
    states = quarantine if isinstance(quarantine, Mapping) else {}
    count = sum(n for state, n in states.items() if state not in ("corrected", "replaced"))
    if count:
        yield f"store: {count} inputs are quarantined; see `maskloop status`"


def _run_findings(runs: object) -> Iterable[str]:
    rows = runs if isinstance(runs, list) else []
    return [
        f"run {row['run']}: failed: {row['error']['message']}" for row in rows if row.get("error")
    ]

"""Random fault schedules: kills at any statement, faults at any request, people who work on.

    python -m tests.benchmarks.faults                # 2000 schedules on the fake Label Studio
    python -m tests.benchmarks.faults --seed 17      # one of them again, with its story
    python -m tests.benchmarks.faults --count 200 --first 0 --processes 2
    python -m tests.benchmarks.faults --real 10      # fresh processes on a real Label Studio

Exit 0 when after each schedule nothing was lost, doubled or out of order (tests/faults/checks.py).
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.faults.field import PEOPLE
from tests.faults.running import judge, judged, loaded
from tests.faults.schedule import schedule


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--real", type=int, metavar="SCHEDULES")
    told = parser.parse_args()
    if told.seed is not None:
        return replay(told.seed)
    if told.real is not None:
        return real(range(told.first, told.first + told.real))
    return many(range(told.first, told.first + told.count), told.processes)


def replay(seed: int) -> int:
    with loaded() as found:
        verdict = judged(found, seed)
    print(schedule(seed))
    print("\n".join(verdict.wrong) or "all held")
    print(f"{verdict.requests} requests, {verdict.kills} kills, story {verdict.story}")
    return len(verdict.wrong)


def real(seeds: range) -> int:
    from tests.faults.real import judged_really, running_server, signed_in

    bad = 0
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(running_server(root / "server"))
        call = stack.enter_context(signed_in(server, PEOPLE))
        for seed in seeds:
            began = time.monotonic()
            verdict = judged_really(server, call, root / f"seed-{seed}", seed)
            bad += bool(verdict.wrong)
            print(
                f"seed {seed}: {verdict.requests} requests, {verdict.kills} kills, "
                f"{verdict.acts} acts, {time.monotonic() - began:.0f} s: "
                f"{'; '.join(verdict.wrong) or 'all held'}",
                flush=True,
            )
    print(f"{len(seeds)} schedules on a real Label Studio, {bad} bad")
    return min(bad, 1)


def many(seeds: range, processes: int) -> int:
    began, bad = time.monotonic(), 0
    acts = requests = kills = 0
    for done, verdict in enumerate(judge(seeds, processes), 1):
        acts, requests = acts + verdict.acts, requests + verdict.requests
        kills += verdict.kills
        if verdict.wrong:
            bad += 1
            print(f"{verdict}\n", flush=True)
        if done % 100 == 0:
            print(f"{done} schedules, {bad} bad", flush=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = used.ru_utime + used.ru_stime
    print(
        f"{len(seeds)} schedules, {bad} bad: {kills} kills, {requests} requests, {acts} acts; "
        f"{time.monotonic() - began:.0f} s, {cpu_s:.0f} CPU s, "
        f"{len(seeds) / cpu_s:.1f} schedules a CPU second"
    )
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())

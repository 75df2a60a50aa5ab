"""Random fault schedules: kills at any statement, faults at any request, people who work on.

    python -m tests.benchmarks.faults                # 2000 schedules on the fake Label Studio
    python -m tests.benchmarks.faults --seed 17      # one of them again, with its story
    python -m tests.benchmarks.faults --count 200 --first 0 --processes 2

Exit 0 when after each schedule nothing was lost, doubled or out of order (tests/faults/checks.py).
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time

from tests.faults.running import judge, judged, loaded
from tests.faults.schedule import schedule


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int)
    told = parser.parse_args()
    if told.seed is not None:
        return replay(told.seed)
    return many(range(told.first, told.first + told.count), told.processes)


def replay(seed: int) -> int:
    with loaded() as found:
        verdict = judged(found, seed)
    print(schedule(seed))
    print("\n".join(verdict.wrong) or "all held")
    return len(verdict.wrong)


def many(seeds: range, processes: int) -> int:
    began, bad = time.monotonic(), 0
    acts = requests = kills = 0
    for done, verdict in enumerate(judge(seeds, processes), 1):
        acts, requests = acts + verdict.acts, requests + verdict.requests
        kills += verdict.kills
        if verdict.wrong:
            bad += 1
            print(f"seed {verdict.seed}: {'; '.join(verdict.wrong)[:1500]}", flush=True)
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

"""Damaged pictures through the one reader: `python -m tests.benchmarks.fuzz_pictures 100000 0`.

Arguments: how many, and the seed. Prints how many were read, how many refused, and the slowest;
anything else than a picture or a refusal ends it with a traceback.
"""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter

from tests.fakes.picture_mutations import mutated, outcome


def main(count: int, seed: int) -> None:
    """Read them all."""
    found: Counter[str] = Counter()
    slowest_s = 0.0
    began_s = time.monotonic()
    for content in mutated(seed, count):
        before_s = time.monotonic()
        found[outcome(content)] += 1
        slowest_s = max(slowest_s, time.monotonic() - before_s)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(
        f"{count} pictures, seed {seed}: {found['read']} read, {found['refused']} refused, "
        f"{time.monotonic() - began_s:.0f} s, the slowest {slowest_s:.2f} s, {peak_mb:.0f} MB"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

"""The learner on a GPU, in under four minutes on a bare machine: one row a figure, as it comes.

    python -m tests.benchmarks.gpu [--device cuda] [--images DIR] [--only scoring,waits] [--quick]

It needs torch and this repository, no network and no other file: without --images it paints fields
of 384 pixels. Every part ends by itself; one that fails says why, and the next one runs. On a CPU
with --quick the same parts run in a minute, so that they can be tried before a GPU is at hand.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from tests.benchmarks import gpu_children, gpu_iteration, gpu_scoring
from tests.benchmarks.gpu_machine import Machine, Row

PARTS: dict[str, Callable[[Machine], Iterator[Row]]] = {
    "iteration": gpu_iteration.iteration,
    "profile": gpu_iteration.profile,
    "waits": gpu_iteration.waits,
    "parity": gpu_iteration.parity,
    "scoring": gpu_scoring.scoring,
    "memory": gpu_iteration.short_memory,
    "resume": gpu_children.resume,
    "several": gpu_children.several_models,
}


def main() -> int:
    """Run the parts; 0 if none failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--images", type=Path, help="folder of pictures; default: painted fields")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="tiny networks and few rounds")
    chosen = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine.of(chosen.device, Path(folder), chosen.images, chosen.quick)
        print(json.dumps(machine.described()), flush=True)
        for name in chosen.only.split(","):
            started_s = time.monotonic()
            try:
                for row in PARTS[name](machine):
                    print(row.line(name), flush=True)
            except Exception:  # noqa: BLE001 - the next part may work: a machine is lent for minutes
                failed += 1
                traceback.print_exc(file=sys.stdout)
            print(f"# {name}: {time.monotonic() - started_s:.1f} s", flush=True)
    return min(1, failed)


if __name__ == "__main__":
    sys.exit(main())

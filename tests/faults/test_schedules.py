"""What must hold whatever breaks, after random schedules; each is replayed from its seed.

`python -m tests.benchmarks.faults` runs thousands of them, and some on a real Label Studio.
They run in a process of their own, so that its forks are light and no thread is in the way.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.faults", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("count", "first"), [(25, 0), pytest.param(225, 25, marks=pytest.mark.long)]
)
def test_nothing_is_lost_doubled_or_out_of_order_whatever_breaks(count: int, first: int) -> None:
    done = run("--count", str(count), "--first", str(first))

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{count} schedules, 0 bad" in done.stdout


@pytest.mark.timeout(1200)
def test_a_schedule_is_the_same_story_every_time_it_is_told() -> None:
    first, second = (run("--seed", "7", PYTHONHASHSEED=seed).stdout for seed in ("1", "2"))

    assert "story" in first
    assert first == second

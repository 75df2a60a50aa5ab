"""Processes that start together on a fresh machine do not disturb each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PRINT = "from mmengine.config import Config; print(Config({'lr': 0.5}).pretty_text)"


def started(program: str, cache: Path) -> str:
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", f"import daemon.hrda.network.mmlab; {program}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_start_writes_nothing_into_the_cache_that_all_processes_share(tmp_path: Path) -> None:
    said = started("import sys; print('yapf_third_party' in sys.modules)", tmp_path)

    assert said.strip() == "False"
    assert list(tmp_path.iterdir()) == []


def test_a_torn_file_in_that_cache_stops_no_start(tmp_path: Path) -> None:
    started(PRINT, tmp_path)
    torn = list(tmp_path.rglob("*.pickle"))
    for file in torn:
        file.write_bytes(b"")

    said = started("print('up')", tmp_path)

    assert torn
    assert said.strip() == "up"


def test_whoever_prints_a_configuration_gets_the_real_formatter(tmp_path: Path) -> None:
    assert started(PRINT, tmp_path).strip() == "lr = 0.5"

"""A daemon draws the map of its images beside the loop, and its page serves the points."""

from __future__ import annotations

import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from daemon.runs.map_files import newest_map
from tests.fakes.child_process import running
from tests.integration.workbench import configured, paint

IMAGES = 12  # too few for UMAP, which would take its seconds to compile


def points(address: str) -> bytes | None:
    """The block of points; None before the first map."""
    try:
        with urlopen(f"{address}/map/points", timeout=30) as answer:
            content: bytes = answer.read()
            return content
    except HTTPError as refused:
        if refused.code != 503:
            raise
        return None


@pytest.mark.long
def test_the_points_of_a_running_loop_are_served(tmp_path: Path) -> None:
    paint(tmp_path, IMAGES)
    config = configured(tmp_path, web={"enabled": True, "port": 0}, loop={"budget_labels": 8})
    command = [sys.executable, "-m", "tests.fakes.daemon", str(tmp_path), "run"]
    with running(command, stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stderr is not None
        address = next(found[1] for line in daemon.stderr if (found := re.search(
            r"the page is at (\S+)", line)))  # fmt: skip
        deadline, block = time.monotonic() + 120, None
        while block is None:
            assert time.monotonic() < deadline, newest_map(config.state / "runs")
            block = points(address)
            time.sleep(0.2)
        daemon.send_signal(signal.SIGTERM)
        for _ in daemon.stderr:
            pass
        assert daemon.wait(120) == 0

    (length,) = struct.unpack_from("<I", block)
    assert f'"points": {IMAGES}' in block[4 : 4 + length].decode()

"""The machine and the packages installed on it, found without importing any of them."""

from __future__ import annotations

import importlib.metadata
import locale
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

_OTHER_PACKAGES = (
    *("torchvision", "opencv-python", "opencv-python-headless", "fsspec", "httpcore", "s3fs"),
    *("gcsfs", "adlfs", "pip", "setuptools"),
)
_VARIABLES = (
    *("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "TZ", "LANG", "HTTP_PROXY", "HTTPS_PROXY"),
    *("NO_PROXY", "PYTHONPATH", "VIRTUAL_ENV"),
)


def versions() -> dict[str, str]:
    """Versions of Maskloop, Python and the packages that Maskloop needs, by name."""
    return {
        "maskloop": _version("maskloop"),
        "commit": _output_of(
            "git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"
        ),
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        **{name: _version(name) for name in sorted({*_required(), *_OTHER_PACKAGES})},
    }


def machine() -> dict[str, Any]:
    """Hardware, system and some environment variables, none of which holds a secret."""
    return {
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "processors for us": len(os.sched_getaffinity(0)),
        "load": [round(value, 2) for value in os.getloadavg()],
        **dict(_memory()),
        "container": Path("/.dockerenv").exists() or Path("/run/.containerenv").exists(),
        "time zone": time.tzname[0],
        "text encoding": locale.getpreferredencoding(False),
        "graphics": _output_of(
            "nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"
        ),
        "environment": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _required() -> Iterator[str]:
    with suppress(importlib.metadata.PackageNotFoundError):
        for line in importlib.metadata.requires("maskloop") or ():
            if "extra ==" not in line:
                yield re.split(r"[^\w.-]", line, maxsplit=1)[0]


def _memory() -> Iterator[tuple[str, float]]:
    with suppress(OSError, ValueError):
        rows = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        for label, name in (("memory GB", "MemTotal"), ("memory free GB", "MemAvailable")):
            yield label, round(int(rows[name].split()[0]) / 1e6, 1)


def _output_of(program: str, *arguments: str) -> str:
    """The output of a program, or a text that says why there is none."""
    path = shutil.which(program)
    if path is None:
        return f"{program} is not installed"
    try:
        done = subprocess.run(
            [path, *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return f"{program}: {exc}"
    return done.stdout.strip() if done.returncode == 0 else f"{program} failed"

"""The status as a program reads it: the JSON of `maskloop status --json` and of /status.json."""

from __future__ import annotations

from typing import Any

from daemon.config.loading import Config
from daemon.status.snapshot import read_status


def status_json(config: Config) -> dict[str, Any]:
    """Where the loop of a configuration stands."""
    return read_status(config).as_json()

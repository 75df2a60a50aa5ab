"""The daemon as a fresh process on a real Label Studio; looks when a line says so.

python -m tests.faults.process HOME TRAIN_POLLS STATEMENTS FILE

HOME/config.toml says what it works on. STATEMENTS: of FILE (any, where
it is empty) until it kills itself, 0 for never.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from daemon.config.loading import load_config
from daemon.loop.components import open_connector
from daemon.loop.service import Ticker
from daemon.store import sole_writer
from tests.faults.child import LOOK
from tests.faults.learner import DirectLauncher
from tests.faults.ripper import Ripper


def main() -> None:
    home, train_polls, statements = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    logging.basicConfig(filename=home / "log.txt", level=logging.INFO)
    config = load_config(home / "config.toml")
    launcher = DirectLauncher(train_polls)
    ticker = Ticker(config, open_connector(config), launcher, lambda: datetime.now(UTC), None)
    if statements:
        Ripper(statements, sys.argv[4]).watch()
    with sole_writer(config.state):
        while True:
            sys.stdout.write(f"{LOOK}\n")
            sys.stdout.flush()
            if sys.stdin.readline().strip() != LOOK:
                return
            ticker.tick_and_report()


if __name__ == "__main__":
    main()

"""The daemon as a process that ticks until nothing is left to do, with the quick learner.

`python -m tests.fakes.daemon HOME`: a process that tests can kill.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from daemon.config.loading import load_config
from daemon.launchers.local import LocalLauncher
from daemon.store import sole_writer
from tests.integration.workbench import LEARNER, ticker


def main() -> None:
    config = load_config(Path(sys.argv[1]) / "config.toml")
    with sole_writer(config.state):
        daemon = ticker(config, launcher=LocalLauncher(module=LEARNER))
        while not daemon.tick().final:
            time.sleep(0.01)


if __name__ == "__main__":
    main()

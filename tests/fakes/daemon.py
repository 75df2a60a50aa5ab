"""The daemon as a process that ticks until nothing is left to do, with the quick learner.

`python -m tests.fakes.daemon HOME`: a process that tests can kill.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path

from daemon.config.loading import load_config
from daemon.launchers.local import LocalLauncher
from daemon.store import sole_writer
from tests.integration.workbench import LEARNER, ticker


def main() -> None:
    config = load_config(Path(sys.argv[1]) / "config.toml")
    launcher = LocalLauncher(module=LEARNER)
    with sole_writer(config.state), ExitStack() as at_the_end:
        at_the_end.callback(launcher.stop)
        daemon = ticker(config, launcher=launcher)
        while not daemon.tick().final:
            time.sleep(0.01)


if __name__ == "__main__":
    main()

"""The daemon as a process, with the quick learner, that tests can kill.

`python -m tests.fakes.daemon HOME` ticks until nothing is left to do. `python -m tests.fakes.daemon
HOME run` is `maskloop run`, but for the learner.
"""

from __future__ import annotations

import logging
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from daemon.config.loading import load_config
from daemon.launchers.local import LocalLauncher
from daemon.loop import service
from daemon.store import sole_writer
from tests.integration.workbench import LEARNER, ticker


def main() -> None:
    path = Path(sys.argv[1]) / "config.toml"
    config, launcher = load_config(path), LocalLauncher(module=LEARNER)
    if sys.argv[2:] == ["run"]:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr)
        service.open_launcher = lambda _: launcher
        service.run_forever(config, lambda: datetime.now(UTC), None, path)
        return
    with sole_writer(config.state), ExitStack() as at_the_end:
        at_the_end.callback(launcher.stop)
        daemon = ticker(config, launcher=launcher)
        while not daemon.tick().final:
            time.sleep(0.01)


if __name__ == "__main__":
    main()

"""`python -m tests.contract.served_learner MODULE`: another learner's verbs in the process
of ProbeLauncher, one run after the other."""

from __future__ import annotations

import importlib
import sys

from daemon.hrda.probe.worker import serve

if __name__ == "__main__":
    sys.exit(serve(importlib.import_module(sys.argv[1]).COMMANDS))

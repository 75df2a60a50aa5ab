"""`python -m daemon.hrda.probe FEATURES`: answers runs on the features of a folder (worker.py)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Its matrices are small: more threads would take a core of another loop and gain little.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from daemon.hrda.probe.feature_file import FeatureFile
from daemon.hrda.probe.probe_runs import ProbeRuns
from daemon.hrda.probe.worker import serve

if __name__ == "__main__":
    sys.exit(serve(ProbeRuns(FeatureFile(Path(sys.argv[1]))).verbs()))

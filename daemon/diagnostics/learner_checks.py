"""Checks of the learner: OpenCV, and a trial that loads the encoder and opens the device."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from daemon.config.loading import Config
from daemon.domain.errors import MaskloopError, RunFailed
from daemon.launchers import Launcher
from daemon.runs.run_folder import EmbedRequest, ImageFile, RunFolder

TRIAL_S = 180.0
_POLL_S = 0.2
_IMPORT_CV2 = (
    "import cv2, re; info = cv2.getBuildInformation(); "
    "raise SystemExit(None if re.search(r'GUI:\\s+NONE', info) else 'a build with windows')"
)


def opencv_faults() -> Sequence[str]:
    """Whether the headless OpenCV is the one that `import cv2` finds."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_CV2], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return []
    found = (done.stderr.strip().splitlines() or ["an import that failed"])[-1]
    return [
        f"got {found}; expected the headless OpenCV; run `make setup`, or pip install "
        f"--force-reinstall --no-deps opencv-python-headless==4.12.0.88"
    ]


def learner_faults(config: Config, launcher: Launcher) -> Sequence[str]:
    """Whether the learner loads its weights and opens its device: it embeds no image at all."""
    with tempfile.TemporaryDirectory(prefix="maskloop-check-") as folder:
        try:
            embed_images(config, launcher, RunFolder(Path(folder) / "check"), ())
        except MaskloopError as exc:
            return [str(exc)]
    return []


def embed_images(
    config: Config, launcher: Launcher, run: RunFolder, images: Sequence[ImageFile]
) -> None:
    """Embed these images in a run of their own, and wait for its end; the launcher is stopped.

    Raises RunFailed for a run that fails or takes longer than TRIAL_S.
    """
    training = config.training
    run.write_request(
        EmbedRequest(
            classes=config.classes.names,
            device=training.device,
            threads=training.threads,
            settings={"preset": training.preset, **training.settings},
            images=tuple(images),
        )
    )
    deadline = time.monotonic() + TRIAL_S
    try:
        while not launcher.advance(run, "embed"):
            if time.monotonic() > deadline:
                raise RunFailed(f"the learner gave no answer in {TRIAL_S:.0f} s; see {run.log}")
            time.sleep(_POLL_S)
    finally:
        launcher.stop()

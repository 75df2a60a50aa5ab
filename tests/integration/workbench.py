"""A configuration on a folder of painted images, with the folder connector."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from daemon.config.loading import Config
from daemon.config.rendering import render
from daemon.diagnostics.check import checks
from daemon.domain import Stage
from daemon.launchers import Launcher
from daemon.loop.components import open_connector
from daemon.loop.service import Ticker
from daemon.loop.tick import Outcome
from daemon.runs.run_folder import RunFolder
from tests.fakes.launcher import ForkLauncher

COLOURS = np.array([[120, 90, 60], [40, 160, 40], [160, 40, 160]], np.uint8)
LEARNER = "tests.fakes.learner"
SETTINGS: dict[str, Any] = {
    "connector": {"kind": "folder"},
    "loop": {
        "budget_labels": 16,
        "batch_images": 4,
        "seed_images": 4,
        "poll_s": 0.05,
        "queue_low": 0,
    },
    "validation": {"min_images": 4, "max_images": 4},
    "selection": {"duplicate_similarity": 1.0},
    "storage": {"min_free_gb": 0.0},
    "web": {"enabled": False},
}


def paint(home: Path, images: int = 30) -> None:
    """Images of squares in home/images and their exact masks in home/masks."""
    (home / "masks").mkdir(parents=True)
    for name, mask in paint_images(home / "images", images).items():
        Image.fromarray(mask).save(home / "masks" / name)


def paint_images(folder: Path, images: int) -> dict[str, np.ndarray]:
    """Images of squares in the folder; their exact masks by name."""
    folder.mkdir(parents=True)
    rng, truth = np.random.default_rng(0), {}
    for number in range(images):
        mask = np.zeros((24, 32), np.uint8)
        for value in (1, 2):
            y, x = rng.integers(0, 16), rng.integers(0, 24)
            mask[y : y + 8, x : x + 8] = value
        noisy = COLOURS[mask] + rng.integers(0, 30, (24, 32, 3))
        name = f"field{number:02d}.png"
        Image.fromarray(noisy.astype(np.uint8)).save(folder / name)
        truth[name] = mask
    return truth


def configured(home: Path, **changes: dict[str, Any]) -> Config:
    """The configuration, also written to home/config.toml."""
    tables = {name: {**SETTINGS.get(name, {}), **changes.get(name, {})} for name in SETTINGS}
    config = Config.model_validate({"home": home, **changes, **tables})
    (home / "config.toml").write_text(render(config))
    return config


def ticker(
    config: Config, cycle_limit: int | None = None, launcher: Launcher | None = None
) -> Ticker:
    """A daemon that ticks when told, with the quick learner in forked children."""
    return Ticker(
        config,
        open_connector(config),
        launcher or ForkLauncher(),
        lambda: datetime.now(UTC),
        cycle_limit,
    )


def run_out(daemon: Ticker) -> Outcome:
    """Tick until nobody can move the loop on."""
    deadline = time.monotonic() + 120
    outcome = daemon.tick()
    while not outcome.final:
        assert time.monotonic() < deadline, outcome
        time.sleep(0.02)
        outcome = daemon.tick()
    return outcome


def run_of(config: Config, cycle: int, stage: Stage) -> RunFolder:
    return RunFolder(config.state / "runs" / f"{cycle:04d}-{stage}")


def faults_of(config: Config, name: str) -> list[str]:
    """What this check of `maskloop check` finds."""
    return list(dict(checks(config))[name]())


def run_through_power_cuts(config: Config) -> None:
    """Run out, with a new daemon after each OSError, four daemons at the most."""
    daemon = ticker(config)
    for _ in range(4):
        try:
            run_out(daemon)
            break
        except OSError:
            daemon = ticker(config)

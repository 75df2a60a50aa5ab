"""config.toml of a home: the loop of the daemon with the sizes of a simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from daemon.config.loading import Config
from daemon.config.rendering import render
from daemon.config.setting_faults import faults_in_words, setting_faults
from daemon.domain.errors import ExperimentRefused
from daemon.experiment.simulation.simulation_options import HRDA, PROBE
from daemon.experiment.simulation.simulation_plan import Plan
from daemon.runs.durable import atomic_file

POLL_S = {HRDA: 2.0, PROBE: 0.1}  # between two looks at a run, which takes minutes or tenths


def home_config(plan: Plan, home: Path, *, seed: int, arm: str, threads: int) -> Config:
    """The settings of a home, also written to its config.toml, so that `maskloop status` and the
    page work there. Raises ExperimentRefused for a value out of its range.

    The budget ends with the last batch that a model is trained on. Nothing is asked while a model
    trains, and every batch is answered in full.
    """
    tables = _tables(plan, seed, arm, threads)
    for name, value in plan.options.config.items():
        table, _, key = name.partition(".")
        tables.setdefault(table, {})[key] = value
    try:
        config = Config.model_validate({**tables, "home": home})
    except ValidationError as exc:
        faults = [*faults_in_words(Config, exc), *setting_faults(tables)]
        words = "\n".join(fault.sentence({}) for fault in faults)
        raise ExperimentRefused(f"--set:\n{words}") from exc
    home.mkdir(parents=True, exist_ok=True)
    with atomic_file(home / "config.toml") as part:
        part.write_text(render(config))
    return config


def _tables(plan: Plan, seed: int, arm: str, threads: int) -> dict[str, dict[str, Any]]:
    options, folder = plan.options, plan.folder
    learner = {name: value for name, value in options.settings.items() if name != "preset"}
    return {
        "classes": {"names": plan.classes},
        "images": {"folder": str(folder.images)},
        "connector": {"kind": "folder"},
        "folder": {"truth": str(options.masks)},
        "loop": {
            "poll_s": POLL_S[options.learner],
            "budget_labels": plan.labels_wanted(),
            "batch_images": options.batch,
            "seed_images": options.initial,
            "done_share": 1.0,
            "random_share": options.random_share,
            "queue_low": 0,
            "max_wait_hours": 0.0,
        },
        "validation": {"min_images": options.validation, "max_images": options.validation},
        "selection": {"strategy": arm, "seed_strategy": options.initial_by, "seed": seed},
        "training": {
            "preset": options.settings["preset"],
            "device": options.device,
            "threads": threads,
            "seed": seed,
            "previews": 0,
            "settings": learner,
        },
        "test": {
            "images": str(options.images),
            "masks": str(options.masks),
            "ids": f"{folder.splits_file}:test",
        },
        "storage": {"keep_checkpoints": 2},  # the newest, and the one that it started from
        "audit": {"enabled": False},
        "web": {"enabled": False},
    }

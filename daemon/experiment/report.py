"""result.json of an experiment, and the table that is printed of it."""

from __future__ import annotations

import dataclasses
import math
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from daemon.domain import Evaluation
from daemon.experiment.child_runs import cpu_seconds
from daemon.insight.missing_figures import interval_words, reasons
from daemon.runs.run_folder import PredictResult, RunFolder, TrainResult

Report = Mapping[str, Any]
REQUEST_KEYS = ("method", "preset", "seed", "classes", "max_seconds", "threads", "device", "parent")


def build_report(request: Report, train: RunFolder, predict: RunFolder) -> dict[str, Any]:
    """The content of result.json for a finished experiment.

    request: the content of experiment.json. The figures at the top level are those of the model
    that is kept, on the test images.
    """
    trained, tested = train.read_result(TrainResult), predict.read_result(PredictResult)
    return {
        **_figures(tested.test),
        **_models(trained, tested.test, tested.student),
        "validation": _models(trained, trained.validation, trained.student),
        **{name: request[name] for name in REQUEST_KEYS},
        "labels": len(request["labeled"]) + len(request["validation"]),
        "labeled_ids": request["labeled"],
        "validation_ids": request["validation"],
        "counts": {
            name: len(request[name]) for name in ("labeled", "validation", "unlabeled", "test")
        },
        "iterations": trained.iterations,
        "seconds": trained.seconds,
        "cpu_seconds": cpu_seconds(train),
        "images_per_second": _crops(trained, len(request["unlabeled"]))
        / max(trained.seconds, 1e-9),
        "test_seconds": tested.seconds,
        "test_cpu_seconds": cpu_seconds(predict),
        "peak_memory_bytes": trained.peak_memory_bytes,
        "peak_gpu_memory_bytes": trained.peak_gpu_memory_bytes,
        "counters": dict(trained.counters),
        "faults": [str(fault) for fault in (*trained.faults, *tested.faults)],
        "settings": dict(trained.settings),
        "versions": dict(trained.versions),
        "commit": program_commit(),
    }


def figures_table(content: Report) -> Table:
    """The figures on the test images, a row for each model that was measured."""
    names = content["classes"]
    table = Table("model", "labels", "mIoU", "95 %", *names, box=SIMPLE_HEAD)
    for model in ("teacher", "student"):
        figures = content.get(model)
        if figures:
            table.add_row(
                model,
                str(content["labels"]),
                _number(figures["miou"]),
                "-".join(_number(end) for end in figures["miou_interval"] or ()),
                *(_number(figures["iou"].get(name)) for name in names),
            )
    return table


def print_report(content: Report, console: Console) -> None:
    """Print the table, the remarks and a line of costs."""
    console.print(figures_table(content))
    for remark in remarks(content):
        console.print(remark, markup=False)
    console.print(
        f"{content['method']}, {content['iterations']} iterations, {content['seconds']:.0f} s, "
        f"{content['cpu_seconds']:.0f} CPU seconds",
        markup=False,
    )


def remarks(content: Report) -> list[str]:
    """What the intervals are made from, why a figure is missing, which files were left out."""
    lines = []
    for model in ("teacher", "student"):
        figures = content.get(model)
        if figures:
            lines.append(f"{model}: 95 % interval: {figures['interval_words']}")
            lines += [f"{model}: {name}: {why}" for name, why in figures["reasons"].items()]
    return lines + [f"left out: {fault}" for fault in content.get("faults", ())]


def _models(
    trained: TrainResult, kept: Evaluation | None, student: Evaluation | None
) -> dict[str, Any]:
    """Figures by model name: those of the model that is kept, and of the student if measured."""
    by_model = {"student": _figures(student)} if student else {}
    return by_model | {str(trained.settings["evaluated"]): _figures(kept)}


def _figures(evaluation: Evaluation | None) -> dict[str, Any]:
    if evaluation is None:
        return {}
    figures = dataclasses.asdict(evaluation)
    del figures["by_image"]  # stays in the run folder
    return {
        **figures,
        "interval_words": interval_words(evaluation),
        "reasons": reasons(evaluation),
    }


def _crops(trained: TrainResult, unlabeled: int) -> int:
    """How many labeled and unlabeled crops the training used."""
    settings, iterations = trained.settings, trained.iterations
    crops = iterations * int(settings["minibatch"])
    if unlabeled and settings["unlabeled_weight"]:
        first = math.ceil(iterations * float(settings["unlabeled_start"]))
        crops += (iterations - first) * int(settings["unlabeled_minibatch"])
    return crops


def program_commit() -> str | None:
    """The commit of this program, with "-dirty" if files have changed; None without git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip() or None


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

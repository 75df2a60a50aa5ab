"""The tables of the report as rows of texts. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.domain.formatting import ABSENT, duration, fraction, interval
from daemon.experiment.recipes.experiment_figures import ExperimentFigures
from daemon.experiment.recipes.experiment_records import ArmRun, Found
from daemon.experiment.recipes.experiment_words import (
    labels_text,
    share_text,
)
from daemon.insight.paired_difference import MeanEstimate


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A text, and a smaller one below it."""

    text: str
    under: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """head: of the columns. rows: of cells; the first one names the row."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def arms_table(found: Found, figures: ExperimentFigures) -> Table:
    """mIoU and IoU of each class, mean over the seeds."""
    head = ("arm", "labels", "n", "mIoU", *found.classes, "image mIoU", "a training", "CPU")
    rows = []
    for arm in figures.arms:
        cells = [_estimate(arm.iou.get(name), len(arm.runs)) for name in found.classes]
        rows.append(
            (
                Cell(text=arm.arm, under=arm.runs[0].method if arm.runs else ""),
                Cell(text=labels_text(arm)),
                Cell(text=str(len(arm.runs))),
                _estimate(arm.miou, len(arm.runs)),
                *cells,
                _estimate(arm.image_miou, len(arm.runs)),
                Cell(text=_time(arm.seconds)),
                Cell(text=_time(arm.cpu_seconds)),
            )
        )
    return Table(head=head, rows=tuple(rows))


def shares_table(figures: ExperimentFigures) -> Table:
    """How near each arm comes to each reference."""
    return Table(
        head=("arm", "reference", "mIoU", "of the reference", "share reached", "mIoU missing"),
        rows=tuple(
            (
                Cell(text=one.arm),
                Cell(text=one.reference, under="published" if one.published else "trained here"),
                Cell(text=fraction(one.miou)),
                Cell(text=fraction(one.reference_miou)),
                Cell(text=share_text(one)),
                Cell(text=f"{one.reference_miou - one.miou:.3f}".replace("-", "\N{MINUS SIGN}")),
            )
            for one in figures.shares
        ),
    )


def runs_table(figures: ExperimentFigures) -> Table:
    """Each training by itself. What is said of all intervals alike is in `common_remarks`."""
    common = _common_words(figures)
    return Table(
        head=(
            "training",
            "mIoU",
            "95 %, this model",
            "without the image that decides most",
            "calibration error",
            "iterations",
            "time",
            "CPU",
            "measuring",
            "memory",
        ),
        rows=tuple(_run(run, common) for arm in figures.arms for run in arm.runs),
    )


def common_remarks(figures: ExperimentFigures) -> list[str]:
    """What is said of the intervals of all trainings alike, once."""
    common = _common_words(figures)
    return [f"95 %, each model: {common}"] if common else []


def _common_words(figures: ExperimentFigures) -> str:
    """What the intervals are made from, or why there is none, where two or more runs agree on it;
    else ""."""
    said = [run.interval_words for arm in figures.arms for run in arm.runs]
    return said[0] if len(said) > 1 and len(set(said)) == 1 else ""


def facts(found: Found) -> list[tuple[str, str]]:
    """What the figures depend on, as name and value."""
    request = found.request
    rows = [
        ("recipe", f"{request.get('name')}, sha256 {request.get('recipe_sha256')}"),
        ("images", str(request.get("images"))),
        ("masks", str(request.get("masks"))),
    ]
    rows += [
        (f"files of {name}, sha256", f"{digest} ({_count(request, name)})")
        for name, digest in _table(request, "files").items()
        if _table(request, "counts").get(name)
    ]
    rows += [
        (table, _settings(_table(_table(request, "recipe"), table)))
        for table in ("lists", "sample", "training")
    ]
    for name, arm in _table(request, "arms").items():
        used = arm if arm.get("method") == "hrda" else {**arm, "pool": None}
        rows.append((f"arm {name}", _settings(used)))
    rows.append(("versions", _settings(_table(request, "versions"))))
    return [*rows, ("machine", str(request.get("machine", ABSENT)))]


def _run(run: ArmRun, common: str) -> tuple[Cell, ...]:
    ends, decides = run.miou_interval, run.deciding
    words = "" if run.interval_words == common else run.interval_words
    memory = run.peak_gpu_memory_bytes or run.peak_memory_bytes
    kind = " GPU" if run.peak_gpu_memory_bytes else ""
    return (
        Cell(text=run.arm, under=f"seed {run.seed}"),
        Cell(text=fraction(run.miou)),
        Cell(text=_unbroken(interval(ends)) if ends else ABSENT, under=words),
        Cell(
            text=fraction(decides.without if decides else None),
            under=decides.image if decides else "",
        ),
        Cell(text=fraction(run.calibration_error)),
        Cell(text=str(run.iterations)),
        Cell(text=_time(run.seconds)),
        Cell(text=_time(run.cpu_seconds)),
        Cell(text=_time(run.test_seconds)),
        Cell(text=f"{memory / 1e9:.1f} GB{kind}" if memory else ABSENT),
    )


def _estimate(found: MeanEstimate | None, runs: int) -> Cell:
    """A mean and below it the interval over the seeds, which one run has not; how many have it,
    where not all do."""
    if found is None:
        return Cell(text=ABSENT)
    if found.interval is None:
        return Cell(text=fraction(found.mean))
    of = "" if found.n == runs else f", n = {found.n}"
    return Cell(text=fraction(found.mean), under=f"{_unbroken(interval(found.interval))}{of}")


def _time(seconds: float | None) -> str:
    return _unbroken(duration(seconds))


def _unbroken(text: str) -> str:
    """The same on one line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _settings(table: Mapping[str, Any]) -> str:
    """`name = value` of what is set."""
    return ", ".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in table.items()
        if value not in (None, "", [], {})
    )


def _count(request: Mapping[str, Any], name: str) -> str:
    return f"{_table(request, 'counts').get(name, 0)} images"


def _table(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name)
    return found if isinstance(found, Mapping) else {}

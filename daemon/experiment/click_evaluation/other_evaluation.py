"""The clicks of another evaluation of the same objects: another model, network or revision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.click_evaluation.click_figures import ClickRecord, read_records

COMPARED = ("objects_sha256", "clicks", "rule", "seed")  # equal, or nothing can be paired


def other_records(folder: Path, request: Mapping[str, Any]) -> tuple[ClickRecord, ...]:
    """What clicking came to in the --out folder of another evaluation.

    request: what this evaluation is bound to, as its own request.json holds it. Raises
    ExperimentRefused where the folder holds no finished evaluation, or one of other objects or
    clicks.
    """
    path = folder / "request.json"
    try:
        other = json.loads(path.read_bytes())
    except (OSError, ValueError) as exc:
        raise ExperimentRefused(
            f"--against {folder}: expected the --out folder of another smart-eval: {path}: {exc}"
        ) from exc
    differing = [
        f"{name} {_value(other, name)}, here {_value(request, name)}"
        for name in COMPARED
        if _value(other, name) != _value(request, name)
    ]
    if differing:
        raise ExperimentRefused(
            f"--against {folder}: {'; '.join(differing)}; only the same clicks on the same objects "
            f"can be paired: evaluate both with equal --splits, --per-class, --min-area, --rule, "
            f"--clicks and --seed"
        )
    if not (folder / "report.json").is_file():
        raise ExperimentRefused(
            f"--against {folder}: that evaluation has no report.json yet; let its command end first"
        )
    return tuple(read_records(folder / "clicked.jsonl"))


def _value(request: Any, name: str) -> Any:
    return request.get(name) if isinstance(request, Mapping) else None

"""What an evaluation measured beside IoU, as the one JSON column that keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from daemon.domain import Calibration, Evaluation

_NAMES = ("image_miou", "boundary_iou", "confusion", "calibration")


def details_of(evaluation: Evaluation) -> str:
    """image_miou, boundary_iou, confusion and calibration of an evaluation, as JSON."""
    found = asdict(evaluation)
    return json.dumps({name: found[name] for name in _NAMES})


def with_details(text: str) -> dict[str, Any]:
    """The parts of an Evaluation that `details_of` wrote; none for a row of an earlier release."""
    found = json.loads(text)
    if not found:
        return {}
    calibration = found["calibration"]
    return {
        "image_miou": found["image_miou"],
        "boundary_iou": found["boundary_iou"],
        "confusion": tuple(tuple(row) for row in found["confusion"]),
        "calibration": None if calibration is None else Calibration(**calibration),
    }

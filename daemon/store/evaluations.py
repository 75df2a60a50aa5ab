"""The figures of an evaluation beside IoU, as one JSON column."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from daemon.domain import Calibration, Evaluation

_NAMES = ("image_miou", "boundary_iou", "confusion", "calibration", "precision")


def details_of(evaluation: Evaluation) -> str:
    """image_miou, boundary_iou, confusion, calibration and precision, as JSON."""
    fields = asdict(evaluation)
    return json.dumps({name: fields[name] for name in _NAMES})


def parse_details(text: str) -> dict[str, Any]:
    """The fields of an Evaluation that `details_of` wrote; {} for a row of an earlier release."""
    details = json.loads(text)
    if not details:
        return {}
    calibration = details["calibration"]
    return {
        "image_miou": details["image_miou"],
        "boundary_iou": details["boundary_iou"],
        "confusion": tuple(tuple(row) for row in details["confusion"]),
        "calibration": None if calibration is None else Calibration(**calibration),
        "precision": details.get("precision"),
    }

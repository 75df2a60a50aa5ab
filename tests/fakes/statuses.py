"""Statuses as daemon/status/snapshot.py makes them, at four moments of a loop."""

from __future__ import annotations

from typing import Any

from daemon.domain import TaskState

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>.png"
LABELS = [32, 48, 64, 80]
MIOU = [0.523, 0.611, 0.668, 0.702]


def status(points: int, classes: tuple[str, ...] = ("soil", "crop", "weed")) -> dict[str, Any]:
    """After `points` trained cycles (0 to 4); with 0 the daemon has not run yet."""
    found: dict[str, Any] = {
        "cycle": None,
        "stage": None,
        "waiting": "the daemon has not run yet",
        "daemon": _daemon("never ran", "the daemon has not run yet: start `maskloop run`"),
        "incidents": [],
        "progress": None,
        "classes": list(classes),
        "ended": None,
        "labels": {"total": 96, "spent": 0, "left": 96},
        "uses": {"train": 0, "validation": 0, "unused": 0},
        "tasks": {"open": 0, "open_batch": 0, "open_earlier": 0, "being_sent": 0, "may_ask": 0},
        "images": {},
        "excluded": [],
        "evaluations": [],
        "batch": None,
        "stages": [],
        "quarantine": [],
        "quarantine_settled": [],
        "doubles": {"images": 0, "listed": []},
        "corrections": _no_corrections(),
        "notes": [],
        "events": [],
    }
    if points:
        found |= _running(points, classes)
    return found


def _running(points: int, classes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "cycle": points,
        "stage": "train",
        "waiting": "a training runs",
        "daemon": _daemon("running", ""),
        "progress": {
            "phase": "student",
            "step": 312,
            "steps": 800,
            "eta_s": 97.2,
            "seconds_per_step": 0.2,
            "losses": {"loss": 0.31},
        },
        "labels": {"total": 96, "spent": LABELS[points - 1], "left": 96 - LABELS[points - 1]},
        "tasks": {"open": 3, "open_batch": 3, "open_earlier": 0, "being_sent": 0, "may_ask": 0},
        "excluded": [
            {"why": "group", "images": 3, "words": "share a group with validation images"}
        ],
        "evaluations": [_evaluation(place, classes) for place in range(points)],
        "batch": _batch(points),
        "stages": [_stage_row(points)],
        "quarantine": [_fault()],
        "quarantine_settled": [],
        "doubles": {"images": 1, "listed": [_double()]},
        "corrections": _corrections(classes),
        "notes": [_note()],
        "events": [
            {"at": "2026-11-22T13:36:00+00:00", "level": "info", "words": "back after 0:03:00"},
            {"at": "2026-11-22T13:33:00+00:00", "level": "warning", "words": "timed out"},
        ],
    }


def _daemon(state: str, words: str) -> dict[str, Any]:
    return {
        "state": state,
        "words": words,
        "process": None,
        "since": None,
        "looked_at": None,
        "next_at": None,
    }


def _evaluation(place: int, classes: tuple[str, ...]) -> dict[str, Any]:
    iou: dict[str, float | None] = dict.fromkeys(classes, MIOU[place])
    iou[classes[-1]] = None if place == 0 else MIOU[place] - 0.2
    return {
        "cycle": place + 1,
        "labels": LABELS[place],
        "train_labels": LABELS[place] - 16,
        "seconds": 142.0,
        "refused": False,
        "serving": place + 1,
        "miou": MIOU[place],
        "miou_interval": (MIOU[place] - 0.04, MIOU[place] + 0.03),
        "iou": iou,
        "images": 16,
        "interval_coverage": 0.961,
        "interval_groups": None,
        "interval_words": "16 images; this method covers 96 % in simulation",
        "missing": {},
        "remarks": [],
        "test_remarks": [],
        "test_missing": {},
        "test_miou": MIOU[place] - 0.02,
        "test_miou_interval": None,
        "test_iou": {},
        "test_images": 40,
    }


def _batch(cycle: int) -> dict[str, Any]:
    images = [_asked(rank) for rank in range(1, 7)]
    states = [state.value for state in TaskState]
    counts = {state: sum(image["state"] == state for image in images) for state in states}
    effort = {
        "images": 3,
        "changed_share": 0.042,
        "iou": {"soil": 0.98, "crop": 0.91},
        "lead_time_s": 95.0,
    }
    asked = {"cycle": cycle, "asked": len(images), "ahead": 0, "skipped_once": 0}
    return {**asked, **counts, "effort": effort, "images": images}


def _asked(rank: int) -> dict[str, Any]:
    labeled = rank % 2 == 0
    return {
        "image_id": rank,
        "name": HOSTILE if rank == 3 else f"field-{rank}.jpg",
        "task": str(100 + rank),
        "rank": rank,
        "arm": "hybrid",
        "reason": f"hybrid: more uncertain than {100 - rank}% of the pool",
        "state": "labeled" if labeled else "open",
        "since": "2026-11-22T13:20:00+00:00",
        "annotator": "anna@field.example" if labeled else None,
        "corrected": True if labeled else None,
    }


def _stage_row(cycle: int) -> dict[str, Any]:
    return {
        "cycle": cycle,
        "stage": "embed",
        "started_at": "2026-11-22T13:20:00+00:00",
        "finished_at": "2026-11-22T13:20:12.4+00:00",
    }


def _no_corrections() -> dict[str, Any]:
    return {"total": None, "classes": None, "people": None, "cycles": None, "unmeasured": {}}


def _corrections(classes: tuple[str, ...]) -> dict[str, Any]:
    work = {
        "images": 5,
        "untouched": 1,
        "changed_share": 0.042,
        "seconds": 475.0,
        "seconds_each": 95.0,
        "untimed": 0,
    }
    one = {"images": 5, "shown_px": 900, "submitted_px": 950, "changed_share": 0.125}
    return {
        "total": work,
        "classes": {name: one | {"seconds": 150.0} for name in classes},
        "people": {"anna@field.example": work, HOSTILE: work | {"seconds": None}},
        "cycles": {1: work},
        "unmeasured": {"began with an empty page": 16},
    }


def _note() -> dict[str, Any]:
    return {
        "place": "annotation 12 of task 102",
        "image": HOSTILE,
        "at": "2026-11-22T13:20:00+00:00",
        "notes": ["3 pixels were drawn by two classes: the region on top has them"],
    }


def _double() -> dict[str, Any]:
    return {"image_id": 4, "image": HOSTILE, "people": 2, "answers": 3, "annotator": "anna"}


def _fault() -> dict[str, Any]:
    return {
        "place": "image plants/7.jpg",
        "got": "a file that ends after 4096 bytes",
        "expected": "a whole JPEG",
        "cure": "copy the image again",
        "at": "2026-11-22T08:00:00+00:00",
        "state": "open",
        "image": None,
    }

"""history.csv and history.json: which image was asked when, why, and what became of it.
curve.csv and curve.json: the figures of every trained model."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from daemon.datasets.export.json_list import JsonList
from daemon.domain import CurvePoint, Label, Pick, Task
from daemon.runs.durable import write_json
from daemon.store import Store

HISTORY = (
    "cycle", "image_id", "image", "file", "role", "rank", "reserve", "arm", "reason", "state",
    "asked_at", "labeled_at",
)  # fmt: skip
ANNOTATOR = "annotator"
NOT_ASKED = "not asked"
_CURVE = (
    "cycle", "labels", "train_labels", "refused", "split", "images", "miou", "miou_low",
    "miou_high",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_history(
    store: Store, out: Path, names: Mapping[int, str], labels: Mapping[int, Label], *, people: bool
) -> int:
    """Write both files; returns the number of rows.

    names: image id -> name of its files, of the exported labels. people: whether the annotator of
    each label is named.
    """
    columns = (*HISTORY, ANNOTATOR) if people else HISTORY
    rows = 0
    with (
        JsonList(out / "history.json", "asked") as as_json,
        _csv(out / "history.csv", columns) as write,
    ):
        for row in _history(store, names, labels):
            kept = {name: row[name] for name in columns}
            write(kept)
            as_json.add(kept)
            rows += 1
        as_json.close()
    return rows


def write_curve(
    out: Path, points: Sequence[CurvePoint], refused: Iterable[int], classes: Sequence[str]
) -> None:
    """Write both files. refused: cycles whose model does not serve."""
    left = set(refused)
    entries = [asdict(point) | {"refused": point.cycle in left} for point in points]
    write_json(out / "curve.json", {"classes": list(classes), "points": entries})
    with _csv(out / "curve.csv", (*_CURVE, *(f"iou {name}" for name in classes))) as write:
        for point in points:
            for row in _figures(point, classes, is_refused=point.cycle in left):
                write(row)


def _history(
    store: Store, names: Mapping[int, str], labels: Mapping[int, Label]
) -> Iterator[dict[str, Any]]:
    last = store.last_cycle()
    for cycle in range(last.number + 1 if last else 0):
        tasks = {task.image_id: task for task in store.tasks_of_cycle(cycle)}
        picks = [(pick, False) for pick in store.picks(cycle)]
        picks += [(pick, True) for pick in store.reserve(cycle)]
        chosen = {pick.image_id for pick, _ in picks}
        queued = [task for task in tasks.values() if task.image_id not in chosen]
        images = store.images_of([*chosen, *tasks])
        for pick, is_reserve in picks:
            task = tasks.get(pick.image_id)
            if is_reserve and task is None:
                continue
            image = images[pick.image_id]
            yield {
                **_row(cycle, task, labels.get(image.id)),
                **_picked(pick, is_reserve=is_reserve),
                "image": image.name,
                "role": image.role.value,
                "file": names.get(image.id),
            }
        for task in queued:
            image = images[task.image_id]
            yield {
                **_row(cycle, task, labels.get(image.id)),
                "image": image.name,
                "role": image.role.value,
                "file": names.get(image.id),
            }


def _row(cycle: int, task: Task | None, label: Label | None) -> dict[str, Any]:
    """What is known of a task; rank and reserve are those of a pick."""
    return {
        "cycle": cycle,
        "image_id": task.image_id if task else None,
        "rank": None,
        "reserve": False,
        "arm": task.arm if task else None,
        "reason": task.reason if task else None,
        "state": task.state.value if task else NOT_ASKED,
        "asked_at": task.asked_at.isoformat() if task else None,
        "labeled_at": label.updated_at.isoformat() if label else None,
        ANNOTATOR: label.annotator if label else None,
    }


def _picked(pick: Pick, *, is_reserve: bool) -> dict[str, Any]:
    return {**asdict(pick), "reserve": is_reserve}


def _figures(
    point: CurvePoint, classes: Sequence[str], *, is_refused: bool
) -> Iterator[dict[str, Any]]:
    for split, found in (("validation", point.validation), ("test", point.test)):
        if found is None:
            continue
        low, high = found.miou_interval or (None, None)
        yield {
            "cycle": point.cycle,
            "labels": point.labels,
            "train_labels": point.train_labels,
            "refused": is_refused,
            "split": split,
            "images": found.images,
            "miou": found.miou,
            "miou_low": low,
            "miou_high": high,
            **{f"iou {name}": found.iou.get(name) for name in classes},
        }


@contextmanager
def _csv(path: Path, columns: Sequence[str]) -> Iterator[Callable[[Mapping[str, Any]], object]]:
    """A table in UTF-8; yields what writes a row."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        table = csv.DictWriter(file, columns)
        table.writerow({name: _cell(name) for name in columns})
        yield lambda row: table.writerow({name: _cell(one) for name, one in row.items()})


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets a quote before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

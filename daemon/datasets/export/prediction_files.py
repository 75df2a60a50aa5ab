"""predictions/NAME.png, predictions.jsonl and predictions.json: masks of the model that serves.

A mask is written, then its line is appended to predictions.jsonl: so an export that was stopped
goes on with what is missing. It begins again where predictions.json tells of another model, or of
other settings.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image as Pillow

from daemon.datasets.export.predicted_images import Prediction
from daemon.domain import Image, Mask
from daemon.runs.checksums import sha256_of
from daemon.runs.durable import atomic_file, write_json

MASKS, LINES, RECORD = "predictions", "predictions.jsonl", "predictions.json"
WORK = ".predictions-run"  # the run, while it predicts


def remove_predictions(out: Path) -> None:
    """Remove what an earlier export predicted, also one that was killed."""
    for path in (out / RECORD, out / LINES, out / MASKS, out / WORK):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@dataclass(kw_only=True)
class PredictionFiles:
    """The files of one export. done: ids of the images whose mask is there."""

    out: Path
    prediction: Prediction
    done: set[int] = field(default_factory=set)

    def open(self) -> int:
        """Keep the masks that the same model made of the same images and remove all others; how
        many are kept."""
        record = self._record()
        if _read_record(self.out / RECORD).get("model") != record["model"]:
            remove_predictions(self.out)
        write_json(self.out / RECORD, record)
        (self.out / MASKS).mkdir(exist_ok=True)
        kept = self._kept()
        files = {f"{entry['file']}" for entry in kept.values()}
        for path in (self.out / MASKS).iterdir():
            if path.name not in files:
                path.unlink()
        with atomic_file(self.out / LINES) as part:
            part.write_text("".join(_line(entry) for entry in kept.values()), encoding="utf-8")
        self.done = set(kept)
        return len(kept)

    def write(self, image_id: int, mask: Mask) -> None:
        """Write the mask of an image, (H, W) class indices, then its line."""
        entry = self._entry(self.prediction.images[image_id])
        with atomic_file(self.out / MASKS / entry["file"]) as part:
            Pillow.fromarray(mask).save(part, format="PNG")
        with (self.out / LINES).open("a", encoding="utf-8") as file:
            file.write(_line(entry))
        self.done.add(image_id)

    def close(self, faults: int) -> None:
        """Say that all images were tried. faults: how many cannot be predicted."""
        found = {"masks": len(self.done), "faults": faults}
        write_json(self.out / RECORD, self._record() | found | {"complete": True})

    def _entry(self, image: Image) -> dict[str, Any]:
        return {
            "image_id": image.id,
            "image": image.name,
            "file": f"{self.prediction.names[image.id]}.png",
            "sha256": image.sha256,
        }

    def _record(self) -> dict[str, Any]:
        model, prediction = self.prediction.model, self.prediction
        return {
            "model": {
                "cycle": model.cycle,
                "sha256": sha256_of(model.checkpoint),
                "classes": list(model.classes),
                "min_region_px": prediction.min_region_px,
                "fill_holes_px": prediction.fill_holes_px,
                "training": json.loads(json.dumps(prediction.training)),
            },
            "images": len(prediction.images),
            "complete": False,
        }

    def _kept(self) -> Mapping[int, dict[str, Any]]:
        """The lines whose image is still wanted, has the same bytes and name, and whose mask is
        there."""
        found: dict[int, dict[str, Any]] = {}
        for line in _lines(self.out / LINES):
            image = self.prediction.images.get(line["image_id"])
            if image is None or line != self._entry(image):
                continue
            if (self.out / MASKS / line["file"]).is_file():
                found[image.id] = line
        return found


def _line(entry: Mapping[str, Any]) -> str:
    return f"{json.dumps(entry)}\n"


def _lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file; the last one of a killed export may be cut off."""
    found = []
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict) and isinstance(entry.get("image_id"), int):
                    found.append(entry)
    return found


def _read_record(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

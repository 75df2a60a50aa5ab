"""The masks that a model drew for people, as they saw them: read from the folder of a PREDICT run.

Part of the run folder's format (run_folder.py), which says where the files are.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from daemon.domain import Mask
from daemon.pixels.masks import read_mask
from daemon.rules.postprocess import postprocess_mask
from daemon.runs.run_folder import RunFolder

_FOLDER = re.compile(r"([0-9]{4,9})-predict")


def predicted_cycles(runs: Path) -> list[int]:
    """The cycles with a PREDICT run in the folder of all runs, newest first."""
    found = (_FOLDER.fullmatch(path.name) for path in runs.glob("*-predict"))
    return sorted((int(match[1]) for match in found if match), reverse=True)


def predict_run(runs: Path, cycle: int) -> RunFolder:
    """The PREDICT run of a cycle, whether it is there or not."""
    return RunFolder(runs / f"{cycle:04d}-predict")


def newest_prediction(runs: Path, image_id: int) -> RunFolder | None:
    """The newest run that drew a mask of this image; None where no mask is kept."""
    for cycle in predicted_cycles(runs):
        run = predict_run(runs, cycle)
        if run.mask(image_id).exists():
            return run
    return None


def settings_file(run: RunFolder) -> Path:
    """The settings by which the masks of a run are cleaned; written when they are first used."""
    return run.path / "shown.json"


def visible_mask(run: RunFolder, image_id: int, *, min_region_px: int, fill_holes_px: int) -> Mask:
    """A mask (H, W) as people see it; the settings count only where the run has none of its own.

    Raises MaskUnreadable and MaskUnusable.
    """
    settings = {"min_region_px": min_region_px, "fill_holes_px": fill_holes_px}
    try:
        kept = json.loads(settings_file(run).read_bytes())
        settings = {name: int(kept[name]) for name in settings}
    except (OSError, ValueError, TypeError, LookupError):
        pass  # not sent to people yet, or by an early release
    return postprocess_mask(read_mask(run.mask(image_id)), **settings)

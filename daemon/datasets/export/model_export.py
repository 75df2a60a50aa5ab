"""`maskloop export --model`: a model as a folder that others can use without Maskloop.

The training process writes it, in a run folder beside the target: .NAME.export. It becomes the
target when it is whole, so that an export that is stopped leaves nothing in its place.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from daemon.datasets.export.model_source import ModelSource
from daemon.domain.errors import ExportRefused
from daemon.launchers.local import LocalLauncher
from daemon.runs.model_card import CARD, EXPORTED, ModelCard
from daemon.runs.model_requests import ExportRequest
from daemon.runs.run_folder import RunFolder

POLL_S = 0.2
_CACHE = "__pycache__"  # of predict.py, once the notebook imported it


@dataclass(frozen=True, kw_only=True)
class ModelExportOptions:
    """What is wanted. threads: of the process, 0 = all. onnx: also as ONNX."""

    out: Path
    onnx: bool = True
    threads: int = 0


def export_model(source: ModelSource, options: ModelExportOptions, at: datetime) -> ModelCard:
    """Write the folder of a model; its card. at: the time that the card states.

    Raises ExportRefused, or RunFailed with the message of the process.
    """
    out = options.out.absolute()
    _require_free(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    run = RunFolder(out.with_name(f".{out.name}.export"))
    if run.holder() is not None:
        raise ExportRefused(f"--out {out}: another process exports into it; wait for its end")
    shutil.rmtree(run.path, ignore_errors=True)
    run.write_request(
        ExportRequest(
            checkpoint=source.checkpoint,
            classes=source.classes,
            facts=source.facts,
            at=at,
            onnx=options.onnx,
            threads=options.threads,
        )
    )
    _run_to_end(run)
    card = ModelCard.model_validate_json((run.path / "model" / CARD).read_bytes())
    if out.exists():
        shutil.rmtree(out)
    (run.path / "model").rename(out)
    shutil.rmtree(run.path)
    return card


def _run_to_end(run: RunFolder) -> None:
    launcher = LocalLauncher()
    try:
        while not launcher.advance(run, "export"):
            time.sleep(POLL_S)
    finally:
        launcher.stop()


def _require_free(out: Path) -> None:
    """Raise ExportRefused for a target that holds anything but an earlier export of a model."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise ExportRefused(f"--out {out}: got a file or a link; expected a new folder")
    others = {path.name for path in out.iterdir()} - {*EXPORTED, _CACHE} if out.is_dir() else set()
    if others:
        raise ExportRefused(
            f"--out {out}: got a folder that holds {min(others)!r}; expected a new or an empty "
            f"one, or that of an earlier `maskloop export --model` without other files, which is "
            f"replaced; name another"
        )

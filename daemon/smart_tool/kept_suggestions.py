"""The newest suggestion of each session, kept for some days: whoever forgets to accept it before
Submit loses the mask, and the annotation holds clicks only (daemon/stages/unaccepted_masks.py).

One small file a session, within a bound of number and of bytes; the oldest go first. They are
written without waiting for the disk, since people wait for the answer: a power cut may cost the
newest.
"""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import os
import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from pydantic import AwareDatetime, Field, ValidationError

from daemon.domain import Clock
from daemon.runs.records import Record

FOLDER = "click-suggestions"  # of the state folder
KEPT_FOR = timedelta(days=7)
MOST_FILES = 5_000
MOST_BYTES = 64 * 2**20  # of all files together
MOST_MASK_BYTES = 64 * 2**10  # of the PNG of one mask; a larger one is not kept
Inside = npt.NDArray[np.bool_]

log = logging.getLogger(__name__)


class KeptSuggestion(Record):
    """The newest suggestion of a session.

    session: id of its first click. region: id of the suggested region. box_yxyx: the first row and
    column of the mask and those behind its last, pixels. mask_png: 1-bit PNG of the box, base64.
    """

    task: str
    session: str
    region: str
    label: str
    box_yxyx: tuple[int, int, int, int]
    area_px: int = Field(ge=1)
    mask_png: str
    at: AwareDatetime


class KeptSuggestions:
    """Keeps suggestions in a folder. Thread-safe. now: the clock."""

    def __init__(
        self,
        folder: Path,
        now: Clock,
        *,
        most_files: int = MOST_FILES,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._folder, self._now = folder, now
        self._most_files, self._most_bytes = most_files, most_bytes
        self._lock, self._bytes, self._has_failed = threading.Lock(), 0, False
        self._files: OrderedDict[str, tuple[float, int]] = OrderedDict()  # name -> time, bytes
        self._read_folder()

    def keep(self, *, task: int, session: str, region: str, label: str, inside: Inside) -> None:
        """Keep a suggestion in the place of the one before in its session. inside: (H, W), not
        empty. A folder that cannot be written is said once; it costs nobody an answer."""
        try:
            kept = _suggestion(str(task), session, region, label, inside, self._now())
            if kept is not None:
                self._write(_file_name(kept.task, session), kept)
        except OSError as exc:
            if not self._has_failed:
                log.warning("suggestions of the smart tool cannot be kept: %s", exc)
            self._has_failed = True

    def _write(self, name: str, kept: KeptSuggestion) -> None:
        content = kept.model_dump_json().encode()
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            part = self._folder / f"{name}.part"
            part.write_bytes(content)
            os.utime(part, (kept.at.timestamp(), kept.at.timestamp()))
            part.replace(self._folder / name)
            self._note(name, kept.at.timestamp(), len(content))
            self._delete_oldest()

    def _note(self, name: str, at_s: float, size: int) -> None:
        self._bytes += size - self._files.pop(name, (0.0, 0))[1]
        self._files[name] = (at_s, size)

    def _delete_oldest(self) -> None:
        too_old_s = (self._now() - KEPT_FOR).timestamp()
        while self._files:
            name, (at_s, size) = next(iter(self._files.items()))
            if (
                at_s >= too_old_s
                and len(self._files) <= self._most_files
                and self._bytes <= self._most_bytes
            ):
                return
            (self._folder / name).unlink(missing_ok=True)
            del self._files[name]
            self._bytes -= size

    def _read_folder(self) -> None:
        """Take over what an earlier daemon kept."""
        if not self._folder.is_dir():
            return
        found = [(file.stat(), file.name) for file in self._folder.glob("*.json")]
        for stat, name in sorted(found, key=lambda one: one[0].st_mtime):
            self._note(name, stat.st_mtime, stat.st_size)
        self._delete_oldest()


def read_suggestion(state: Path, task: str, session: str) -> KeptSuggestion | None:
    """The newest suggestion of a session; None where none is kept. state: the state folder."""
    try:
        content = (state / FOLDER / _file_name(task, session)).read_bytes()
        return KeptSuggestion.model_validate_json(content)
    except (OSError, ValidationError):
        return None


def mask_pixels(box_yxyx: tuple[int, int, int, int], mask_png: str) -> Inside | None:
    """The pixels of a kept mask, (rows, columns) of its box; None for a PNG of another size."""
    top, left, bottom, right = box_yxyx
    try:
        with Pillow.open(io.BytesIO(base64.b64decode(mask_png)), formats=["PNG"]) as png:
            if png.size != (right - left, bottom - top):
                return None
            return np.asarray(png.convert("1"))
    except (OSError, ValueError, SyntaxError):
        return None


def _suggestion(
    task: str, session: str, region: str, label: str, inside: Inside, at: datetime
) -> KeptSuggestion | None:
    """None for a mask that is too large to keep."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    out = io.BytesIO()
    pixels = np.ascontiguousarray(inside[top:bottom, left:right])
    Pillow.fromarray(pixels).convert("1").save(out, format="PNG")
    if out.tell() > MOST_MASK_BYTES:
        return None
    return KeptSuggestion(
        task=task,
        session=session.encode("utf-8", "backslashreplace").decode(),
        region=region,
        label=label,
        box_yxyx=(top, left, bottom, right),
        area_px=int(np.count_nonzero(pixels)),
        mask_png=base64.b64encode(out.getvalue()).decode(),
        at=at,
    )


def _file_name(task: str, session: str) -> str:
    """Ids of clicks come from outside: no path is made of them."""
    text = f"{task}\0{session}".encode("utf-8", "backslashreplace")
    return f"{hashlib.sha256(text).hexdigest()[:32]}.json"

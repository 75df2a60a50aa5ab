"""Which image a task shows, and the prior map of it: read from the store and the run folders."""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from daemon.clicks.click import PriorMap
from daemon.domain import Image
from daemon.domain.errors import MaskloopError, MaskRefused
from daemon.runs.predicted_masks import predict_run, predicted_cycles
from daemon.runs.prior_maps import prior_file, read_prior
from daemon.store import FILE, Store

MOST_SESSIONS = 1000


@dataclass(frozen=True, kw_only=True)
class Prior:
    """A prior map. cycle: of the PREDICT run that wrote it. version: differs where the map may.
    path: its file."""

    map: PriorMap
    cycle: int
    version: str
    path: Path


class ClickedImages:
    """Images and their prior maps, for clicks. Thread-safe. state: the state folder."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._cycles: OrderedDict[str, int] = OrderedDict()  # of sessions, the newest last
        self._lock = threading.Lock()

    def of_task(self, task: int) -> Image | None:
        """The image of a task of our project; None for one that the store does not know."""
        path = self._state / FILE
        try:
            with Store(path, read_only=True) as store:
                return store.image_of_task(str(task))
        except (MaskloopError, sqlite3.Error):
            return None  # before the first tick, or while a writer changes the schema

    def prior(self, image: Image, session: str) -> Prior | None:
        """The newest prior map of an image; a session keeps the one that it began with."""
        runs = self._state / "runs"
        for cycle in self._order(runs, session):
            path = prior_file(predict_run(runs, cycle), image.id)
            try:
                version = f"{cycle} {path.stat().st_mtime_ns}"
                found = read_prior(path, (image.height_px, image.width_px))
            except (MaskRefused, OSError):
                continue  # not there, damaged, or of a file that was replaced since
            self._remember(session, cycle)
            return Prior(map=found, cycle=cycle, version=version, path=path)
        return None

    def _order(self, runs: Path, session: str) -> list[int]:
        """The cycles to look in: that of the session first, then newest first."""
        with self._lock:
            known = self._cycles.get(session)
        return [*([] if known is None else [known]), *predicted_cycles(runs)]

    def _remember(self, session: str, cycle: int) -> None:
        with self._lock:
            self._cycles[session] = cycle
            self._cycles.move_to_end(session)
            while len(self._cycles) > MOST_SESSIONS:
                self._cycles.popitem(last=False)

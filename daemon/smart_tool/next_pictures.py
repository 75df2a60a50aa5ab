"""The pictures of the tasks that people get next, decoded while nobody clicks.

So the first click on an image is answered as soon as the others: reading and decoding a picture
takes longer than finding an object in it. The click network decodes in its own process, so it is
asked about each of these pictures once, for nothing but that.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from daemon.clicks.click import Click
from daemon.domain import Clock, Image, TaskState
from daemon.domain.errors import ImageRefused, MaskloopError
from daemon.smart_tool.click_answers import AskedObject
from daemon.smart_tool.decoded_pictures import MAX_BYTES, DecodedPictures
from daemon.store import FILE, Store

LOOK_S = 5.0  # between two looks at which tasks are next
IDLE_S = 2.0  # without a click, before a picture is decoded
TASKS_PER_PERSON = 2
ACTIVE_WINDOW = timedelta(hours=24)  # people who answered within it may open the next task
MOST_BYTES = MAX_BYTES // 2  # so that pictures in use stay
_CHANNELS = 3

log = logging.getLogger(__name__)


class PreparesPictures(Protocol):
    """An engine in another process, which decodes pictures for itself."""

    def prepare(self, asked: AskedObject) -> bool:
        """Let it decode the picture; whether it did."""


class NextPictures:
    """Decodes them in a thread until it is closed.

    state: the state folder. pictures: where decoded ones are kept. idle_s: seconds since the newest
    click. now: the clock. worker: what decodes them in another process; None: nothing.
    """

    def __init__(
        self,
        state: Path,
        pictures: DecodedPictures,
        idle_s: Callable[[], float],
        now: Clock,
        worker: PreparesPictures | None = None,
    ) -> None:
        self._state, self._pictures, self._worker = state, pictures, worker
        self._idle_s, self._now = idle_s, now
        self._prepared: set[str] = set()  # sha256 of the pictures that the worker has decoded
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="next-pictures", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and wait for that."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def decode(self) -> int:
        """Decode what is next, one look; stops at a click. Returns how many pictures are ready."""
        images = self._next_images()
        self._prepared &= {image.sha256 for image in images}
        for done, image in enumerate(images):
            if self._stopped.is_set() or self._idle_s() < IDLE_S:
                return done
            with suppress(ImageRefused):  # said when somebody clicks on it
                self._prepare(image)
        return len(images)

    def _prepare(self, image: Image) -> None:
        picture = self._pictures.picture(image)
        if self._worker is None or image.sha256 in self._prepared:
            return
        clicks = (Click(x=image.width_px // 2, y=image.height_px // 2),)
        asked = AskedObject(image=image, picture=picture, clicks=clicks, prior=None)
        if self._worker.prepare(asked):
            self._prepared.add(image.sha256)

    def _next_images(self) -> list[Image]:
        """The images of the first open tasks, in their order, as many as may be kept."""
        try:
            with Store(self._state / FILE, read_only=True) as store:
                people = max(1, store.people_since(self._now() - ACTIVE_WINDOW))
                tasks = store.tasks(TaskState.OPEN)[: TASKS_PER_PERSON * people]
                images = store.images_of(task.image_id for task in tasks)
        except (MaskloopError, sqlite3.Error):
            return []  # before the first tick, or while a writer changes the schema
        found, left = [], MOST_BYTES
        for image in (images[task.image_id] for task in tasks if task.image_id in images):
            left -= image.height_px * image.width_px * _CHANNELS
            if left < 0:
                break
            found.append(image)
        return found

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_S):
            try:
                self.decode()
            except Exception:
                log.warning("the next pictures could not be decoded", exc_info=True)

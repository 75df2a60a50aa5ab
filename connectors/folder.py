"""Images and true masks on disk: for demos, tests and benchmarks, without any server.

The truth folder plays the annotator: an image that was pushed comes back with its true mask at
the next look. Who was asked what is kept in one JSON file of the state folder.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from connectors.images import found_under, read_file, read_under
from daemon.domain import (
    IGNORE,
    Annotation,
    AnswerId,
    Ask,
    Changes,
    ClassSet,
    Fault,
    FoundImage,
    Mask,
)
from daemon.errors import ConnectorRefused, ImageRefused

ANNOTATOR = "truth"
STATE = "asked.json"
PORTION_BYTES = 128 * 2**20  # of masks that are read at once


class Folder:
    """A labeling tool that needs no people. See connectors.base.Connector.

    images: a folder of pictures. truth: NAME.png beside each image's NAME, in the same
    subfolder; 8 bit, one class index per pixel, 255 = ignore. state: where this connector
    remembers what was asked.
    """

    def __init__(
        self,
        *,
        images: Path,
        truth: Path,
        state: Path,
        classes: ClassSet,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._images, self._truth, self._classes, self._now = images, truth, classes, now
        self._file = state / STATE

    def check(self) -> Sequence[Fault]:
        """Whether both folders are there and hold something."""
        missing = [
            Fault(
                where=name, got=f"no folder {path}", expected="a folder", cure="correct config.toml"
            )
            for name, path in (("images", self._images), ("truth", self._truth))
            if not path.is_dir()
        ]
        if not missing and next(iter(self.images()), None) is None:
            where, cure = str(self._images), "put images into it"
            return [Fault(where=where, got="no image", expected="at least one", cure=cure)]
        return missing

    def claim(self, owner: str) -> None:
        """Keep the owner beside the tasks, or refuse another."""
        file = self._file.with_name("owner")
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_text(owner)
        if file.read_text() != owner:
            raise ConnectorRefused(
                f"{file}: got {file.read_text()}; expected {owner}: another store works on it; "
                f"stop that one, or delete the file if its state is lost"
            )

    def images(self) -> Iterable[FoundImage]:
        """Every image file, by path; the key is the path below the folder."""
        return found_under(self._images)

    def read(self, image: FoundImage) -> bytes:
        """The bytes of an image. Raises ImageRefused."""
        return read_under(self._images, image.key)

    def changes(
        self,
        cursor: str | None,
        sizes: Mapping[str, tuple[int, int]],
        asked: Collection[str] = (),
    ) -> Changes:
        """The true masks of the images that were asked since `cursor` and not retired."""
        state = self._load()
        new = {
            task: asked
            for task, asked in state["tasks"].items()
            if int(task) > int(cursor or 0) and not asked["retired"]
        }
        largest = max((height * width for height, width in sizes.values()), default=1)
        portion = sorted(new, key=int)[: max(1, PORTION_BYTES // largest)]
        more = len(portion) < len(new)
        answers = [self._label(task, new[task], sizes) for task in portion]
        annotations = tuple(one for one in answers if isinstance(one, Annotation))
        return Changes(
            cursor=str(max(map(int, portion if more else state["tasks"]), default=0)),
            more=more,
            annotations=annotations,
            faults=tuple(one for one in answers if isinstance(one, Fault)),
            seen={one.task: (one.id,) for one in annotations},
        )

    def push(self, asks: Sequence[Ask], key: str, version: str) -> Mapping[int, str]:
        """Ask the truth folder. An image that is asked already keeps its task."""
        state = self._load()
        tasks = state["tasks"]
        known = {asked["key"]: task for task, asked in tasks.items() if not asked["retired"]}
        mine = {asked["key"]: task for task, asked in tasks.items() if asked["push"] == key}
        for ask in asks:
            if ask.anew:
                known.pop(ask.image.key, None)
            if ask.image.key in mine:
                known[ask.image.key] = mine[ask.image.key]
            if ask.image.key not in known:
                task = str(len(tasks) + 1)
                known[ask.image.key] = task
                tasks[task] = {
                    "key": ask.image.key,
                    "push": key,
                    "retired": False,
                    "at": self._now().isoformat(),
                }
        self._save(state)
        return {ask.image.id: known[ask.image.key] for ask in asks}

    def rerank(self, version: str, asks: Sequence[Ask]) -> None:
        """Nothing to see for the truth; unknown tasks are refused."""
        known = self._load()["tasks"]
        if unknown := [ask.task for ask in asks if ask.task not in known]:
            raise ConnectorRefused(f"rerank: {self._file} knows no task {unknown[0]}; restore it")

    def retire(self, tasks: Collection[str]) -> None:
        """These tasks are not answered any more."""
        state = self._load()
        for task in tasks:
            if task in state["tasks"]:
                state["tasks"][task]["retired"] = True
        self._save(state)

    def forget(self, version: str) -> bool:
        """Nothing was kept."""
        return True

    def repair(
        self, version: str | None, open_tasks: Collection[str], pause_min: int | None = None
    ) -> Sequence[str]:
        """Nobody can change settings here, and each task is answered at once."""
        return []

    def _label(
        self, task: str, asked: Mapping[str, Any], sizes: Mapping[str, tuple[int, int]]
    ) -> Annotation | Fault:
        key = asked["key"]
        path = self._truth / PurePosixPath(key).with_suffix(".png")
        answer = AnswerId(annotation=f"truth-{task}", task=task, image_key=key)
        try:
            mask = _read_mask(path)
        except ImageRefused as exc:
            return _fault(answer, f"{path}: {exc}", "a mask", "restore the file")
        if sizes.get(key) != mask.shape:
            got = f"{path} with (height, width) {mask.shape}"
            return _fault(answer, got, f"{sizes.get(key)}, as the image", "make it fit the image")
        values = np.unique(mask)
        if bad := [int(v) for v in values if v >= len(self._classes) and v != IGNORE]:
            expected = f"0 to {len(self._classes) - 1} or {IGNORE}"
            return _fault(answer, f"{path} with pixel value {bad[0]}", expected, "correct the mask")
        at = datetime.fromisoformat(asked["at"])
        return Annotation(
            id=f"truth-{task}",
            task=task,
            image_key=key,
            mask=mask,
            annotator=ANNOTATOR,
            updated_at=at,
            created_at=at,
        )

    def _load(self) -> dict[str, Any]:
        if not self._file.exists():
            return {"tasks": {}}
        state: dict[str, Any] = json.loads(self._file.read_text("utf-8"))
        return state

    def _save(self, state: Mapping[str, Any]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".tmp")
        with partial.open("w", encoding="utf-8") as stream:
            json.dump(state, stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(self._file)


def _fault(answer: AnswerId, got: str, expected: str, cure: str) -> Fault:
    return Fault(where=answer.place, got=got, expected=expected, cure=cure, answer=answer)


def _read_mask(path: Path) -> Mask:
    content = read_file(path)
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            picture.load()
            mode, mask = picture.mode, np.array(picture)
    except Exception as exc:  # Pillow raises many kinds for damaged files
        raise ImageRefused(f"{path}: {exc}") from exc
    if mode not in ("L", "P"):
        raise ImageRefused(f"{path}: a PNG of mode {mode}; 8 bit with one class index per pixel")
    return mask.astype(np.uint8)

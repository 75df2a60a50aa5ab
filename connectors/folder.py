"""Images and true masks on disk: for demos, tests and benchmarks, without a server.

The truth folder replaces the annotators: a pushed image is labeled with its true mask at the next
reading. The tasks are kept in one JSON file of the state folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from connectors.folder_cursor import FolderCursor
from connectors.images.cache import MAX_FILE_BYTES, folder_images, read_below, require_nonempty
from connectors.masks.folder_sample import mask_faults, mask_notes
from connectors.unreadable import typed
from daemon.domain import (
    Annotation,
    AnswerId,
    Changes,
    ClassSet,
    Fault,
    FoundImage,
    TaskRequest,
)
from daemon.domain.errors import ConnectorRefused, MaskRefused
from daemon.domain.faults import printable
from daemon.intake import Intake
from daemon.pixels.folders import LeftOut, PictureFolder
from daemon.pixels.masks import MaskUnusable, read_mask
from daemon.runs.durable import atomic_file

ANNOTATOR = "truth"
STATE = "asked.json"  # the tasks, by number
_RESTORE = "restore the state folder from a copy, or name a new [project] state_dir"
MAX_MASK_BYTES = 128 * 2**20  # of the masks of one page


class Folder:
    """A labeling tool without people. See connectors.base.Connector.

    images: a folder of pictures. truth: a folder with a mask NAME.png for each image NAME, in the
    same subfolder: 8 bits, one class index a pixel, 255 = ignore. state: a folder for the tasks.
    max_bytes: of an image file.
    """

    def __init__(
        self,
        *,
        images: Path,
        truth: Path,
        state: Path,
        classes: ClassSet,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        max_bytes: int = MAX_FILE_BYTES,
    ) -> None:
        self._max_bytes = max_bytes
        self._images, self._truth, self._classes, self._now = images, truth, classes, now
        self._file = state / STATE
        self._folder = PictureFolder(images, shown_in_browser=False, unique_stems=True)

    def check(self) -> Sequence[Fault]:
        """Faults of the two folders, and of the masks in a sample."""
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
        return missing or mask_faults(self._truth, self._classes)

    def notes(self) -> Sequence[str]:
        """What may be wrong with the masks, from a sample of them."""
        return mask_notes(self._truth, self._classes)

    def claim(self, owner: str) -> None:
        """Write the owner beside the tasks, or refuse another."""
        file = self._file.with_name("owner")
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_text(owner)
        if (found := file.read_text(errors="backslashreplace")) != owner:
            raise ConnectorRefused(
                f"{file}: got {printable(found)}; expected {owner}: another store works on it; "
                f"stop that one, or delete the file if its state is lost"
            )

    def images(self) -> Iterable[FoundImage]:
        """Every image file, by path; the key is the path relative to the folder."""
        if self._load()["tasks"]:
            require_nonempty(self._images, "the images that were there before")
        return folder_images(self._folder)

    def left_out(self) -> Sequence[LeftOut]:
        """Files of the image folder that are not used, and why."""
        return self._folder.latest.left_out

    def read(self, image: FoundImage) -> bytes:
        """The bytes of an image. Raises ImageRefused."""
        return read_below(self._images, image.key, max_bytes=self._max_bytes, within=Path("/"))

    def fingerprint(self, image: FoundImage) -> str:
        """Always "": the daemon compares time and size of the file."""
        return ""

    def changes(
        self,
        cursor: str | None,
        sizes: Mapping[str, tuple[int, int]],
        asked: Collection[str] = (),
    ) -> Changes:
        """The true masks of the tasks that were pushed since `cursor` and not retired, and those
        that were saved again or removed since."""
        known, intake = self._load()["tasks"], Intake()
        since = FolderCursor.parse(cursor)
        if since.task and not known:
            raise ConnectorRefused(
                f"{self._file}: got no task; expected the {since.task} that were asked; {_RESTORE}"
            )
        if since.task:
            require_nonempty(self._truth, "the masks that were there before")
        saved_at = {
            task: self._saved_ns(state)
            for task, state in known.items()
            if not (isinstance(state, dict) and state.get("retired")) and not self._has_moved(state)
        }
        unread = since.unread(saved_at)
        largest_px = max((height * width for height, width in sizes.values()), default=1)
        page = unread[: max(1, MAX_MASK_BYTES // max(1, largest_px))]
        answers = []
        for task in page:
            with _guard(intake, task, known[task]):
                answers.append(self._label(task, known[task], sizes))
        annotations = tuple(one for one in answers if isinstance(one, Annotation))
        return Changes(
            cursor=str(since.after(page, saved_at)),
            has_more=len(page) < len(unread),
            annotations=annotations,
            deletions=tuple(f"truth-{task}" for task in since.removed(saved_at)),
            lost_tasks=tuple(task for task in asked if task not in known),
            faults=(*(one for one in answers if isinstance(one, Fault)), *intake.faults()),
            annotation_ids={one.task: (one.id,) for one in annotations},
        )

    def push(self, asks: Sequence[TaskRequest], key: str, version: str) -> Mapping[int, str]:
        """Create tasks, which the truth folder answers. An image with an open task keeps it."""
        state = self._load()
        tasks = state["tasks"]
        valid = {task: entry for task, entry in tasks.items() if _is_valid(entry)}
        known = {entry["key"]: task for task, entry in valid.items() if not entry.get("retired")}
        mine = {entry["key"]: task for task, entry in valid.items() if entry["push"] == key}
        last = max(map(int, tasks), default=0)
        for ask in asks:
            if ask.needs_new_task:
                known.pop(ask.image.key, None)
            if ask.image.key in mine:
                known[ask.image.key] = mine[ask.image.key]
            if ask.image.key not in known:
                last += 1
                task = str(last)
                known[ask.image.key] = task
                tasks[task] = {
                    "key": ask.image.key,
                    "push": key,
                    "retired": False,
                    "at": self._now().isoformat(),
                }
        self._save(state)
        return {ask.image.id: known[ask.image.key] for ask in asks}

    def rerank(self, version: str, asks: Sequence[TaskRequest]) -> None:
        """Only refuses unknown tasks: the truth needs neither order nor prediction."""
        known = self._load()["tasks"]
        if unknown := [ask.task for ask in asks if ask.task not in known]:
            raise ConnectorRefused(f"rerank: {self._file} knows no task {unknown[0]}; restore it")

    def retire(self, tasks: Collection[str]) -> None:
        """Stop answering these tasks."""
        state = self._load()
        for task in tasks:
            if isinstance(entry := state["tasks"].get(task), dict):
                entry["retired"] = True
        self._save(state)

    def delete_predictions(self, version: str) -> bool:
        """Always True: no prediction is kept."""
        return True

    def repair(
        self, version: str | None, open_tasks: Collection[str], pause_min: int | None = None
    ) -> Sequence[str]:
        """Nothing to repair: there are no settings, and each task is answered at once."""
        return []

    def close(self) -> None:
        """Nothing is open between two calls."""

    def _label(
        self, task: str, entry: Mapping[str, Any], sizes: Mapping[str, tuple[int, int]]
    ) -> Annotation | Fault:
        if not _is_valid(entry):
            raise MaskRefused(f"{self._file}: the task {task} is {typed(entry)}")
        key = entry["key"]
        path, saved_ns = self._mask_path(key), self._saved_ns(entry)
        answer = AnswerId(annotation=f"truth-{task}", task=task, image_key=key)
        if key not in sizes:
            expected = "an image that the daemon knows and can read"
            cure = "see whether that image is in quarantine"
            return _fault(answer, f"the image {key!r}", expected, cure)
        try:
            mask = read_mask(path, classes=len(self._classes), size=sizes[key])
        except MaskUnusable as exc:
            return _fault(answer, f"{path}: {exc.got}", exc.expected, exc.cure)
        pushed_at = datetime.fromisoformat(entry["at"])
        return Annotation(
            id=f"truth-{task}",
            task=task,
            image_key=key,
            mask=mask,
            annotator=ANNOTATOR,
            updated_at=max(pushed_at, datetime.fromtimestamp((saved_ns or 0) / 1e9, UTC)),
            created_at=pushed_at,
        )

    def _saved_ns(self, entry: object) -> int | None:
        """When the mask of a task was saved last, ns since 1970; None where there is none."""
        if not _is_valid(entry):
            return 0
        try:
            stat = self._mask_path(entry["key"]).stat()
        except (OSError, ValueError):
            return None
        return max(stat.st_mtime_ns, stat.st_ctime_ns)

    def _has_moved(self, entry: object) -> bool:
        """Whether neither image nor mask of a task exists at its path any more: its label stays."""
        if not _is_valid(entry):
            return False
        paths = self._images / entry["key"], self._mask_path(entry["key"])
        return not any(os.path.lexists(path) for path in paths)

    def _mask_path(self, key: str) -> Path:
        return self._truth / PurePosixPath(key).with_suffix(".png")

    def _load(self) -> dict[str, Any]:
        """Every task by its number, as text; its fields are not checked. Raises ConnectorRefused
        for any other content of the file."""
        if not self._file.exists():
            return {"tasks": {}}
        try:
            state = json.loads(self._file.read_text("utf-8"))
            tasks = dict(state["tasks"])
            numbers = [int(task) for task in tasks]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
            raise ConnectorRefused(
                f"{self._file}: got {type(exc).__name__}: {exc}; expected the tasks that this "
                f"Maskloop wrote there; {_RESTORE}"
            ) from exc
        return {**state, "tasks": dict(zip(map(str, numbers), tasks.values(), strict=True))}

    def _save(self, state: Mapping[str, Any]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self._file) as part:
            part.write_text(json.dumps(state), "utf-8")


def _is_valid(entry: object) -> TypeGuard[dict[str, str]]:
    names = ("key", "push", "at")
    return isinstance(entry, dict) and all(isinstance(entry.get(name), str) for name in names)


def _guard(intake: Intake, task: str, entry: object) -> AbstractContextManager[None]:
    """Turns any exception about this task into a fault of its answer."""
    key = entry.get("key") if isinstance(entry, dict) else None
    answer = AnswerId(annotation=f"truth-{task}", task=task, image_key=str(key or ""))
    return intake.guard(
        answer.where,
        expected="a task that this Maskloop wrote, and a mask for its image",
        cure=f"see the mask of this image; if it is well, {_RESTORE}",
        answer=answer,
    )


def _fault(answer: AnswerId, got: str, expected: str, cure: str) -> Fault:
    return Fault(where=answer.where, got=got, expected=expected, cure=cure, answer=answer)

"""Images and true masks on disk: for demos, tests and benchmarks, without any server.

The truth folder plays the annotator: an image that was pushed comes back with its true mask at
the next look. Who was asked what is kept in one JSON file of the state folder.
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
from connectors.images.cache import MAX_FILE_BYTES, found_in, read_under, require_files
from connectors.mask_sample import mask_faults, mask_notes
from connectors.refusals import kind
from daemon.domain import (
    Annotation,
    AnswerId,
    Ask,
    Changes,
    ClassSet,
    Fault,
    FoundImage,
)
from daemon.domain.errors import ConnectorRefused, MaskRefused
from daemon.domain.faults import printable
from daemon.intake import Intake
from daemon.pixels.folders import LeftOut, PictureFolder
from daemon.pixels.masks import MaskUnusable, read_mask

ANNOTATOR = "truth"
STATE = "asked.json"
_RESTORE = "restore the state folder from a copy, or name a new [project] state_dir"
PORTION_BYTES = 128 * 2**20  # of masks that are read at once


class Folder:
    """A labeling tool that needs no people. See connectors.base.Connector.

    images: a folder of pictures. truth: NAME.png beside each image's NAME, in the same
    subfolder; 8 bit, one class index per pixel, 255 = ignore. state: where this connector
    remembers what was asked. max_bytes: of an image file.
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
        return missing or mask_faults(self._truth, self._classes)

    def notes(self) -> Sequence[str]:
        """What may be wrong with the masks, from a look at some of them."""
        return mask_notes(self._truth, self._classes)

    def claim(self, owner: str) -> None:
        """Keep the owner beside the tasks, or refuse another."""
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
        """Every image file, by path; the key is the path below the folder."""
        if self._load()["tasks"]:
            require_files(self._images, "the images that were there before")
        return found_in(self._folder)

    def left_out(self) -> Sequence[LeftOut]:
        """What of the image folder is not used, and why."""
        return self._folder.latest.left_out

    def read(self, image: FoundImage) -> bytes:
        """The bytes of an image. Raises ImageRefused."""
        return read_under(self._images, image.key, max_bytes=self._max_bytes, within=Path("/"))

    def fingerprint(self, image: FoundImage) -> str:
        """Nothing: the file's own time and size tell."""
        return ""

    def changes(
        self,
        cursor: str | None,
        sizes: Mapping[str, tuple[int, int]],
        asked: Collection[str] = (),
    ) -> Changes:
        """The true masks of the images that were asked since `cursor` and not retired, and those
        that were saved again or removed since."""
        known, intake = self._load()["tasks"], Intake()
        at = FolderCursor.parse(cursor)
        if at.task and not known:
            raise ConnectorRefused(
                f"{self._file}: got no task; expected the {at.task} that were asked; {_RESTORE}"
            )
        if at.task:
            require_files(self._truth, "the masks that were there before")
        moments = {
            task: self._saved(one)
            for task, one in known.items()
            if not (isinstance(one, dict) and one.get("retired")) and not self._has_left(one)
        }
        new = at.to_read(moments)
        largest = max((height * width for height, width in sizes.values()), default=1)
        portion = new[: max(1, PORTION_BYTES // max(1, largest))]
        answers = []
        for task in portion:
            with _taking_in(intake, task, known[task]):
                answers.append(self._label(task, known[task], sizes))
        annotations = tuple(one for one in answers if isinstance(one, Annotation))
        return Changes(
            cursor=str(at.after(portion, moments)),
            more=len(portion) < len(new),
            annotations=annotations,
            deletions=tuple(f"truth-{task}" for task in at.removed(moments)),
            lost_tasks=tuple(task for task in asked if task not in known),
            faults=(*(one for one in answers if isinstance(one, Fault)), *intake.faults()),
            seen={one.task: (one.id,) for one in annotations},
        )

    def push(self, asks: Sequence[Ask], key: str, version: str) -> Mapping[int, str]:
        """Ask the truth folder. An image that is asked already keeps its task."""
        state = self._load()
        tasks = state["tasks"]
        sound = {task: asked for task, asked in tasks.items() if _is_sound(asked)}
        known = {asked["key"]: task for task, asked in sound.items() if not asked.get("retired")}
        mine = {asked["key"]: task for task, asked in sound.items() if asked["push"] == key}
        last = max(map(int, tasks), default=0)
        for ask in asks:
            if ask.anew:
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

    def rerank(self, version: str, asks: Sequence[Ask]) -> None:
        """Nothing to see for the truth; unknown tasks are refused."""
        known = self._load()["tasks"]
        if unknown := [ask.task for ask in asks if ask.task not in known]:
            raise ConnectorRefused(f"rerank: {self._file} knows no task {unknown[0]}; restore it")

    def retire(self, tasks: Collection[str]) -> None:
        """These tasks are not answered any more."""
        state = self._load()
        for task in tasks:
            if isinstance(asked := state["tasks"].get(task), dict):
                asked["retired"] = True
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
        if not _is_sound(asked):
            raise MaskRefused(f"{self._file}: the task {task} is {kind(asked)}")
        key = asked["key"]
        path, saved = self._mask_path(key), self._saved(asked)
        answer = AnswerId(annotation=f"truth-{task}", task=task, image_key=key)
        if key not in sizes:
            expected = "an image that the daemon knows and can read"
            cure = "see whether that image is in quarantine"
            return _fault(answer, f"the image {key!r}", expected, cure)
        try:
            mask = read_mask(path, classes=len(self._classes), size=sizes[key])
        except MaskUnusable as exc:
            return _fault(answer, f"{path}: {exc.got}", exc.expected, exc.cure)
        at = datetime.fromisoformat(asked["at"])
        return Annotation(
            id=f"truth-{task}",
            task=task,
            image_key=key,
            mask=mask,
            annotator=ANNOTATOR,
            updated_at=max(at, datetime.fromtimestamp((saved or 0) / 1e9, UTC)),
            created_at=at,
        )

    def _saved(self, asked: object) -> int | None:
        """When the mask of a task was saved last, ns since 1970; None where there is none."""
        if not _is_sound(asked):
            return 0
        try:
            told = self._mask_path(asked["key"]).stat()
        except (OSError, ValueError):
            return None
        return max(told.st_mtime_ns, told.st_ctime_ns)

    def _has_left(self, asked: object) -> bool:
        """Whether image and mask of a task are at another place now: its label stays."""
        if not _is_sound(asked):
            return False
        places = self._images / asked["key"], self._mask_path(asked["key"])
        return not any(os.path.lexists(place) for place in places)

    def _mask_path(self, key: str) -> Path:
        return self._truth / PurePosixPath(key).with_suffix(".png")

    def _load(self) -> dict[str, Any]:
        """Every task by its number, as text; what it says is not judged. Raises ConnectorRefused
        for a file that holds anything else."""
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
        partial = self._file.with_suffix(".tmp")
        with partial.open("w", encoding="utf-8") as stream:
            json.dump(state, stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(self._file)


def _is_sound(asked: object) -> TypeGuard[dict[str, str]]:
    names = ("key", "push", "at")
    return isinstance(asked, dict) and all(isinstance(asked.get(name), str) for name in names)


def _taking_in(intake: Intake, task: str, asked: object) -> AbstractContextManager[None]:
    """Whatever is raised about this task becomes a fault of its answer."""
    key = asked.get("key") if isinstance(asked, dict) else None
    answer = AnswerId(annotation=f"truth-{task}", task=task, image_key=str(key or ""))
    return intake.guard(
        answer.place,
        expected="a task that this Maskloop wrote, and a mask for its image",
        cure=f"see the mask of this image; if it is well, {_RESTORE}",
        answer=answer,
    )


def _fault(answer: AnswerId, got: str, expected: str, cure: str) -> Fault:
    return Fault(where=answer.place, got=got, expected=expected, cure=cure, answer=answer)

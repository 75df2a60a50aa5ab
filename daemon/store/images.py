"""Images and their roles."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from daemon.domain import Exclusion, Image, KnownImage, Role
from daemon.store.base import Row, StoreBase


class ImageQueries(StoreBase):
    """Queries on images."""

    def add_image(self, image: Image, task: str | None, stamp: str = "", at: str = "") -> None:
        """Insert a new image (its `id` is ignored, the store numbers it); a known key stays.

        stamp, at: of the file, and when its bytes were read, see `KnownImage`.

        A file below the folder that holds the state folder is kept relative to that, so that all
        of it can be moved.
        """
        row = {
            name: getattr(image, name)
            for name in ("key", "name", "uri", "height_px", "width_px", "sha256")
        }
        row |= {"path": self._relative_path(image.path), "role": image.role.value, "task": task}
        with self.atomic():
            if task is not None:  # the number of a deleted task is given out again
                self._write("UPDATE images SET task = NULL WHERE task = ?", task)
            self._write("DELETE FROM former_keys WHERE key = ?", image.key)
            self._insert("images", row | {"stamp": stamp, "checked_at": at}, clash="IGNORE")

    def images(self, role: Role | None = None) -> list[Image]:
        """All images, or those with a role, by id. Slow in a large project: 5 s for 300,000; ask
        for `images_of`, `image_sizes`, `ids` or `role_counts` where these do."""
        if role is None:
            rows = self._rows("SELECT * FROM images ORDER BY id")
        else:
            rows = self._rows("SELECT * FROM images WHERE role = ? ORDER BY id", role.value)
        return [self._image(row) for row in rows]

    def images_of(self, image_ids: Iterable[int]) -> dict[int, Image]:
        """Image id -> image, of these images, by id."""
        rows = self._rows(
            "SELECT * FROM images WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            json.dumps(list(image_ids)),
        )
        return {row["id"]: self._image(row) for row in rows}

    def image_of_task(self, task: str) -> Image | None:
        """The image that a task of the labeling tool shows; None for a task of somebody else."""
        rows = self._rows(
            "SELECT i.* FROM images i WHERE i.id = coalesce("
            "(SELECT t.image_id FROM tasks t WHERE t.task = ? ORDER BY t.rowid DESC LIMIT 1), "
            "(SELECT o.id FROM images o WHERE o.task = ?))",
            task,
            task,
        )
        return self._image(rows[0]) if rows else None

    def image_names(self, text: str, most: int) -> dict[int, str]:
        """Image id -> name, of the images whose name holds the text, in any case; by id."""
        rows = self._tuples(
            "SELECT id, name FROM images WHERE instr(lower(name), lower(?)) ORDER BY id LIMIT ?",
            text,
            most,
        )
        return dict(rows)

    def image_sizes(self) -> dict[str, tuple[int, int, int]]:
        """Key -> (id, height_px, width_px), by the keys that images have and those that they had;
        much cheaper than `images` in a large project."""
        former = self._tuples(
            "SELECT f.key, i.id, i.height_px, i.width_px FROM former_keys f "
            "JOIN images i ON i.id = f.image_id"
        )
        own = self._tuples("SELECT key, id, height_px, width_px FROM images ORDER BY id")
        return {row[0]: row[1:] for row in (*former, *own)}

    def image_tasks(self) -> dict[int, str]:
        """Image id -> the task that the labeling tool had before Maskloop (source = project)."""
        rows = self._rows("SELECT id, task FROM images WHERE task IS NOT NULL")
        return {row["id"]: row["task"] for row in rows}

    def known_images(self) -> list[KnownImage]:
        """All images with the fields by which the intake recognizes them, by id."""
        rows = self._tuples(
            "SELECT id, key, sha256, task, stamp, checked_at, "
            "iif(excluded_why = ?, aside_stamp, NULL) FROM images ORDER BY id",
            Exclusion.UNREADABLE.value,
        )
        names = ("id", "key", "sha256", "task", "stamp", "checked_at", "aside_stamp")
        return [KnownImage(**dict(zip(names, row, strict=True))) for row in rows]

    def ids(self, role: Role) -> list[int]:
        """Ids of the images with a role, in rising order."""
        rows = self._tuples("SELECT id FROM images WHERE role = ? ORDER BY id", role.value)
        return [image_id for (image_id,) in rows]

    def id_array(self, role: Role) -> npt.NDArray[np.int64]:
        """As `ids`, (N,) int64: 0.15 s for a million, a third of the time of a row each."""
        sql = "SELECT group_concat(id) FROM images WHERE role = ?"
        ((joined,),) = self._tuples(sql, role.value)
        return np.sort(np.fromstring(joined or "", dtype=np.int64, sep=","))

    def known_keys(self) -> set[str]:
        """The keys of all images."""
        return {row["key"] for row in self._rows("SELECT key FROM images")}

    def set_roles(self, role: Role, reasons: Mapping[int, str]) -> None:
        """Give these images a role, each with its reason. Twice changes nothing."""
        with self.atomic():
            for image_id, reason in reasons.items():
                self._write(
                    "UPDATE images SET role = ?, role_reason = ? WHERE id = ?",
                    role.value,
                    reason,
                    image_id,
                )

    def hashes(self, role: Role) -> dict[int, str]:
        """Image id -> sha256 of its file, of the images with a role, by id."""
        rows = self._rows("SELECT id, sha256 FROM images WHERE role = ? ORDER BY id", role.value)
        return {row["id"]: row["sha256"] for row in rows}

    def role_counts(self) -> dict[Role, int]:
        """Role -> how many images have it; roles without any are left out."""
        rows = self._rows("SELECT role, count(*) AS n FROM images GROUP BY role")
        return {Role(row["role"]): row["n"] for row in rows}

    def role_counts_of(self, image_ids: Iterable[int]) -> dict[Role, int]:
        """Role -> how many of these images have it; every role is there."""
        rows = self._rows(
            "SELECT role, count(*) AS n FROM images "
            "WHERE id IN (SELECT value FROM json_each(?)) GROUP BY role",
            json.dumps(list(image_ids)),
        )
        return dict.fromkeys(Role, 0) | {Role(row["role"]): row["n"] for row in rows}

    def _image(self, row: Row) -> Image:
        return Image(
            id=row["id"],
            key=row["key"],
            name=row["name"],
            uri=row["uri"],
            path=self._absolute_path(row["path"]),
            height_px=row["height_px"],
            width_px=row["width_px"],
            sha256=row["sha256"],
            role=Role(row["role"]),
        )

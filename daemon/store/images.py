"""Images: what there is, and what each is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.domain import Exclusion, Image, Role
from daemon.store.base import Row, StoreBase


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownImage:
    """What the intake compares a found image with.

    task: the labeling tool's task that shows it, where one existed before us. stamp: of its file
    or of the server's answer, "" for none: it differs when the bytes may have changed.
    checked_at: when the bytes were compared last, ISO 8601, "" for never. aside_stamp: of the file
    that a run could not use; None for an image that is not set aside.
    """

    id: int
    key: str
    sha256: str
    task: str | None
    stamp: str
    checked_at: str
    aside_stamp: str | None = None


class ImageVerbs(StoreBase):
    """Verbs on images."""

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
        row |= {"path": self._kept(image.path), "role": image.role.value, "task": task}
        with self.atomic():
            if task is not None:  # the number of a deleted task is given out again
                self._write("UPDATE images SET task = NULL WHERE task = ?", task)
            self._write("DELETE FROM former_keys WHERE key = ?", image.key)
            self._insert("images", row | {"stamp": stamp, "checked_at": at}, clash="IGNORE")

    def images(self) -> list[Image]:
        """All usable images, by id."""
        return [
            _image(row | {"path": self._where(row["path"])})
            for row in self._rows("SELECT * FROM images ORDER BY id")
        ]

    def image_tasks(self) -> dict[int, str]:
        """Image id -> the task that existed before us (source = project)."""
        rows = self._rows("SELECT id, task FROM images WHERE task IS NOT NULL")
        return {row["id"]: row["task"] for row in rows}

    def known_images(self) -> list[KnownImage]:
        """What the intake compares found images with, by id."""
        rows = self._tuples(
            "SELECT id, key, sha256, task, stamp, checked_at, "
            "iif(excluded_why = ?, aside_stamp, NULL) FROM images ORDER BY id",
            Exclusion.UNREADABLE.value,
        )
        names = ("id", "key", "sha256", "task", "stamp", "checked_at", "aside_stamp")
        return [KnownImage(**dict(zip(names, row, strict=True))) for row in rows]

    def image_sizes(self) -> dict[str, tuple[int, int, int]]:
        """Key -> (id, height_px, width_px), by the keys that images have and those that they had;
        much cheaper than `images` in a large project."""
        former = self._tuples(
            "SELECT f.key, i.id, i.height_px, i.width_px FROM former_keys f "
            "JOIN images i ON i.id = f.image_id"
        )
        own = self._tuples("SELECT key, id, height_px, width_px FROM images ORDER BY id")
        return {row[0]: row[1:] for row in (*former, *own)}

    def known_keys(self) -> set[str]:
        """The keys of all images."""
        return {row["key"] for row in self._rows("SELECT key FROM images")}

    def set_roles(self, role: Role, reasons: Mapping[int, str]) -> None:
        """Give these images a role, each with its reason. Repeating it changes nothing."""
        with self.atomic():
            for image_id, reason in reasons.items():
                self._write(
                    "UPDATE images SET role = ?, role_reason = ? WHERE id = ?",
                    role.value,
                    reason,
                    image_id,
                )

    def hashes(self, role: Role) -> dict[int, str]:
        """Image id -> sha256 of its file, of the images with a role, by id; much cheaper than
        `images` in a large project."""
        rows = self._rows("SELECT id, sha256 FROM images WHERE role = ? ORDER BY id", role.value)
        return {row["id"]: row["sha256"] for row in rows}

    def role_counts(self) -> dict[str, int]:
        """How many images have each role."""
        rows = self._rows("SELECT role, count(*) AS n FROM images GROUP BY role")
        return {row["role"]: row["n"] for row in rows}

    def ids_by_role(self) -> dict[Role, set[int]]:
        """Role -> the ids of its images; every role is there. Reads no more of them than that."""
        table: dict[Role, set[int]] = {role: set() for role in Role}
        for row in self._rows("SELECT role, group_concat(id) AS ids FROM images GROUP BY role"):
            table[Role(row["role"])] = set(map(int, row["ids"].split(",")))
        return table


def _image(row: Row) -> Image:
    return Image(
        id=row["id"],
        key=row["key"],
        name=row["name"],
        uri=row["uri"],
        path=row["path"],
        height_px=row["height_px"],
        width_px=row["width_px"],
        sha256=row["sha256"],
        role=Role(row["role"]),
    )

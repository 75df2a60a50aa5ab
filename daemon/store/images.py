"""Images: what there is, and what each is for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from daemon.domain import Image, Role
from daemon.store.base import Row, StoreBase


class ImageVerbs(StoreBase):
    """Verbs on images."""

    def add_image(self, image: Image, task: str | None) -> None:
        """Insert a new image (its `id` is ignored, the store numbers it); a known key stays.

        A file below the folder that holds the state folder is kept relative to that, so that all
        of it can be moved.
        """
        row = {
            name: getattr(image, name)
            for name in ("key", "name", "uri", "height_px", "width_px", "sha256")
        }
        row |= {"path": self._kept(image.path), "role": image.role.value, "task": task}
        self._insert("images", row, clash="IGNORE")

    def images(self) -> list[Image]:
        """All usable images, by id."""
        return [
            _image(row | {"path": os.path.normpath(self.folder / row["path"])})
            for row in self._rows("SELECT * FROM images ORDER BY id")
        ]

    def image_tasks(self) -> dict[int, str]:
        """Image id -> the task that existed before us (source = project)."""
        rows = self._rows("SELECT id, task FROM images WHERE task IS NOT NULL")
        return {row["id"]: row["task"] for row in rows}

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

    def _kept(self, path: Path) -> str:
        inside = path.is_relative_to(self.folder.parent)
        return os.path.relpath(path, self.folder) if inside else str(path)


def _image(row: Row) -> Image:
    return Image(
        id=row["id"],
        key=row["key"],
        name=row["name"],
        uri=row["uri"],
        path=Path(row["path"]),
        height_px=row["height_px"],
        width_px=row["width_px"],
        sha256=row["sha256"],
        role=Role(row["role"]),
    )

"""Which image is which: new addresses, replaced bytes, copies, unusable files.

The sha256 of the bytes recognizes an image at a new address. Each label holds the digest of the
bytes that it was drawn on; if the image has other bytes now, the label is unconfirmed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from daemon.domain import FoundImage, IdenticalImage, Image, LostLabels, Role
from daemon.store.base import Row, StoreBase, stamp
from daemon.store.labels import LABEL_ORDER, WITHOUT_MASKS

# Labels that a model used, of which another annotation with another mask counts by now, or which
# were edited since.
_CHANGED = f"""
    SELECT u.cycle, count(*) AS changed FROM used_labels u
    JOIN annotations a ON a.id = u.annotation AND a.deleted = 0
    JOIN images i ON i.id = u.image_id AND (a.drawn_on IS NULL OR a.drawn_on = i.sha256)
    JOIN (
        SELECT id, image_id FROM (
            SELECT id, image_id, {LABEL_ORDER} FROM {WITHOUT_MASKS} WHERE deleted = 0
        ) WHERE label_order = 1
    ) l ON l.image_id = u.image_id
    WHERE u.updated_at != a.updated_at
        OR (l.id != a.id AND (SELECT mask FROM annotations WHERE id = l.id) != a.mask)
    GROUP BY u.cycle
"""


class IdentityQueries(StoreBase):
    """Queries on the addresses and the bytes of images."""

    def renew_image(self, image_id: int, found: FoundImage) -> None:
        """Give an image a new address, perhaps in another task. Its old key still leads to it."""
        with self.atomic():
            self._write("DELETE FROM former_keys WHERE key = ?", found.key)
            self._write(
                "INSERT OR REPLACE INTO former_keys SELECT key, id FROM images WHERE id = ?",
                image_id,
            )
            if found.task is not None:
                self._write(
                    "UPDATE images SET task = NULL WHERE task = ? AND id != ?", found.task, image_id
                )
            self._write(
                "UPDATE images SET key = ?, uri = ?, name = ?, task = coalesce(?, task) "
                "WHERE id = ?",
                found.key,
                found.uri,
                found.name,
                found.task,
                image_id,
            )

    def move_file(self, image_id: int, path: Path, mark: str) -> None:
        """Keep the local file that has the bytes of an image now. mark: its stamp."""
        self._write(
            "UPDATE images SET path = ?, stamp = ? WHERE id = ?",
            self._relative_path(path),
            mark,
            image_id,
        )

    def add_former_key(self, key: str, image_id: int) -> None:
        """Keep a further key of an image, which a second task shows at another address."""
        self._write("INSERT OR REPLACE INTO former_keys VALUES (?, ?)", key, image_id)

    def former_keys(self) -> dict[str, int]:
        """Former key of an image -> its id."""
        return {row["key"]: row["image_id"] for row in self._rows("SELECT * FROM former_keys")}

    def replace_bytes(self, image_id: int, image: Image, cycle: int | None) -> None:
        """Keep size, digest and file of other bytes at the same address. The labels stay,
        unconfirmed. cycle: the newest one; embeddings made until then are of the old bytes."""
        self._write(
            "UPDATE images SET sha256 = ?, height_px = ?, width_px = ?, path = ?, replaced_in = ? "
            "WHERE id = ?",
            image.sha256,
            image.height_px,
            image.width_px,
            self._relative_path(image.path),
            -1 if cycle is None else cycle,
            image_id,
        )

    def replaced_in(self) -> dict[int, int]:
        """Image id -> the cycle in which its bytes were replaced; other images are missing."""
        rows = self._rows("SELECT id, replaced_in FROM images WHERE replaced_in IS NOT NULL")
        return {row["id"]: row["replaced_in"] for row in rows}

    def mark_checked(self, image_id: int, mark: str, at: datetime) -> None:
        """Keep when the bytes were compared. mark: stamp of the file or of the server's answer."""
        self._write(
            "UPDATE images SET stamp = ?, checked_at = ? WHERE id = ?", mark, stamp(at), image_id
        )

    def keep_aside_stamp(self, image_id: int, mark: str) -> None:
        """Keep the stamp of a file that could not be used; another stamp is tried again."""
        self._write("UPDATE images SET aside_stamp = ? WHERE id = ?", mark, image_id)

    def identical_images(self) -> list[list[IdenticalImage]]:
        """The images that share their bytes with others, one list for each content, by id; also
        images that are marked as copies of an image whose bytes have changed."""
        groups: dict[str, list[IdenticalImage]] = {}
        for row in self._rows(
            "SELECT id, key, role, copy_of, sha256 FROM images WHERE copy_of IS NOT NULL OR sha256 "
            "IN (SELECT sha256 FROM images GROUP BY sha256 HAVING count(*) > 1) ORDER BY id"
        ):
            groups.setdefault(row["sha256"], []).append(_identical_image(row))
        return list(groups.values())

    def keep_copy_of(self, image_id: int, original: int) -> None:
        """Mark an image as a copy of `original`, which has the same bytes."""
        self._write("UPDATE images SET copy_of = ? WHERE id = ?", original, image_id)

    def free_copy(self, image_id: int, role: Role) -> None:
        """Make a copy an image of its own again, with this role."""
        self._write(
            "UPDATE images SET role = ?, role_reason = '', role_before = NULL, "
            "excluded_why = NULL, copy_of = NULL WHERE id = ?",
            role.value,
            image_id,
        )

    def refused_images(self) -> dict[str, tuple[str, str]]:
        """`where` of the fault -> (state of the file, time of the read) of unusable images."""
        rows = self._rows("SELECT * FROM refused_images")
        return {row["place"]: (row["stamp"], row["at"]) for row in rows}

    def keep_refused(self, where: str, mark: str, at: datetime) -> None:
        """Keep that an image cannot be used. where: of its fault. mark: state of its file."""
        self._write(
            "INSERT OR REPLACE INTO refused_images VALUES (?, ?, ?)", where, mark, stamp(at)
        )

    def forget_refused(self, faults: Iterable[str]) -> None:
        """Delete these unusable images, by `where` of the fault: they are usable now, or gone."""
        with self.atomic():
            for where in faults:
                self._write("DELETE FROM refused_images WHERE place = ?", where)

    def keep_used_labels(self, cycle: int, annotations: Iterable[str]) -> None:
        """Keep which labels train or measure the model of a cycle. Twice changes nothing."""
        with self.atomic():
            self._write("DELETE FROM used_labels WHERE cycle = ?", cycle)
            for annotation in annotations:
                self._write(
                    "INSERT INTO used_labels (cycle, annotation, image_id, drawn_on, updated_at) "
                    "SELECT ?, id, image_id, drawn_on, updated_at FROM annotations WHERE id = ?",
                    cycle,
                    annotation,
                )

    def lost_labels(self) -> dict[int, LostLabels]:
        """Cycle -> how many labels of its model no longer count, or are other ones by now, for
        cycles with any."""
        gone = self._rows(
            "SELECT cycle, sum(deleted) AS deleted, sum(NOT deleted) AS unconfirmed FROM ("
            "SELECT u.cycle, a.deleted FROM used_labels u "
            "JOIN annotations a ON a.id = u.annotation JOIN images i ON i.id = u.image_id "
            "WHERE a.deleted = 1 OR "
            "(a.drawn_on IS NOT NULL AND a.drawn_on != i.sha256)) GROUP BY cycle"
        )
        found: dict[int, dict[str, int]] = {}
        for row in [*gone, *self._rows(_CHANGED)]:
            found.setdefault(row.pop("cycle"), {"deleted": 0, "unconfirmed": 0}).update(row)
        return {cycle: LostLabels(**numbers) for cycle, numbers in found.items()}


def _identical_image(row: Row) -> IdenticalImage:
    return IdenticalImage(
        id=row["id"], key=row["key"], role=Role(row["role"]), copy_of=row["copy_of"]
    )

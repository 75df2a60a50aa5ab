"""Excluded images, each with a typed reason, so that they can come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from daemon.domain import Exclusion, Role
from daemon.store.base import StoreBase


class ExclusionQueries(StoreBase):
    """Queries on excluded images."""

    def exclude(self, why: Exclusion, reasons: Mapping[int, str]) -> None:
        """Exclude these images. reasons: image id -> text. Twice changes nothing.

        The role that an image had before is kept for `readmit`. What a person left out stays so.
        """
        with self.atomic():
            for image_id, reason in reasons.items():
                self._write(
                    "UPDATE images SET excluded_why = ?, role_reason = ?, role_before = "
                    "iif(role = ?, role_before, role), role = ? "
                    "WHERE id = ? AND excluded_why IS NOT 'person'",
                    why.value,
                    reason,
                    Role.EXCLUDED.value,
                    Role.EXCLUDED.value,
                    image_id,
                )

    def readmit(self, image_ids: Iterable[int], reason: str) -> None:
        """Give excluded images the role that they had before; other images stay as they are."""
        with self.atomic():
            for image_id in image_ids:
                self._write(
                    "UPDATE images SET role = coalesce(role_before, ?), role_reason = ?, "
                    "excluded_why = NULL, role_before = NULL WHERE id = ? AND role = ?",
                    Role.POOL.value,
                    reason,
                    image_id,
                    Role.EXCLUDED.value,
                )

    def excluded(self) -> dict[int, Exclusion]:
        """Image id -> why it is excluded."""
        rows = self._rows(
            "SELECT id, excluded_why FROM images WHERE role = ? AND excluded_why IS NOT NULL",
            Role.EXCLUDED.value,
        )
        return {row["id"]: Exclusion(row["excluded_why"]) for row in rows}

    def role_reason(self, image_id: int) -> str:
        """Why an image has its role, as a text; "" where none was given."""
        rows = self._rows("SELECT role_reason FROM images WHERE id = ?", image_id)
        return str(rows[0]["role_reason"] or "") if rows else ""

    def exclusion_counts(self) -> dict[Exclusion, int]:
        """Reason -> how many images are excluded for it; reasons without any are missing."""
        rows = self._rows(
            "SELECT excluded_why AS why, count(*) AS n FROM images "
            "WHERE role = ? AND excluded_why IS NOT NULL GROUP BY 1 ORDER BY 1",
            Role.EXCLUDED.value,
        )
        return {Exclusion(row["why"]): row["n"] for row in rows}

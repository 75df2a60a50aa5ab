"""The sets of predictions that we made in the labeling tool."""

from __future__ import annotations

from datetime import datetime

from daemon.store.base import StoreBase, stamp


class VersionVerbs(StoreBase):
    """Verbs on versions of predictions."""

    def make_version(self, version: str, at: datetime) -> None:
        """Remember a name before the tool hears of it. Twice changes nothing."""
        row = {"version": version, "made_at": stamp(at)}
        self._insert("versions", row, clash="IGNORE")

    def enforce_version(self, version: str, at: datetime) -> None:
        """This one is in force from now on; the others are not, whether they ever were or not."""
        self._write(
            "UPDATE versions SET left_at = ? WHERE version != ? AND left_at IS NULL",
            stamp(at),
            version,
        )

    def left_versions(self, before: datetime) -> list[str]:
        """Versions that the tool may still hold and that another one replaced before this moment,
        oldest first."""
        rows = self._rows(
            "SELECT version FROM versions WHERE left_at < ? AND forgotten_at IS NULL "
            "ORDER BY left_at, version",
            stamp(before),
        )
        return [str(row["version"]) for row in rows]

    def forget_version(self, version: str, at: datetime) -> None:
        """The tool does not hold it any more."""
        self._write("UPDATE versions SET forgotten_at = ? WHERE version = ?", stamp(at), version)

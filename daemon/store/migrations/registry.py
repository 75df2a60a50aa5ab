"""The list of schema steps; a store remembers which of them it has taken, by name."""

from __future__ import annotations

from sqlite_utils import Migrations

migrations = Migrations("daemon")

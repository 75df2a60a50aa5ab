"""`maskloop export`: labels, splits, history and curve of a loop as plain files."""

from __future__ import annotations

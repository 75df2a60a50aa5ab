"""Who is named on pages, and how. Nothing else turns an annotator into words."""

from __future__ import annotations

from collections.abc import Mapping

NOBODY = ""


def person(annotator: str | None, names: Mapping[str, str] | None = None) -> str:
    """The name of an annotator. names: annotator -> name, as the labeling tool says it; without
    one a bare number is that of a user of the labeling tool."""
    if not annotator:
        return NOBODY
    known = (names or {}).get(annotator, "").strip()
    return known or (f"user {annotator}" if annotator.isdigit() else annotator)

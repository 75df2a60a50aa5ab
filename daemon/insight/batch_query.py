"""Which images of which batch a page lists, as the query of its address. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlencode

LONGEST_VALUE = 200  # characters of a filter
SORTS: Mapping[str, str] = {
    "rank": "in the order they were chosen",
    "iou": "most corrected first",
    "minutes": "slowest first",
    "newest": "last changed first",
    "name": "by name",
}
Filter = Literal["state", "person", "arm", "class_name"]


@dataclass(frozen=True, kw_only=True)
class BatchQuery:
    """Which images of which batch. cycle: None for the newest. state, person, arm, class_name: ""
    for all. sort: one of SORTS. page: from 1 on."""

    cycle: int | None = None
    state: str = ""
    person: str = ""
    arm: str = ""
    class_name: str = ""
    sort: str = "rank"
    page: int = 1

    def address(self) -> str:
        """The same as the query of an address, "?..."; "" where nothing is chosen."""
        names = {"class_name": "class"}
        chosen = {
            names.get(name, name): value
            for name, value in vars(self).items()
            if value != getattr(BatchQuery, name)
        }
        return f"?{urlencode(chosen)}" if chosen else ""

    def with_values(self, **values: Any) -> BatchQuery:
        """The same with other values of these fields."""
        return replace(self, **values)

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> BatchQuery:
        """Read the query of an address; what makes no sense counts as not said."""
        sort = arguments.get("sort", "")
        return cls(
            cycle=_number(arguments.get("cycle", "")),
            state=arguments.get("state", "")[:LONGEST_VALUE],
            person=arguments.get("person", "")[:LONGEST_VALUE],
            arm=arguments.get("arm", "")[:LONGEST_VALUE],
            class_name=arguments.get("class", "")[:LONGEST_VALUE],
            sort=sort if sort in SORTS else "rank",
            page=max(1, _number(arguments.get("page", "")) or 1),
        )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

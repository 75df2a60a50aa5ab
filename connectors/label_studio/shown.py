"""Which prediction a region came from.

Label Studio copies a prediction's regions with their ids when a person opens a task, and keeps the
id of a region that is drawn on (seen in a browser with 1.23.2, tests/browser/test_correction.py),
so the id says what the person was shown, and no request has to ask.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_ID = re.compile(r"[0-9a-f]{32}-(\d{1,5})-((?:[0-9a-f]{2}){1,100})")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A prediction that a person saw. version: its name. regions: how many it had."""

    version: str
    regions: int

    def region_id(self) -> str:
        """A new id for a region of this prediction."""
        return f"{uuid.uuid4().hex}-{self.regions}-{self.version.encode().hex()}"

    @classmethod
    def of(cls, region_ids: Iterable[str]) -> Self | None:
        """What the first of these ids tells; None where they are all of other makers."""
        for text in region_ids:
            if found := _ID.fullmatch(text):
                version = bytes.fromhex(found[2]).decode(errors="replace")
                return cls(version=version, regions=int(found[1]))
        return None

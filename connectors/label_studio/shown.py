"""Which prediction a region came from.

Label Studio copies a prediction's regions with their ids when a person opens a task, and keeps the
id of a region that is drawn on (seen in a browser with 1.23.2, tests/browser/test_correction.py),
so the id says what the person was shown, and no request has to ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_VERSION = r"\d{1,9}\.\d{1,9}(?:-[0-9a-f]{1,16})?"  # as daemon.domain.PredictionVersion names it
_ID = re.compile(rf"({_VERSION})-(\d{{1,5}})-\d{{1,5}}")
# As it was written at first: so long that the page's panel of a region broke.
_LONG_ID = re.compile(r"[0-9a-f]{32}-(\d{1,5})-((?:[0-9a-f]{2}){1,100})")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A prediction that a person saw. version: its name. regions: how many it had."""

    version: str
    regions: int

    def region_id(self, place: int) -> str:
        """The id of the region at this place of this prediction: VERSION-REGIONS-PLACE.

        No other region of an annotation has it: Label Studio gives those that people draw ten
        letters and digits of its own.
        """
        return f"{self.version}-{self.regions}-{place}"

    @classmethod
    def of(cls, region_ids: Iterable[str]) -> Self | None:
        """What the first of these ids tells; None where they are all of other makers."""
        for text in region_ids:
            if found := _ID.fullmatch(text):
                return cls(version=found[1], regions=int(found[2]))
            if found := _LONG_ID.fullmatch(text):
                version = bytes.fromhex(found[2]).decode(errors="replace")
                return cls(version=version, regions=int(found[1]))
        return None

"""The name of a set of predictions. Nothing else makes or reads such a name.

A name is "CYCLE.ATTEMPT-NONCE", as "3.1-9f2c1a7b"; earlier releases wrote "CYCLE.ATTEMPT".
Part of daemon/domain/__init__.py, which names it too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_NAME = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})(?:-([0-9a-f]{1,16}))?")


@dataclass(frozen=True, kw_only=True)
class PredictionVersion:
    """One set of predictions: whose masks it shows, and which try at showing them it was.

    cycle: whose model made the masks; 0: there was no model, and pages begin empty. attempt:
    counted by the store within the cycle. nonce: 1 to 16 hexadecimal digits that no other store
    uses, so that a name is never used twice; "" in names of earlier releases. Raises ValueError
    for anything else.
    """

    cycle: int
    attempt: int
    nonce: str = ""

    def __post_init__(self) -> None:
        if _NAME.fullmatch(str(self)) is None:
            raise ValueError(
                f"got the cycle {self.cycle!r}, the attempt {self.attempt!r} and the nonce "
                f"{self.nonce!r} of a prediction version; expected numbers of 0 to 999999999 and "
                f"up to 16 hexadecimal digits"
            )

    def __str__(self) -> str:
        return f"{self.cycle}.{self.attempt}{'-' if self.nonce else ''}{self.nonce}"

    @property
    def number(self) -> tuple[int, int]:
        """(cycle, attempt): a later one is larger."""
        return self.cycle, self.attempt

    @classmethod
    def parse(cls, name: str) -> Self:
        """The version with this name. Raises ValueError for a name of another maker."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"got the prediction version {name!r}; expected CYCLE.ATTEMPT-NONCE")
        return cls(cycle=int(found[1]), attempt=int(found[2]), nonce=found[3] or "")

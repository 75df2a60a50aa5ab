"""What goes wrong between the daemon and Label Studio, as data: a plan is drawn from a seed.

A plan says for the n-th request of a daemon's life what happens to it:

refuse        no connection; nothing happens
close         the connection is closed at once; nothing happens
drop          the work is done, the answer is lost
wait          the client's patience ends; the work is done, and nobody is told
late          the client's patience ends; the work is done `after` further requests, when the
              client may have looked already
restart       this and the next `after` requests find no server
status        an answer that says 401, 404, 409, 429 or 5xx; nothing happens
after_status  502 or 504 from a proxy though the work is done
slow          the answer is made, people go on working, and then it arrives
people        people work just before
clock         the server's clock jumps by `seconds`
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

PATIENCE_S = 120.0  # how long the client waits for an answer
STATUSES = (401, 404, 409, 429, 500, 502, 503)
JUMPS_S = (-7200.0, -600.0, -90.0, 90.0, 600.0, 7200.0)


class Kind(enum.StrEnum):
    REFUSE = "refuse"
    CLOSE = "close"
    DROP = "drop"
    WAIT = "wait"
    LATE = "late"
    RESTART = "restart"
    STATUS = "status"
    AFTER_STATUS = "after_status"
    SLOW = "slow"
    PEOPLE = "people"
    CLOCK = "clock"


UNDONE = (Kind.REFUSE, Kind.CLOSE, Kind.LATE, Kind.RESTART, Kind.STATUS)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to one request."""

    kind: Kind
    status: int = 0
    after: int = 0  # requests
    seconds: float = 0.0

    def __str__(self) -> str:
        parts = [f"{name} {value:g}" for name, value in vars(self).items() if name != "kind"]
        return " ".join([self.kind, *(part for part in parts if not part.endswith(" 0"))])


Plan = Mapping[int, Fault]


class Unanswered(ConnectionAbortedError):
    """The client gets no answer. how: "refused", "closed" or "timed out"."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


def drawn(rng: np.random.Generator, requests: int, share: float) -> dict[int, Fault]:
    """A plan for a life of so many requests, of which about `share` go wrong."""
    hit = np.flatnonzero(rng.random(requests) < share)
    return {int(number): _fault(rng) for number in hit}


def _fault(rng: np.random.Generator) -> Fault:
    kind = list(Kind)[int(rng.integers(len(Kind)))]
    details: dict[str, Any] = {
        Kind.LATE: {"after": int(rng.integers(1, 40))},
        Kind.RESTART: {"after": int(rng.integers(1, 8))},
        Kind.STATUS: {"status": int(rng.choice(STATUSES))},
        Kind.AFTER_STATUS: {"status": int(rng.choice((502, 504)))},
        Kind.CLOCK: {"seconds": float(rng.choice(JUMPS_S))},
    }
    return Fault(kind=kind, **details.get(kind, {}))

"""A server whose requests go wrong as a plan says: the part that fake and proxy share."""

from __future__ import annotations

import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from tests.fakes.clock import SharedClock
from tests.fakes.faults import PATIENCE_S, Fault, Kind, Plan, Unanswered
from tests.fakes.pages import Request


class Faulty(ABC):
    """requests: the lines it received. surfaced: what was done when its client had given up.
    people_work: called when the plan says so. clock: moved by the waits of the plan."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.surfaced: list[Request] = []
        self.people_work: Callable[[], None] = lambda: None
        self.clock = SharedClock()
        self._begin: tuple[int, Plan] = (0, {})
        self._late: list[tuple[int, Request]] = []  # when, and what
        self._down_until = 0
        self._was_set_back = False
        self._faults: list[tuple[str, str, Fault]] = []
        self._lock = threading.Lock()

    @abstractmethod
    def done(self, request: Request) -> tuple[int, Any]:
        """The work of a request, without a fault: status and body."""

    @abstractmethod
    def jump(self, seconds: float) -> None:
        """Set the server's clock forward, or back."""

    def headers(self) -> dict[str, str]:
        """Of every answer that does not travel by HTTP."""
        return {}

    def begin(self, plan: Plan) -> None:
        """Count requests from 0 again, for this plan; what was late is still to come."""
        self._begin = (len(self.requests), plan)
        self._down_until = 0

    def surface(self) -> None:
        """Do now whatever clients gave up on."""
        self._surface_until(max((when for when, _ in self._late), default=0))

    def fail(self, method: str, path: str, how: str | int, times: int = 1) -> None:
        """The next requests that match: closed at once ("refuse"), closed after the work
        ("drop after"), or answered with this status and no work."""
        self._faults += [(method, path, _told(how))] * times

    def answer(self, request: Request) -> tuple[int, Any]:
        """One request at a time, like SQLite. Raises Unanswered."""
        with self._lock:
            number = len(self.requests)
            self.requests.append(f"{request.method} {request.path}")
            self._surface_until(number)
            if number < self._down_until:
                raise Unanswered("refused")
            return self._answer(request, self._take_fault(request, number), number)

    def _answer(self, request: Request, fault: Fault | None, number: int) -> tuple[int, Any]:
        if fault is None:
            return self.done(request)
        self._go_wrong(request, fault, number)
        if fault.kind is Kind.STATUS:
            return fault.status, {"detail": "as told"}
        result = self.done(request)
        if fault.kind is Kind.DROP:
            raise Unanswered("closed")
        if fault.kind is Kind.WAIT:
            self.clock.sleep(PATIENCE_S)
            raise Unanswered("timed out")
        if fault.kind is Kind.SLOW:
            self.clock.sleep(PATIENCE_S / 2)
            self.people_work()
        return (fault.status, {"detail": "proxy"}) if fault.status else result

    def _go_wrong(self, request: Request, fault: Fault, number: int) -> None:
        """What a fault does before the work; raises where there is no answer."""
        if fault.kind is Kind.PEOPLE:
            self.people_work()
        if fault.kind is Kind.CLOCK:
            self._set_clock(fault.seconds)
        if fault.kind is Kind.RESTART:
            self._down_until = number + 1 + fault.after
        if fault.kind in (Kind.REFUSE, Kind.RESTART):
            raise Unanswered("refused")
        if fault.kind is Kind.CLOSE:
            raise Unanswered("closed")
        if fault.kind is Kind.LATE:
            self._late.append((number + fault.after, request))
            self.clock.sleep(PATIENCE_S)
            raise Unanswered("timed out")

    def _set_clock(self, seconds: float) -> None:
        """A clock that was set back is not set forward: what people did in between would bear a
        time that was read already, and only the daily reading of everything finds that."""
        if seconds < 0 or not self._was_set_back:
            self.jump(seconds)
        self._was_set_back |= seconds < 0

    def _surface_until(self, number: int) -> None:
        due = [request for when, request in self._late if when <= number]
        self._late = [(when, request) for when, request in self._late if when > number]
        self.surfaced += due
        for request in due:
            self.done(request)

    def _take_fault(self, request: Request, number: int) -> Fault | None:
        for fault in self._faults:
            if fault[0] == request.method and re.search(fault[1], request.path):
                self._faults.remove(fault)
                return fault[2]
        first, plan = self._begin
        return plan.get(number - first)


def content_of(status: int, body: Any) -> bytes:
    """What is sent for an answer."""
    if status == 204:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _told(how: str | int) -> Fault:
    if isinstance(how, int):
        return Fault(kind=Kind.STATUS, status=how)
    return Fault(kind={"refuse": Kind.CLOSE, "drop after": Kind.DROP}[how])

"""One loop in a world where things break: a daemon that is killed and started again, people who
go on working, and a Label Studio that outlives every daemon."""

from __future__ import annotations

import json
import os
import signal
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from daemon.config.loading import Config
from tests.fakes.clock import SharedClock
from tests.fakes.faulty import Faulty
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.pages import Request
from tests.fakes.pipe import answered
from tests.faults.checks import Checks
from tests.faults.child import END, LOOK, live
from tests.faults.field import IMAGES, PEOPLE, TOKEN, Field
from tests.faults.people import People
from tests.faults.schedule import Life, Schedule

SILENCE_S = 120.0  # of the real clock: a child that says nothing for so long hangs
BETWEEN_S = (5.0, 90.0)  # between two looks
SETTLED = 14  # looks after which a loop whose people rest has nothing left to do


class Lifelike(Protocol):
    """A daemon, however it lives. killed: whether it is gone."""

    killed: bool

    def wait(self, server: Faulty) -> bool: ...

    def look(self, server: Faulty) -> bool: ...

    def end(self) -> None: ...


class Daemon:
    """A forked daemon as its parent sees it. killed: whether it is gone."""

    def __init__(
        self,
        config: Config,
        clock: SharedClock,
        train_polls: int,
        life: Life | None,
    ) -> None:
        self._life = life
        self.requests = 0
        self.killed = False
        self._pipe, theirs = Pipe()
        self._pid = os.fork()
        if self._pid == 0:
            self._pipe.close()
            live(config, theirs, clock, train_polls, life)
        theirs.close()

    def look(self, server: Faulty) -> bool:
        """One tick, with this server; False where it did not live to its end."""
        return self._tell(LOOK) and self.wait(server)

    def wait(self, server: Faulty) -> bool:
        """Answer its requests until it is ready to look."""
        while (said := self._says()) != LOOK:
            if said is None or not self._answer(server, said):
                self.killed = True
                return False
        return True

    def end(self) -> None:
        """Let it go, and wait until it is gone."""
        self._tell(END)
        self._pipe.close()
        os.waitpid(self._pid, 0)

    def _answer(self, server: Faulty, said: Any) -> bool:
        life, number = self._life, self.requests
        self.requests += 1
        dies = life is not None and number == life.killed_at_request
        if dies and life is not None and not life.after_the_work:
            return self._kill()
        answer = answered(server, said)
        return self._kill() if dies else self._tell(answer)

    def _kill(self) -> bool:
        os.kill(self._pid, signal.SIGKILL)
        return False

    def _says(self) -> Any:
        if not self._pipe.poll(SILENCE_S):
            self._kill()
            raise TimeoutError(f"the daemon said nothing for {SILENCE_S} s")
        try:
            return self._pipe.recv()
        except (EOFError, ConnectionResetError):
            return None

    def _tell(self, what: Any) -> bool:
        try:
            self._pipe.send(what)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True


class World:
    """server: between the daemon and the tool. told: what happens. Not to be used twice."""

    def __init__(self, told: Schedule, config: Config, server: Faulty, people: People) -> None:
        self._told, self.config, self.server, self.people = told, config, server, people
        self._rng = people.rng
        self.kills = 0
        server.people_work = people.act

    def daemon(self, life: Life | None) -> Lifelike:
        """A daemon that begins to live; None: without faults."""
        return Daemon(self.config, self.server.clock, self._told.train_polls, life)

    def rest(self, seconds: float) -> None:
        """Nobody is there."""

    def run(self) -> list[str]:
        """Live through the schedule, then some looks without faults; what is wrong then."""
        for life in self._told.lives:
            self.server.begin(life.plan)
            self._live(life)
        self.server.begin({})
        self.server.surface()
        self.people.finish()
        return self._settle()

    def _live(self, life: Life) -> None:
        if life.pause_s:
            self.rest(life.pause_s)
        daemon = self.daemon(life)
        ready = daemon.wait(self.server)
        for _ in range(life.polls if ready else 0):
            for _ in range(int(self._rng.poisson(self._told.acts))):
                self.people.act()
            self.server.clock.sleep(float(self._rng.uniform(*BETWEEN_S)))
            looks = 1 + int(self._rng.poisson(self._told.hints))
            if not all(daemon.look(self.server) for _ in range(looks)):
                break
        daemon.end()
        self.kills += daemon.killed

    def _settle(self) -> list[str]:
        """Two looks must do; a loop whose people rest comes to rest; people get the order."""
        daemon, checks = self.daemon(None), Checks(self.config, self.server, self.people)
        daemon.wait(self.server)
        wrong: list[str] = []
        for look in range(SETTLED):
            before = checks.standing()
            self.server.clock.sleep(BETWEEN_S[1])
            if not daemon.look(self.server):
                return ["the daemon ended by itself"]
            rests = checks.standing() == before
            wrong = checks.wrong() if look >= 1 else []
            if wrong or (rests and look >= 2):
                break
        else:
            wrong = [f"nobody does anything, and the loop wrote in each of {SETTLED} looks"]
        daemon.end()
        return wrong or checks.wrong_order()


class FakeWorld(World):
    """Its server stands still unless it is asked, and its clock is moved."""

    def __init__(
        self, told: Schedule, config: Config, server: FakeLabelStudio, people: People
    ) -> None:
        super().__init__(told, config, server, people)
        self._labeling = server.labeling

    def rest(self, seconds: float) -> None:
        """People close their pages, and Label Studio forgets who held what."""
        self.server.clock.sleep(seconds)
        self.people.tabs.clear()
        self._labeling.locks.clear()


def fake_world(field: Field, home: Path, told: Schedule) -> World:
    """A loop on the fake, in an empty folder."""
    server = FakeLabelStudio()
    server.close()  # its requests come by a pipe
    server.token = TOKEN
    server.people = {f"{name}@example.org": "" for name in PEOPLE}
    server.labeling = field.project(told.source)
    server.labeling.clock = server.clock.now

    def call(who: str, method: str, path: str, body: Any) -> tuple[int, Any]:
        content = b"" if body is None else json.dumps(body).encode()
        cookie = {"Cookie": f"sessionid={who}@example.org"}
        status, answer = server.done(Request(method, path, cookie, content))
        return status, json.loads(json.dumps(answer))

    rng = np.random.default_rng([told.seed, 1])
    people = People(call, 1, rng, field.addresses(told.source)[IMAGES - 2 :])
    return FakeWorld(told, field.config(home, told.source), server, people)

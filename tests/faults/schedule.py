"""A fault schedule: everything that happens to one loop, drawn from one seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.fakes.faults import Plan, drawn

STATEMENTS = 2200  # that a life may run before it is killed; a quiet life runs about 1000
IN_A_FILE = 150  # of one file, likewise
FILES = (
    "stages/sync.py",
    "stages/push.py",
    "store/outbox.py",
    "store/tasks.py",
    "store/labels.py",
    "label_studio/changed.py",
    "label_studio/pull.py",
    "label_studio/push.py",
    "label_studio/project.py",
)
REQUESTS = 120  # that a life may send, at most
PAUSE_S = 4000.0
PROJECT_SHARE = 0.35  # of the schedules: images are tasks already


@dataclass(frozen=True, kw_only=True)
class Life:
    """The daemon from its start to its end.

    pause_s: before it starts: now and then longer than a look reads again, and than predictions
    are kept for open tabs. polls: looks that it may make. killed_at_statement: SIGKILL before its
    n-th statement in the stages, the store and the connector, or of the file killed_in; each line
    counts the first `ripper.TIMES` times.
    killed_at_request: SIGKILL at its n-th request, before or after the server's work.
    """

    pause_s: float
    polls: int
    plan: Plan
    killed_at_statement: int | None = None
    killed_in: str = ""
    killed_at_request: int | None = None
    after_the_work: bool = False

    def __str__(self) -> str:
        ends = f"after {self.pause_s:.0f} s, {self.polls} polls"
        if self.killed_at_statement is not None:
            ends += f", killed at statement {self.killed_at_statement} {self.killed_in}".rstrip()
        if self.killed_at_request is not None:
            when = "after" if self.after_the_work else "before"
            ends += f", killed {when} request {self.killed_at_request}"
        faults = [f"  request {number}: {fault}" for number, fault in self.plan.items()]
        return "\n".join([ends, *faults])


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """source: "folder" or "project", where the images are. train_polls: looks that a training
    takes. acts: of people between two looks, on average. hints: further looks at once, on
    average: webhooks that come twice, or late. They say nothing but that, so no look is sure to
    follow an act, and the checks need none."""

    seed: int
    source: str
    train_polls: int
    acts: float
    hints: float
    lives: tuple[Life, ...]

    def __str__(self) -> str:
        head = f"seed {self.seed}: {self.source}, a training takes {self.train_polls} polls"
        return "\n".join([head, *(f"life {n}: {life}" for n, life in enumerate(self.lives))])


def schedule(seed: int) -> Schedule:
    """The same for the same seed, on every machine."""
    rng = np.random.default_rng([seed, 0])
    share = float(np.exp(rng.uniform(np.log(0.005), np.log(0.12))))
    return Schedule(
        seed=seed,
        source="project" if rng.random() < PROJECT_SHARE else "folder",
        train_polls=int(rng.integers(0, 3)),
        acts=float(rng.uniform(0.5, 4.0)),
        hints=0.5 if rng.random() < 0.3 else 0.0,
        lives=tuple(_life(rng, share) for _ in range(int(rng.integers(2, 5)))),
    )


def _life(rng: np.random.Generator, share: float) -> Life:
    how = rng.random()
    file = FILES[int(rng.integers(len(FILES)))] if how < 0.4 else ""
    most = IN_A_FILE if file else STATEMENTS
    return Life(
        pause_s=PAUSE_S if rng.random() < 0.4 else 0.0,
        polls=int(rng.integers(1, 5)),
        plan=drawn(rng, REQUESTS, share),
        killed_at_statement=int(rng.integers(1, most)) if how < 0.6 else None,
        killed_in=file,
        killed_at_request=int(rng.integers(1, 60)) if 0.6 <= how < 0.9 else None,
        after_the_work=bool(rng.random() < 0.6),
    )

"""How a team is served on a real Label Studio: order, doubles, idle people; with and without us.

    python -m tests.benchmarks.team [--tasks 60] [--people 1,3,10] [--think 0.3] [--every 1.0]
        [--seed 0] [--cache FOLDER]

Starts a server of its own, as the live tests do, and stops it at the end; MASKLOOP_LABEL_STUDIO
may name its executable. For each size of team two projects are worked to their end by people in
threads of their own, with the calls of Label Studio's page: fetch, think (exponential, --think
seconds on average), submit. In the first nothing else happens; in the second our connector puts
the open tasks into a random order again and again, with --every seconds between.

Label Studio shows nobody's locks, so what counts is told from the times of the requests:
- inversion: a task was served while another one that stood before it, in every order that can have
  been in force meanwhile, was fetched by nobody until that request was answered: open, not locked.
- double: a task that was served to two people; unexplained, where the second fetch overlaps
  neither the first person's fetch nor their submit, between which only locks keep it.
- idle: somebody was told that there is nothing to do while there was such a task.
Exit 1 for an inversion, an unexplained double, somebody idle, a refused submit, a wrong count.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np
from PIL import Image

from connectors.label_studio import FolderSource, LabelStudio, create_or_adopt_project
from connectors.masks.regions import Control, encode
from daemon.demo.installation import find_executable
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.demo.web_user import OpenTask, WebUser
from daemon.domain import ClassSet, Prediction, TaskRequest
from daemon.domain.errors import ConnectorRefused, ConnectorUnavailable, OutcomeUnknown
from tests.benchmarks.label_studio import started
from tests.benchmarks.team_times import Order, Served, doubles, idle, inversions
from tests.contract.rigs import stored
from tests.fakes.versions import version
from tests.live.live_server import migrated_folder

CLASSES = ClassSet(names=("soil", "crop"))
CONTROL = Control(from_name="mask", to_name="image")
SIZE = (24, 32)
Row = dict[str, Any]
GIVES_UP = 3  # times in a row that somebody is told there is nothing to do


class Switches(httpx.HTTPTransport):
    """Notes when the version in force was changed: the begin and the end of each request."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[tuple[float, float]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        began = time.monotonic()
        try:
            return super().handle_request(request)
        finally:
            if request.method == "PATCH" and b"model_version" in request.read():
                self.times.append((began, time.monotonic()))


@dataclass(kw_only=True)
class Project:
    """Tasks with a tool that orders them, and all that happened."""

    number: int
    tool: LabelStudio
    switches: Switches
    asks: list[TaskRequest]
    orders: list[Order]
    sizes: dict[str, tuple[int, int]]
    fetches: list[Served] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lost: int = 0  # answers to a submit
    attempts: int = 1  # at an order

    def rerank(self, rng: np.random.Generator) -> None:
        """A random order for all that nobody has submitted."""
        done = {one.task for one in self.fetches if one.submit_began < math.inf}
        left = [ask for ask in self.asks if int(ask.task or 0) not in done]
        places = rng.permutation(len(left))
        asks = [replace(ask, position=int(at)) for ask, at in zip(left, places, strict=True)]
        known, self.attempts = len(self.switches.times), self.attempts + 1
        with suppress(ConnectorUnavailable, OutcomeUnknown):  # nobody knows: both are possible
            self.tool.rerank(f"1.{self.attempts}", asks)
            for order in self.orders:
                order.ended = min(order.ended, self.switches.times[-1][1])
        if len(self.switches.times) > known:
            began, _ = self.switches.times[-1]
            self.orders.append(Order(places=_places(asks), began=began))


def opened(server: LabelStudioServer, tasks: int) -> Project:
    """A new project whose tasks all have a place and a mask."""
    title = f"team {time.monotonic_ns()}"
    root = server.document_root / title.replace(" ", "-")
    root.mkdir()
    for number in range(tasks):
        Image.new("RGB", SIZE[::-1], (number % 256, number // 256, 90)).save(root / f"{number}.png")
    source = FolderSource(root, server.document_root)
    token = server.credentials.token
    made = create_or_adopt_project(
        url=server.url, token=lambda: token, project=title, classes=CLASSES, source=source
    )
    switches = Switches()
    tool = LabelStudio(
        url=server.url,
        project=made.id,
        token=lambda: token,
        classes=CLASSES,
        source=source,
        transport=switches,
    )
    images = stored(tool)
    mask = np.zeros(SIZE, np.uint8)
    mask[4:12, 4:20] = 1
    asks = [
        TaskRequest(
            image=image,
            position=place,
            cycle=1,
            reason="benchmark",
            prediction=Prediction(image_id=image.id, mask=mask),
        )
        for place, image in enumerate(images.values())
    ]
    numbers = tool.push(asks, "push", version(1, 1))
    asks = [replace(ask, task=numbers[ask.image.id]) for ask in asks]
    tool.rerank(version(1, 1), asks)
    return Project(
        number=made.id,
        tool=tool,
        switches=switches,
        asks=asks,
        orders=[Order(places=_places(asks), began=0.0)],
        sizes=dict.fromkeys(images, SIZE),
    )


def work(project: Project, users: Sequence[WebUser], think_s: float, seed: int) -> None:
    """All people at once, until there is nothing left for any of them."""
    regions = encode(np.ones(SIZE, np.uint8), CLASSES, CONTROL, {})

    def person(number: int) -> None:
        rng, nothing = np.random.default_rng([seed, number]), 0
        while nothing < GIVES_UP:
            began = time.monotonic()
            question = _fetched(users[number], project.number)
            task = question.task if question else None
            served = Served(person=number, task=task, began=began, ended=time.monotonic())
            project.fetches.append(served)
            time.sleep(float(rng.exponential(think_s)))
            nothing = 0 if question else nothing + 1
            if question is None:
                continue
            served.submit_began = time.monotonic()
            try:
                users[number].submit(question, project.number, regions)
            except ConnectorRefused as exc:
                project.refused.append(str(exc))
            except ConnectorUnavailable:
                project.lost += 1  # stored or not; if not, the task is the next one they get
            served.submit_ended = time.monotonic()

    threads = [threading.Thread(target=person, args=(number,)) for number in range(len(users))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _fetched(user: WebUser, project: int) -> OpenTask | None:
    """What is handed out; whoever waits in vain asks again, and is given what is theirs."""
    while True:
        with suppress(ConnectorUnavailable):
            return user.next_task(project)


@contextmanager
def reordered(project: Project, every_s: float, seed: int) -> Iterator[None]:
    """Put the open tasks into a new order again and again meanwhile."""
    rng, stop = np.random.default_rng(seed), threading.Event()

    def run() -> None:
        while not stop.wait(every_s):
            project.rerank(rng)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    stop.set()
    thread.join()


def judged(project: Project) -> Row:
    """What the times tell, and what the daemon would read."""
    served = [one for one in project.fetches if one.task is not None]
    overlaps = doubles(project.fetches)
    answers = list(read(project))
    return {
        "orders": len(project.orders),
        "served": len(served),
        "inversions": inversions(project.fetches, project.orders),
        "doubles": len(overlaps),
        "unexplained": overlaps.count(False),
        "idle": idle(project.fetches, project.orders),
        "refused": len(project.refused),
        "annotations": len(answers),
        "labels": len(set(answers)),
        "fetch s": round(median(one.ended - one.began for one in served), 2),
    }


def read(project: Project) -> Iterator[str]:
    """The image of each annotation, as the daemon reads them."""
    cursor, more = None, True
    while more:
        changes = project.tool.changes(cursor, project.sizes)
        cursor, more = changes.cursor, changes.has_more
        yield from (one.image_key for one in changes.annotations)


def _places(asks: Sequence[TaskRequest]) -> dict[int, int]:
    return {int(ask.task or 0): ask.position for ask in asks}


@contextmanager
def team(server: LabelStudioServer, size: int) -> Iterator[list[WebUser]]:
    """So many people, signed in."""
    known, users = server.credentials, []
    with WebUser(server.url) as admin:
        if not admin.sign_in(known.username, known.password):
            raise SystemExit("the administrator cannot sign in")
        for number in range(size):
            users.append(WebUser(server.url))
            email = f"person{number}@example.org"
            if not users[-1].sign_in(email, known.annotator_password):
                users[-1].sign_up(admin.invite_url(), email, known.annotator_password)
    try:
        yield users
    finally:
        for user in users:
            user.close()


def measured(server: LabelStudioServer, size: int, ours: bool, given: argparse.Namespace) -> Row:
    """One project worked to its end; ours: while the order changes."""
    project = opened(server, given.tasks)
    with team(server, size) as users, ExitStack() as stack:
        if ours:
            stack.enter_context(reordered(project, given.every, given.seed))
        work(project, users, given.think, given.seed)
    try:
        return {"people": size, "re-ranks": "yes" if ours else "no", **judged(project)}
    finally:
        project.tool.close()


def main(given: argparse.Namespace) -> int:
    """Print a row for each team; 1 where one of them is wrong."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="maskloop-team-") as folder:
        cache = Path(given.cache or folder).absolute()
        migrated = migrated_folder(cache, find_executable(os.environ))
        with started(migrated, Path(folder) / "data") as server:
            for size in map(int, given.people.split(",")):
                for ours in (False, True):
                    rows.append(measured(server, size, ours, given))
                    if len(rows) == 1:
                        print(*rows[0], sep=" | ")
                    print(*rows[-1].values(), sep=" | ", flush=True)
    never = ("inversions", "unexplained", "idle", "refused")
    bad = [row for row in rows if row["labels"] != given.tasks or any(row[n] for n in never)]
    print(f"{len(rows)} runs of {given.tasks} tasks, {len(bad)} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=60)
    parser.add_argument("--people", default="1,3,10")
    parser.add_argument("--think", type=float, default=0.3)
    parser.add_argument("--every", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", default="")
    raise SystemExit(main(parser.parse_args()))

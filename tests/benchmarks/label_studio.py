"""What the connector costs on a real Label Studio: seconds, CPU seconds, requests, memory.

    python -m tests.benchmarks.label_studio [--tasks 10000] [--answered 100]
        [--memory 100,1000] [--small 10000] [--without-sdk] [--cache FOLDER]

Starts a server of its own, as the live tests do, and stops it at the end; MASKLOOP_LABEL_STUDIO
may name its executable. A project holds --tasks tasks, of which --answered have a mask of two
classes, 1296x966. All are read once, the same by label-studio-sdk's `tasks.list` in the same run;
then a look at which nothing has changed, and one at which 10 have. Pushes run as children
(`pushing.py`), one for each size of batch: --memory masks of 1296x966, --small ones of 64x48. At
the end the verbs of a project that holds its images as tasks.

Wall seconds depend on what else runs on the machine; the CPU seconds of this process and of the
server are told beside them. Nothing is asserted but the counts of requests: exit 1 where they
are above 2 for a quiet look, or 4 for ten changes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from label_studio_sdk import LabelStudio as Sdk

from connectors.label_studio import LabelStudio, create_or_adopt_project
from connectors.label_studio.api import Api
from connectors.masks.regions import Control, encode
from daemon.demo.installation import find_executable
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.demo.ports import free_port
from daemon.domain import FoundImage, Image, Prediction, TaskRequest
from tests.benchmarks.pushing import CLASSES, counted, plants
from tests.fakes.versions import version
from tests.live.live_server import migrated_folder

WIDTH, HEIGHT = 1296, 966
IMPORTED_AT_ONCE = 2000
CHANGES = 10
BATCH = 50
START_S = 600.0
WINDOW_S = 125  # what changed later than this is read twice
TICKS = os.sysconf("SC_CLK_TCK")

T = TypeVar("T")


class Read(NamedTuple):
    """What one reading came to."""

    tasks: int = 0
    masks: int = 0
    cursor: str = ""


@dataclass
class Bench:
    """A server, a project in it, and the connector on it."""

    server: LabelStudioServer
    api: Api
    tool: LabelStudio
    project: int
    sent: list[str]
    sizes: dict[str, tuple[int, int]]

    def close(self) -> None:
        self.api.close()
        self.tool.close()

    def timed(self, name: str, work: Callable[[], T], target: str = "") -> T:
        """Run and print a row: wall, our CPU, the server's CPU, requests."""
        self.sent.clear()
        ours, theirs, wall = time.process_time(), self.server_cpu_s(), time.perf_counter()
        result = work()
        row = (
            f"{name:46} {time.perf_counter() - wall:8.2f} s  cpu {time.process_time() - ours:6.2f}"
            f"  server {self.server_cpu_s() - theirs:7.2f}  requests {len(self.sent):4}"
        )
        print(f"{row}  {target}".rstrip(), flush=True)
        return result

    def server_cpu_s(self) -> float:
        """CPU seconds of the server so far."""
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def read(self, cursor: str | None) -> Read:
        """Every portion since a cursor, each let go before the next."""
        whole, more = Read(), True
        while more:
            changes = self.tool.changes(cursor, self.sizes)
            cursor, more = changes.cursor, changes.has_more
            whole = Read(
                whole.tasks + len(changes.annotation_ids),
                whole.masks + len(changes.annotations),
                cursor,
            )
        return whole


@contextmanager
def started(migrated: Path, folder: Path) -> Iterator[LabelStudioServer]:
    """A copy of the migrated folder, served until the end; patient on a busy machine."""
    shutil.copytree(migrated, folder, dirs_exist_ok=True)
    (folder / "files").mkdir(exist_ok=True)
    server = LabelStudioServer(
        folder=folder,
        document_root=folder / "files",
        executable=find_executable(os.environ),
        port=free_port(),
    )
    try:
        yield server.start(timeout_s=START_S)
    finally:
        server.stop()


def opened(server: LabelStudioServer, tasks: int) -> Bench:
    """A project with this many tasks, as a team has it."""
    token = server.credentials.token
    made = create_or_adopt_project(
        url=server.url, token=lambda: token, project="benchmark", classes=CLASSES, source=None
    )
    api = Api(server.url, lambda: token)
    names = [f"/data/upload/1/{number:06d}.jpg" for number in range(tasks)]
    for start in range(0, tasks, IMPORTED_AT_ONCE):
        rows = [{"data": {"image": name}} for name in names[start : start + IMPORTED_AT_ONCE]]
        api.post(f"api/projects/{made.id}/import", rows)
    tool = LabelStudio(
        url=server.url, project=made.id, token=lambda: token, classes=CLASSES, source=None
    )
    sizes = dict.fromkeys(names, (HEIGHT, WIDTH))
    return Bench(server, api, tool, made.id, counted(tool), sizes)


def answer(bench: Bench, tasks: list[str]) -> None:
    """A mask of two classes on each of these tasks, as a person would submit it."""
    control = Control(from_name="mask", to_name="image")
    masks = [encode(plants(n, WIDTH, HEIGHT), CLASSES, control, {}) for n in range(5)]
    for index, task in enumerate(tasks):
        body = {"result": masks[index % len(masks)], "lead_time": 30.0}
        bench.api.post(f"api/tasks/{task}/annotations/", body)


def listed_by_sdk(bench: Bench) -> int:
    """Every task as label-studio-sdk lists them, its defaults untouched."""
    make: Any = Sdk
    sdk = make(base_url=bench.server.url, api_key=bench.server.credentials.token)
    return sum(1 for _ in sdk.tasks.list(project=bench.project))


def push(bench: Bench, tasks: int, size: str) -> None:
    """A child that pushes; its report. The server's seconds hold both of its orders."""
    environment = {**os.environ, "LABEL_STUDIO_API_KEY": bench.server.credentials.token}
    root, url = str(bench.server.document_root), bench.server.url
    command = [sys.executable, "-m", "tests.benchmarks.pushing", url, root, str(tasks), size]
    before = bench.server_cpu_s()
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    told["server_cpu_s"] = round(bench.server_cpu_s() - before, 2)
    words = "  ".join(f"{name} {value}" for name, value in told.items() if name != "tasks")
    print(f"push of {told['tasks']:6}: {words}", flush=True)


def looks(bench: Bench, tasks: list[str]) -> bool:
    """Ten changes, then none; whether the counts of requests hold."""
    cursor = bench.read(None).cursor
    quiet = bench.timed("changes, nothing new", lambda: bench.read(cursor), "2 requests")
    few = len(bench.sent) <= 2
    answer(bench, tasks)
    name, target = f"changes, {len(tasks)} new", "4 requests, 1 s"
    found = bench.timed(name, lambda: bench.read(cursor), target)
    print(f"  tasks {quiet.tasks}, then {found.tasks} with {found.masks} masks")
    return few and len(bench.sent) <= 4


def verbs(bench: Bench, found: list[FoundImage]) -> None:
    """A batch in a project that holds its images as tasks: one request a task brings it out."""
    masks = [plants(seed, WIDTH, HEIGHT) for seed in range(5)]
    asks = [
        TaskRequest(
            image=as_stored(number, image),
            position=number,
            cycle=1,
            reason="a benchmark",
            prediction=Prediction(image_id=number, mask=masks[number % len(masks)]),
        )
        for number, image in enumerate(found)
    ]
    tool, count = bench.tool, len(asks)
    tasks = bench.timed(
        f"push of {count} tasks that exist", lambda: tool.push(asks, "one", version(1, 0))
    )
    asked = [replace(ask, task=tasks[ask.image.id]) for ask in asks]
    bench.timed(f"rerank of {count}, new predictions", lambda: tool.rerank(version(1, 1), asked))
    opened = list(tasks.values())
    bench.timed("repair, nothing to mend", lambda: tool.repair(version(1, 1), opened))
    bench.api.patch(f"api/projects/{bench.project}/", {"maximum_annotations": 1})
    bench.timed("repair, every task was handed out", lambda: tool.repair(version(1, 1), opened))


def as_stored(number: int, found: FoundImage) -> Image:
    """An image as the store would hold it."""
    return Image(
        id=number,
        key=found.key,
        name=found.name,
        uri=found.uri,
        path=Path(found.name),
        height_px=HEIGHT,
        width_px=WIDTH,
        sha256=found.key,
    )


def measured(bench: Bench, asked: argparse.Namespace) -> bool:
    """All rows."""
    images = bench.timed("images", lambda: list(bench.tool.images()))
    every = [str(image.task) for image in images]
    answer(bench, every[: asked.answered])
    name = f"changes, all {len(every)}, {asked.answered} answered"
    whole = bench.timed(name, lambda: bench.read(None), "15 s")
    print(f"  tasks {whole.tasks}, masks {whole.masks}")
    if not asked.without_sdk:
        name = "label-studio-sdk's tasks.list over all"
        print("  tasks:", bench.timed(name, lambda: listed_by_sdk(bench), "60 s"))
    began = time.monotonic()
    for count in asked.memory:
        push(bench, count, f"{WIDTH}x{HEIGHT}")
    for count in asked.small:
        push(bench, count, "64x48")
    time.sleep(max(0.0, WINDOW_S - (time.monotonic() - began)))
    held = looks(bench, every[asked.answered : asked.answered + CHANGES])
    verbs(bench, images[-BATCH:])
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    numbers = lambda text: [int(part) for part in text.split(",") if part]  # noqa: E731
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--answered", type=int, default=100)
    parser.add_argument("--memory", type=numbers, default=[100, 1000], metavar="N,N")
    parser.add_argument("--small", type=numbers, default=[10_000], metavar="N,N")
    parser.add_argument("--without-sdk", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path(".pytest_cache/d/label-studio-1.23.2"))
    asked = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()}, {vars(asked)}")
    asked.cache.mkdir(parents=True, exist_ok=True)
    migrated = migrated_folder(asked.cache, find_executable(os.environ))
    with (
        tempfile.TemporaryDirectory() as home,
        started(migrated, Path(home)) as server,
        closing(opened(server, asked.tasks)) as bench,
    ):
        held = measured(bench, asked)
    print(f"load {os.getloadavg()}; counts of requests {'hold' if held else 'DO NOT HOLD'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())

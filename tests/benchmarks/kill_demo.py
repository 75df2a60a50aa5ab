"""Kill the parts of a running demo at seeded random moments, then verify what is left.

    python tests/benchmarks/kill_demo.py DIR --seed 1 --kills 10 --cycles 3 --iterations 60

`kill -9` goes to the daemon, the training process and Label Studio in a drawn order. After the
demo has ended by itself the verdict is read from its store and from its Label Studio:
every image has at most one open task, every submitted annotation is in the store with the
mask that was submitted, every run has one result and never had two writers, nothing is
left running. Exit 0 when all holds.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from connectors.masks.regions import Control, decode
from daemon.config.loading import load_config
from daemon.config.rendering import render
from daemon.demo.dataset import field_dataset
from daemon.demo.installation import find_executable
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.demo.settings import FIELD_PLAN, first_config
from daemon.store import FILE

PARTS = ("daemon", "trainer", "label studio")
LIMIT_S = 3600.0


def prepare(folder: Path, iterations: int) -> None:
    """A demo whose trainings are short; everything else is as usual."""
    folder.mkdir(parents=True)
    dataset = field_dataset(folder / "field")
    config = first_config(folder, dataset, FIELD_PLAN)
    short = {"iterations": iterations, "save_every_s": 5.0}
    training = config.training.model_copy(update={"settings": short})
    loop = config.loop.model_copy(update={"budget_labels": 1})  # the demo raises it
    changed = config.model_copy(update={"training": training, "loop": loop})
    (folder / "config.toml").write_text(render(changed))


def processes(folder: Path) -> Iterator[tuple[str, int, str]]:
    """(part, process id, run folder) of every process of this demo."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            home = os.readlink(entry / "cwd")
        except OSError:
            continue
        if state == "Z" or "parent_death.py" in " ".join(words):
            continue
        if "daemon.cli" in words and str(folder / "config.toml") in words:
            yield "daemon", int(entry.name), ""
        elif "daemon.hrda" in words and any(str(folder) in word for word in words):
            yield "trainer", int(entry.name), words[-2]
        elif home == str(folder) and any("label-studio" in word for word in words):
            yield "label studio", int(entry.name), ""


class Census(threading.Thread):
    """Counts, four times a second, how many trainers live on one run folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.done, self.most = folder, threading.Event(), 0

    def run(self) -> None:
        while not self.done.wait(0.25):
            runs = Counter(run for part, _, run in processes(self.folder) if part == "trainer")
            self.most = max([self.most, *runs.values()])


def kill_at_random(folder: Path, demo: subprocess.Popen[bytes], seed: int, kills: int) -> Counter:
    """Send the kills; a part that does not run at its moment is awaited for a while."""
    draw, killed, started = random.Random(seed), Counter(), time.monotonic()
    parts = [PARTS[place % len(PARTS)] for place in range(kills)]
    draw.shuffle(parts)
    for part in parts:
        _sleep(demo, draw.uniform(3, 25))
        deadline = time.monotonic() + 300
        while demo.poll() is None and time.monotonic() < deadline:
            found = [pid for name, pid, _ in processes(folder) if name == part]
            if found:
                pause = draw.uniform(0, 6)
                _sleep(demo, pause)
                try:
                    os.kill(found[0], signal.SIGKILL)
                except ProcessLookupError:
                    continue  # it ended in that pause: the next one
                killed[part] += 1
                print(f"[{time.monotonic() - started:5.0f} s] kill -9 {part} ({found[0]})")
                break
            time.sleep(0.2)
    return killed


def _sleep(demo: subprocess.Popen[bytes], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while demo.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)


def tasks_in_label_studio(folder: Path) -> list[dict]:
    """Every task with its annotations, asked of the server itself."""
    config = load_config(folder / "config.toml")
    server = LabelStudioServer(
        folder=folder,
        document_root=folder / "files",
        executable=find_executable(os.environ),
    )
    with server:
        headers = {"Authorization": f"Token {server.credentials.token}"}
        found: list[dict] = []
        with httpx.Client(base_url=server.url, headers=headers, timeout=60, trust_env=False) as api:
            while True:
                page = {
                    "project": config.label_studio.project,
                    "fields": "all",
                    "page_size": 100,
                    "page": len(found) // 100 + 1,
                }
                answer = api.get("/api/tasks", params=page).json()
                found += answer["tasks"]
                if len(found) >= answer["total"] or not answer["tasks"]:
                    return found


def faults(folder: Path, cycles: int) -> Iterator[str]:
    """Everything that is not as it should be."""
    config = load_config(folder / "config.toml")
    tasks = tasks_in_label_studio(folder)
    open_tasks = Counter(
        task["data"]["maskloop_key"]
        for task in tasks
        if not task["is_labeled"] and task["overlap"] > 0
    )
    yield from (f"image {key} has {n} open tasks" for key, n in open_tasks.items() if n > 1)
    control = Control(from_name="mask", to_name="image")
    with closing(sqlite3.connect(f"file:{folder}/state/{FILE}?mode=ro", uri=True)) as store:
        kept = dict(store.execute("SELECT id, mask FROM annotations WHERE deleted = 0"))
        submitted = 0
        for task in tasks:
            for answer in task["annotations"]:
                submitted += not answer["was_cancelled"]
                png = kept.pop(str(answer["id"]), None)
                if png is None:
                    yield f"annotation {answer['id']} of task {task['id']} is not in the store"
                    continue
                mask = np.asarray(Image.open(io.BytesIO(png)))
                sent = decode(answer["result"], config.class_set, control, mask.shape, "sent").mask
                if not np.array_equal(mask, sent):
                    yield f"annotation {answer['id']} has another mask in the store"
        yield from (f"annotation {key} is in the store only" for key in kept)
        counted = dict(
            store.execute(
                "SELECT cycle, count(*) FROM evaluations WHERE split = 'validation' GROUP BY 1"
            )
        )
        if counted != dict.fromkeys(range(1, cycles + 1), 1):
            yield f"evaluations by cycle: {counted}, expected one of each of {cycles}"
    for run in sorted((folder / "state" / "runs").iterdir()):
        if not (run / "result.json").exists():
            yield f"run {run.name} has no result"
    print(f"{len(tasks)} tasks, {sum(open_tasks.values())} open, {submitted} annotations")


def main() -> int:
    """Run, kill, verify; print the verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=60)
    given = parser.parse_args()
    folder = given.folder.resolve()
    prepare(folder, given.iterations)
    started = time.monotonic()
    command = [sys.executable, "-m", "daemon.cli", "demo", "--dir", str(folder), "--exit"]
    demo = subprocess.Popen([*command, "--cycles", str(given.cycles), "--pace", "0.5"])
    census = Census(folder)
    census.start()
    try:
        killed = kill_at_random(folder, demo, given.seed, given.kills)
        code = demo.wait(LIMIT_S)
    finally:
        if demo.poll() is None:
            demo.terminate()
            demo.wait(60)
    census.done.set()
    census.join()
    found = [] if code == 0 else [f"the demo ended with {code}"]
    found += [f"{part} {pid} still runs" for part, pid, _ in processes(folder)]
    if census.most > 1:
        found.append(f"{census.most} trainers lived on one run folder at once")
    if sum(killed.values()) < given.kills:
        found.append(f"only {sum(killed.values())} of {given.kills} kills happened")
    found += list(faults(folder, given.cycles))
    print(f"killed: {dict(killed)}; {time.monotonic() - started:.0f} s")
    for fault in found:
        print(f"FAULT {fault}")
    print("verdict: all holds" if not found else f"verdict: {len(found)} faults")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())

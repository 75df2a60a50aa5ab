"""How long the map of N images takes to draw, to send and to paint.

    python -m tests.benchmarks.map_points [IMAGES] [NUMBERS] [--paint]

IMAGES made-up embeddings of NUMBERS numbers in 200 clusters, one in ten a near-duplicate; seed 0.
The run is `python -m daemon.embedding_map` as the daemon starts it: one thread, lowest priority, so
on a busy machine its CPU seconds are the fair figure. It is killed once while it places images, and
resumed. Then one of a hundred images more is placed by a second run. The points are requested with
scores of 3 classes and 50 cycles of 100 asked images. --paint: seconds until chromium has drawn
them by software (SwiftShader), from the request of the page on. --made-up: without UMAP, the points
are drawn at random, to see request and paint of many.
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from daemon.config.loading import Config
from daemon.domain import Role, Stage
from daemon.insight.map_columns import encoded
from daemon.runs.map_files import Coordinates, MapRequest, MapResult, write_coordinates
from daemon.runs.run_folder import PredictResult, RunFolder, Scores
from daemon.status.map_images import similar_images
from daemon.status.map_points import read_map_facts
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.web.server import serving

CLUSTERS, INNER = 200, 24  # INNER: how many dimensions the clusters have
BLOCK = 8192


def main(
    images: int = 100_000, numbers: int = 432, *, paint: bool = False, made_up: bool = False
) -> None:
    """Print one line a figure."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARK_DIR")) as folder:
        config = Config.model_validate({"home": Path(folder), "connector": {"kind": "folder"}})
        config.state.mkdir()
        rng = np.random.default_rng(0)
        print(f"{images:,} images, {numbers} numbers each; {os.cpu_count()} cores, "
              f"{platform.machine()}, load {os.getloadavg()[0]:.0f}", flush=True)  # fmt: skip
        _write_scores(config, "0000-embed", np.arange(1, images + 1), numbers, rng)
        more = np.arange(images + 1, images + images // 100 + 2)
        if made_up:
            _write_random_map(config, images)
        else:
            _draw(config, "0000-map", ("0000-embed",), None, kill=True)
            _write_scores(config, "0001-embed", more, numbers, rng)
            _draw(config, "0001-map", ("0000-embed", "0001-embed"), "0000-map", kill=False)
        _write_scores(config, f"0001-{Stage.SCORE}", np.arange(1, images + 1), 2, rng)
        _fill_store(config, images + len(more))
        _request(config)
        if paint:
            _paint(config)


def _write_scores(
    config: Config, name: str, ids: np.ndarray, numbers: int, rng: np.random.Generator
) -> None:
    run = RunFolder(config.state / "runs" / name)
    run.path.mkdir(parents=True)
    centres = np.random.default_rng(1).standard_normal((CLUSTERS, INNER), dtype=np.float32)
    mixing = np.random.default_rng(2).standard_normal((INNER, numbers), dtype=np.float32)
    made = np.empty((len(ids), numbers), dtype=np.float32)
    for start in range(0, len(ids), BLOCK):
        part = made[start : start + BLOCK]
        inner = centres[rng.integers(0, CLUSTERS, len(part))]
        inner += 0.5 * rng.standard_normal(inner.shape, dtype=np.float32)
        part[:] = inner @ mixing + 0.5 * rng.standard_normal(part.shape, dtype=np.float32)
        part[1::10] = part[::10][: len(part[1::10])]
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    scores = {}
    if name.endswith(Stage.SCORE):
        share = rng.dirichlet((6, 1, 0.2), size=len(ids)).astype(np.float32)
        scores = {"uncertainty": rng.random(len(ids), dtype=np.float32), "class_share": share}
    run.write_scores(Scores(ids=ids, embeddings=made, **scores))
    run.write_result(PredictResult(images=len(ids), seconds=0.0))


def _write_random_map(config: Config, images: int) -> None:
    run, rng = RunFolder(config.state / "runs" / "0000-map"), np.random.default_rng(3)
    run.path.mkdir(parents=True)
    write_coordinates(
        run,
        Coordinates(
            ids=np.arange(1, images + 1),
            positions=rng.normal(0, 0.3, (images, 2)).astype(np.float32),
            source=np.zeros(images, np.int32),
            group=np.full(images, -1),
        ),
    )
    parts = {"placed": 0, "fitted": images, "fit": run.path.name, "seconds": 0.0}
    embedded = ("0000-embed",)
    run.write_result(
        MapResult(images=images, method="umap", grouped=False, embedded=embedded, **parts)
    )


def _draw(
    config: Config, name: str, embedded: tuple[str, ...], before: str | None, *, kill: bool
) -> None:
    run = RunFolder(config.state / "runs" / name)
    run.write_request(MapRequest(embedded=embedded, before=before, seed=0, similarity=0.98))
    command = [sys.executable, "-m", "daemon.embedding_map", "map", str(run.path)]
    wall, before_s = time.perf_counter(), _cpu_s()
    killed = ""
    if kill:
        killed = _kill_while_placing(command, run)
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    wall, cpu = time.perf_counter() - wall, _cpu_s() - before_s
    result = run.read_result(MapResult)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"{name}: {result.images:,} points, {result.fitted:,} fitted, {result.placed:,} placed: "
          f"{wall:.0f} s, CPU {cpu:.0f} s, peak {peak:.2f} GB{killed}", flush=True)  # fmt: skip


def _kill_while_placing(command: list[str], run: RunFolder) -> str:
    """Kill the run with SIGKILL when it has placed a chunk; what there was to resume, in words."""
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    placed = run.path / "placed.bin"
    while child.poll() is None and not (placed.exists() and placed.stat().st_size):
        time.sleep(0.2)
    if child.poll() is not None:
        return ""
    child.kill()
    child.wait()
    return f", killed once at {placed.stat().st_size // 8:,} placed"


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _fill_store(config: Config, images: int) -> None:
    at = datetime.now(UTC)
    with Store(config.state / FILE) as store, store.atomic():
        for start in range(0, images, 100_000):
            rows = range(start, min(start + 100_000, images))
            store._db.table("images").insert_all(
                {"key": f"k{row}", "name": f"field/{row:07d}.jpg", "uri": "", "path": "none",
                 "height_px": 1, "width_px": 1, "sha256": f"{row:x}", "role": Role.POOL.value}
                for row in rows
            )  # fmt: skip
        for cycle in range(50):
            store.start_cycle(cycle, Stage.DONE, at, labels=0, train_labels=0)
            for image in range(cycle * 100 + 1, min(cycle * 100 + 100, images) + 1):
                arm = "random" if image % 10 == 0 else "auto"
                state = "skipped" if cycle < 49 else "open"
                row = {"task": f"t{image}", "image_id": image, "cycle": cycle, "arm": arm}
                row |= {"reason": "r", "position": image, "state": state}
                store._insert("tasks", {**row, "asked_at": at.isoformat()})


def _request(config: Config) -> None:
    with Store(config.state / FILE, read_only=True) as store:
        started = time.process_time()
        facts = read_map_facts(config, store)
        assert facts is not None
        read = time.process_time() - started
        block = encoded(facts)
        both = time.process_time() - started
        started = time.process_time()
        store.image_names("0099", 100)
        search = time.process_time() - started
    started = time.process_time()
    found = similar_images(config, 7, 12)
    similar = time.process_time() - started
    print(f"points: {len(block):,} bytes, {len(block) / len(facts.ids):.1f} a point; CPU: read "
          f"{read:.2f} s, with encoding {both:.2f} s; search by name {search:.2f} s; {len(found)} "
          f"similar {similar:.2f} s", flush=True)  # fmt: skip


def _paint(config: Config) -> None:
    from tests.browser.chromium import chromium

    with (
        serving(lambda: read_status(config), read_config=lambda: config) as address,
        chromium() as browser,
    ):
        for page in ("/curve", "/map"):
            started = time.perf_counter()
            browser.get(f"{address}{page}")
            done = "return document.documentElement.dataset.map === 'drawn'"
            while page == "/map" and not browser.execute_script(done):
                if time.perf_counter() - started > 300:
                    raise SystemExit(browser.find_element("id", "map-message").text)
                time.sleep(0.05)
            print(f"{page}: {time.perf_counter() - started:.1f} s", flush=True)


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:] if not text.startswith("--")]
    main(*given, paint="--paint" in sys.argv, made_up="--made-up" in sys.argv)

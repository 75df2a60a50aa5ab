"""How long a tick holds SELECT up over a large pool, and how long the run of the choice takes.

    python -m tests.benchmarks.selection_ticks [IMAGES] [NUMBERS]

Cycle 1 of a pool with made-up scores; the comparison for near-duplicates has its result already.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from connectors.folder import Folder
from daemon.config.loading import Config
from daemon.domain import Role, Stage
from daemon.launchers.local import LocalLauncher
from daemon.runs.receipts import read_receipt
from daemon.runs.run_folder import DistinctRequest, PredictResult, RunFolder, Scores, SelectResult
from daemon.stages.context import Context
from daemon.stages.near_duplicates import comparison
from daemon.stages.run_settings import depends_on, write_request
from daemon.stages.select import select
from daemon.store import FILE, Store


def main(images: int = 1_000_000, numbers: int = 64) -> None:
    """Print the time of each call of SELECT until it is done."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARK_DIR")) as folder:
        selection = {"strategy": "hybrid", "duplicate_similarity": 0.999}
        loop = {"budget_labels": 5000, "batch_images": 100}
        tables = {"selection": selection, "loop": loop, "connector": {"kind": "folder"}}
        config = Config.model_validate({"home": Path(folder), **tables})
        tool = Folder(
            images=config.home,
            truth=config.home,
            state=config.home,
            classes=config.class_set,
            max_bytes=10**6,
        )
        launcher = LocalLauncher()
        config.state.mkdir()
        with Store(config.state / FILE) as store:
            context = Context(
                config=config,
                store=store,
                connector=tool,
                launcher=launcher,
                now=lambda: datetime.now(UTC),
            )
            _fill(context, images, numbers)
            ticks = _tick_until_done(context)
            result = context.run(1, Stage.SELECT).read_result(SelectResult)
            receipt = read_receipt(context.run(1, Stage.SELECT).path)
        launcher.stop()
    print(
        f"{images} images x {numbers}, {receipt.labeled.count} labeled: {len(ticks)} ticks, the "
        f"first {ticks[0][0]:.2f} s (CPU {ticks[0][1]:.2f}), the last {ticks[-1][0]:.2f} s (CPU "
        f"{ticks[-1][1]:.2f}), those between at most "
        f"{max((wall for wall, _ in ticks[1:-1]), default=0.0):.3f} s; the run chose "
        f"{len(receipt.picks)} images in {result.seconds:.1f} s"
    )


def _tick_until_done(context: Context) -> list[tuple[float, float]]:
    """(wall clock, CPU) of each call in seconds."""
    ticks, done = [], False
    while not done:
        wall, cpu = time.perf_counter(), time.process_time()
        done = select(context, 1)
        ticks.append((time.perf_counter() - wall, time.process_time() - cpu))
        time.sleep(0.0 if done else 0.2)
    return ticks


def _fill(context: Context, images: int, numbers: int) -> None:
    """The pool in the store, of which 1000 images are labeled, and its runs."""
    ids, rng = np.arange(1, images + 1), np.random.default_rng(0)
    names = "id, key, name, uri, path, height_px, width_px, sha256, role"
    rows = ((i, str(i), "n", "u", "p", 1, 1, str(i), Role.POOL.value) for i in ids.tolist())
    with context.store.atomic():
        connection = context.store._db.conn
        connection.executemany(f"INSERT INTO images({names}) VALUES (?,?,?,?,?,?,?,?,?)", rows)
        connection.executemany(
            "INSERT INTO annotations(id, image_id, task, annotator, mask, updated_at, created_at, "
            "ground_truth) VALUES (?, ?, 't', 'anna', x'00', '2026', '2026', 0)",
            ((str(i), i) for i in ids[:1000].tolist()),
        )
    embeddings = rng.standard_normal((images, numbers), dtype=np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    scores = Scores(ids=ids, embeddings=embeddings, uncertainty=rng.random(images, np.float32))
    for cycle, stage in ((0, Stage.EMBED), (1, Stage.SCORE)):
        run = context.run(cycle, stage)
        _finish(run, scores, images)
        run.settings_file.write_text(json.dumps(depends_on(context.config, stage)))
    run = comparison(context, 1)
    limit = context.config.selection.duplicate_similarity
    request = context.request(
        DistinctRequest, embeddings=(), candidates=(), asked=(), similarity=limit
    )
    write_request(context, run, Stage.SELECT, request)
    run.write_kept(ids)
    run.write_result(PredictResult(images=images, seconds=0.0))
    context.store.start_cycle(1, Stage.SELECT, context.now(), labels=1000, train_labels=1000)


def _finish(run: RunFolder, scores: Scores, images: int) -> None:
    run.path.mkdir(parents=True)
    run.write_scores(scores)
    run.write_result(PredictResult(images=images, seconds=0.0))


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:]))

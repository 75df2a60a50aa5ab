"""Near-duplicates of a large pool: in blocks against image by image, and how long a tick is held.

    python -m tests.benchmarks.near_duplicates [IMAGES] [NUMBERS] [COMPARED]

NUMBERS an embedding (432 are those of EfficientNet-Lite0); one image in ten has a near-duplicate.
Both ways run on the first COMPARED images, in turns, best of three: the ratio travels between
machines, the seconds do not. Then a store with all IMAGES is made and the SELECT stage looks at
them as the daemon does, with a process that compares them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from daemon.config.loading import Config
from daemon.domain import Image, Stage
from daemon.launchers.local import LocalLauncher
from daemon.loop.components import open_connector
from daemon.rules.near_duplicates import FloatArray, representatives
from daemon.runs.run_folder import EmbedRequest, PredictResult, Scores
from daemon.stages.context import Context
from daemon.stages.near_duplicates import comparison
from daemon.stages.select import select
from daemon.store import FILE, Store
from tests.benchmarks.kcenter import best
from tests.fakes.embeddings import one_by_one

SIMILARITY = 0.98


def vectors(images: int, numbers: int) -> FloatArray:
    """Unit rows; every tenth is like the one before it."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((images, numbers), dtype=np.float32)
    rows[9::10] = rows[8::10][: len(rows[9::10])] + 0.05 * rows[9::10]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def compare(rows: FloatArray) -> None:
    ids = np.arange(len(rows), dtype=np.int64)
    if representatives(ids, rows, similarity=SIMILARITY) != one_by_one(ids, rows, SIMILARITY):
        raise SystemExit("the two do not keep the same images")
    times = best(
        {
            "blocks": lambda: representatives(ids, rows, similarity=SIMILARITY),
            "one by one": lambda: one_by_one(ids, rows, SIMILARITY),
        }
    )
    ratio = times["one by one"] / times["blocks"]
    words = ", ".join(f"{who} {seconds:.2f} s" for who, seconds in times.items())
    print(f"{len(rows)} images x {rows.shape[1]}: {words}: {ratio:.0f} times faster")


def held_by_ticks(rows: FloatArray) -> None:
    """Make a store with so many images, and let SELECT of cycle 0 look until it is done."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config.model_validate({"home": Path(folder), "connector": {"kind": "folder"}})
        launcher = LocalLauncher()
        with Store(config.state / FILE) as store:
            context = Context(
                config=config,
                store=store,
                connector=open_connector(config),
                launcher=launcher,
                now=lambda: datetime.now(UTC),
            )
            _fill(context, rows)
            ticks = []
            started = time.perf_counter()
            while not _look(context, ticks):
                time.sleep(0.2)
            waited = time.perf_counter() - started
            run = comparison(context, 0)
            worked = run.read_result(PredictResult).seconds
        launcher.stop()
    print(
        f"{len(rows)} images x {rows.shape[1]}: the process works {worked:.1f} s, done after "
        f"{waited:.1f} s; the longest of {len(ticks)} looks took {max(ticks):.2f} s, of those that "
        f"neither begin nor end it {max(ticks[1:-1], default=0.0):.3f} s; the last, which chooses "
        f"the batch too, {ticks[-1]:.2f} s"
    )


def _fill(context: Context, rows: FloatArray) -> None:
    with context.store.atomic():
        for number in range(1, len(rows) + 1):
            key = str(number)
            context.store.add_image(
                Image(
                    id=0,
                    key=key,
                    name=key,
                    uri=key,
                    path=Path(key),
                    height_px=1,
                    width_px=1,
                    sha256=key,
                ),
                None,
            )
    context.store.start_cycle(0, Stage.SELECT, context.now(), labels=0, train_labels=0)
    run = context.run(0, Stage.EMBED)
    run.write_request(context.request(EmbedRequest, images=()))
    run.write_scores(Scores(ids=np.arange(1, len(rows) + 1), embeddings=rows))
    run.write_result(PredictResult(images=len(rows), seconds=0.0))


def _look(context: Context, ticks: list[float]) -> bool:
    started = time.perf_counter()
    done = select(context, 0)
    ticks.append(time.perf_counter() - started)
    return done


def main(images: int = 30_000, numbers: int = 432, compared: int = 3_000) -> None:
    compare(vectors(compared, numbers))
    held_by_ticks(vectors(images, numbers))


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:]))

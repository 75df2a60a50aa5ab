"""A whole loop at a moment of its life, as every page shows it: a store and run folders with painted
pictures, trained models, a map and an audit. The figures are made up, no learner runs.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from daemon.config.loading import Config
from daemon.demo.field import Frame, draw_field
from daemon.domain import Fault, Incident, Reason, Source, Stage
from daemon.domain.label_findings import Finding, FindingType
from daemon.domain.models import GateVerdict, Ground, JudgedModel, ModelNote
from daemon.rules.readiness import Ending
from daemon.runs.locks import lock_file
from daemon.runs.records import Progress
from daemon.runs.run_folder import PredictResult, RunFolder
from daemon.stages.ending import ENDED
from daemon.stages.loop_facts import WAITING
from daemon.store import FILE, LOCK, Store
from daemon.store.map_faults import count_map_fault
from tests.fakes.drawn_map import write_map
from tests.fakes.large_store import Pictures, Size, asked_in, large_store
from tests.fakes.whole_trainings import measured_points, write_training

FRAMES = 8
SIZE = Size(images=240, cycles=4, batch=24, validation=20, open=9)
LABELED = replace(SIZE, open=0)
CUT_OFF = Fault(
    where="image field_000311.jpg",
    got="a file that ends after 4096 bytes",
    expected="a whole JPEG",
    cure="copy the image again",
)


class Moment(enum.StrEnum):
    """When a person looks at the pages."""

    EMPTY = "empty"  # before the first run
    LABELING = "labeling"  # people label the batch, the daemon waits
    TRAINING = "training"  # the batch is labeled, a training runs
    FINISHED = "finished"  # the budget is spent
    BROKEN = "broken"  # Label Studio is down, the disk is full, the newest model was refused


@contextmanager
def whole_loop(home: Path, moment: Moment, now: datetime) -> Iterator[Config]:
    """The settings of the loop; its daemon lives until the end of the block, except before the
    first run."""
    if moment is Moment.EMPTY:
        yield Config.model_validate({"home": home, "connector": {"kind": "folder"}})
        return
    size = SIZE if moment in (Moment.LABELING, Moment.BROKEN) else LABELED
    config = _grown(home, size, now, refused=moment is Moment.BROKEN)
    with ExitStack() as held:
        with Store(config.state / FILE) as store:
            _MOMENTS[moment](store, config, now)
        if moment is Moment.TRAINING:
            held.enter_context(_training(config, size.cycles + 1))
        held.enter_context(lock_file(config.state / LOCK))
        yield config


def pictures(folder: Path) -> Pictures:
    """Painted photographs of a field with crops and weeds, and their masks."""
    folder.mkdir(parents=True)
    files, masks = [], []
    for frame in _frames():
        file = folder / f"{frame.name}.jpg"
        Pillow.fromarray(frame.image).save(file, quality=85)
        files.append(file)
        masks.append(np.minimum(frame.mask, 2).astype(np.uint8))
    return Pictures(files=tuple(files), masks=tuple(masks))


@cache
def _frames() -> tuple[Frame, ...]:
    return tuple(draw_field(np.random.default_rng(4), FRAMES))


def _grown(home: Path, size: Size, now: datetime, *, refused: bool) -> Config:
    """A loop with trained models, a map and an audit."""
    painted, rng = pictures(home / "images"), np.random.default_rng(3)
    config = large_store(home, size, now, painted)
    scores = RunFolder(config.state / "runs" / f"{size.cycles:04d}-score")
    scores.write_result(PredictResult(images=size.images, seconds=40.0))
    write_map(config, scores.path.name, positions=_clusters(size.images, rng))
    with Store(config.state / FILE) as store, store.atomic():
        for point in measured_points(size, painted, rng, refused=refused):
            assert point.validation is not None
            run = RunFolder(config.state / "runs" / f"{point.cycle:04d}-train")
            write_training(run, point, size, painted, rng)
            store.keep_evaluation("validation", point, point.validation)
            is_refused = refused and point.cycle == size.cycles
            store.keep_judged_model(_judged(point.cycle, now, refused=is_refused))
            store.keep_serving(point.cycle, point.cycle - is_refused)
        store.add_model_note(
            ModelNote(cycle=2, at=now, author="a lead", text="Good on wet soil, weak on grass.")
        )
        _audit(store, size, painted, now)
    return config


def _clusters(images: int, rng: np.random.Generator) -> np.ndarray:
    """(N, 2) in [-1, 1]: seven groups of images that look alike."""
    centres = rng.uniform(-0.75, 0.75, (7, 2))
    return np.clip(centres[np.arange(images) % 7] + rng.normal(0, 0.09, (images, 2)), -1, 1)


def _judged(cycle: int, at: datetime, *, refused: bool) -> JudgedModel:
    if not refused:
        return JudgedModel(cycle=cycle, serving=cycle, verdict=GateVerdict.SERVES, at=at)
    return JudgedModel(
        cycle=cycle,
        serving=cycle - 1,
        verdict=GateVerdict.REFUSED,
        at=at,
        ground=Ground.PAIRED,
        against=cycle - 1,
        words="clearly worse on the same 20 validation images: -0.148 mIoU (95 %: -0.181 to "
        "-0.118); the model before serves",
    )


def _audit(store: Store, size: Size, painted: Pictures, now: datetime) -> None:
    """Five places of labels that people gave."""
    ids = list(asked_in(size, 1))[:5]
    kinds = (FindingType.SWAP, FindingType.MISSING, FindingType.SHIFT)
    found = []
    for rank, image_id in enumerate(ids):
        mask = painted.masks[(image_id - 1) % len(painted.masks)]
        rows, columns = np.nonzero(mask)
        top, left = int(rows[len(rows) // 2]), int(columns[len(columns) // 2])
        top, left = min(top, mask.shape[0] - 50), min(left, mask.shape[1] - 50)
        found.append(
            Finding(
                image_id=image_id,
                type=kinds[rank % len(kinds)],
                labeled="soil",
                proposed="weed",
                box_yxyx=(top, left, top + 42, left + 46),
                area_px=1200 - 200 * rank,
                score=0.9 - 0.15 * rank,
                expected_precision=0.9 - 0.15 * rank,
                reason="The label says soil; the model sees weed.",
                weak=rank == len(ids) - 1,
            )
        )
    store.keep_findings(size.cycles, store.label_ids(ids), ids[-1:], found, now)


def _labeling(store: Store, config: Config, now: datetime) -> None:
    """As `large_store` leaves it."""


def _trains(store: Store, config: Config, now: datetime) -> None:
    cycle, labels = LABELED.cycles + 1, LABELED.validation + LABELED.batch * (LABELED.cycles + 1)
    began = now - timedelta(minutes=9)
    train = labels - LABELED.validation
    store.start_cycle(cycle, Stage.EMBED, began, labels=labels, train_labels=train)
    store.finish_stage(cycle, Stage.EMBED, began + timedelta(seconds=40))
    store.keep_fact(WAITING, "a training runs")
    store.add_event("info", f"cycle {cycle} begins with 24 new labels", began)


@contextmanager
def _training(config: Config, cycle: int) -> Iterator[None]:
    """A training process works."""
    run = RunFolder(config.state / "runs" / f"{cycle:04d}-train")
    run.path.mkdir()
    step = Progress(phase="student", step=312, steps=800, eta_s=97.0, seconds_per_step=0.2)
    run.write_progress(step)
    with lock_file(run.path / "lock"):
        yield


def _ends(store: Store, config: Config, now: datetime) -> None:
    store.keep_fact(ENDED, Ending.BUDGET_SPENT)
    store.keep_fact(WAITING, "")


def _breaks(store: Store, config: Config, now: datetime) -> None:
    since = now - timedelta(minutes=27)
    down = "GET http://127.0.0.1:8080/api/projects/1: [Errno 111] Connection refused"
    full = f"{config.state}: [Errno 28] No space left on device"
    reasons = (
        Reason(source=Source.TOOL, kind="ConnectorUnavailable", words=down),
        Reason(source=Source.DISK, kind="DiskFull", words=full),
    )
    store.keep_incidents(
        Incident(reason=reason, since=since, last_at=now, count=8) for reason in reasons
    )
    store.quarantine([CUT_OFF], now)
    count_map_fault(store, "no space left on the disk", now)
    store.add_event("warning", f"labeling tool: {down}", since)
    store.add_event("error", f"disk: {full}", since + timedelta(minutes=3))


_MOMENTS = {
    Moment.LABELING: _labeling,
    Moment.TRAINING: _trains,
    Moment.FINISHED: _ends,
    Moment.BROKEN: _breaks,
}

"""A store and run folders as a loop leaves them after many cycles, made in seconds: no learner.

The figures are made up; the rows, the masks and the files are as the daemon writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from daemon.config.loading import Config
from daemon.domain import (
    Annotation,
    ClassPixels,
    Correction,
    CurvePoint,
    Draft,
    Evaluation,
    Heartbeat,
    Mask,
    Pick,
    Push,
    QueuedTask,
    Role,
    Stage,
    TaskState,
)
from daemon.runs.id_lists import IdLists, write_id_lists
from daemon.runs.records import SelectRequest
from daemon.runs.run_folder import RunFolder, Scores
from daemon.stages.loop_facts import WAITING
from daemon.store import FILE, Store, encode_png
from tests.fakes.versions import version

CLASSES = ("soil", "crop", "weed")
PEOPLE = {"1": "Anna Berg", "2": "Jonas Weil", "3": "Mira Sol"}
REASONS = (
    "the model is unsure here (place {place} of {of}); few labeled images look like this",
    "the model is unsure here (place {place} of {of}); some labeled images look like this",
    "the model is somewhat unsure here (place {place} of {of}); few labeled images look like this",
)
DIMENSIONS = 64
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a loop is. images: in all. cycles: that are trained. batch: images of each. open:
    images of the newest batch without a label. side_px: of the square masks."""

    images: int = 100_000
    cycles: int = 50
    batch: int = 40
    validation: int = 200
    open: int = 12
    side_px: int = 64

    @property
    def asked(self) -> int:
        """Images that were asked, validation included."""
        return self.validation + self.batch * (self.cycles + 1)


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Files of the first images, in the order of their ids, and their true masks."""

    files: tuple[Path, ...]
    masks: tuple[Mask, ...]


def large_store(home: Path, size: Size, now: datetime, pictures: Pictures | None = None) -> Config:
    """A loop whose newest batch is being labeled `now`. Returns its settings."""
    config = Config.model_validate(
        {
            "home": home,
            "classes": {"names": list(CLASSES)},
            "loop": {"budget_labels": round(size.asked * 1.5), "batch_images": size.batch},
            "label_studio": {"url": "http://127.0.0.1:8080", "project": 1},
        }
    )
    rng = np.random.default_rng(0)
    own = None if pictures else _one_picture(home, size, rng)
    pictures = pictures or own
    with Store(config.state / FILE) as store, store.atomic():
        store.keep_classes(CLASSES)
        _add_images(store, size, pictures)
        for cycle in range(size.cycles + 1):
            at = now - (size.cycles - cycle) * DAY - timedelta(hours=5)
            _add_cycle(store, size, cycle, at, rng)
            _ask(store, size, cycle, at, pictures, rng)
        if pictures is own:
            large = encode_png(rng.integers(0, 3, (300, 300), np.uint8))  # as large as a real one
            store._db.execute("UPDATE annotations SET mask = ?", [large])
        store.keep_people(PEOPLE)
        store.keep_drafts([Draft(task=f"{size.asked}", annotator="2", since=now - DAY / 9)])
        store.keep_fact(WAITING, f"{size.open} images of the batch wait for annotators")
        store.beat(
            Heartbeat(pid=1, started_at=now - DAY, began_at=now, looked_at=now, next_at=now + DAY)
        )
        store.add_event("info", "cycle begins with new labels", now - DAY)
    _write_runs(config, size, pictures, rng)
    return config


def _one_picture(home: Path, size: Size, rng: np.random.Generator) -> Pictures:
    path = home / "picture.png"
    home.mkdir(parents=True, exist_ok=True)
    shape = (size.side_px, size.side_px)
    Pillow.fromarray(rng.integers(0, 255, (*shape, 3), np.uint8)).save(path)
    mask = np.zeros(shape, np.uint8)
    mask[8:40, 8:40], mask[44:60, 30:60] = 1, 2
    return Pictures(files=(path,), masks=(mask,))


def _add_images(store: Store, size: Size, pictures: Pictures) -> None:
    rows = []
    for number in range(1, size.images + 1):
        file = pictures.files[(number - 1) % len(pictures.files)]
        role = Role.VALIDATION if number <= size.validation else Role.POOL
        shape = pictures.masks[(number - 1) % len(pictures.masks)].shape
        name = f"field_{number:06d}.jpg"
        rows.append((number, name, name, name, str(file), *shape, f"{number:064x}", role.value))
    store._db.conn.executemany(
        "INSERT INTO images (id, key, name, uri, path, height_px, width_px, sha256, role) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


def asked_in(size: Size, cycle: int) -> range:
    """Ids of the images that a cycle asks for: validation in cycle 0 too."""
    first = 1 + size.validation + cycle * size.batch
    return range(1 if cycle == 0 else first, first + size.batch)


def _add_cycle(
    store: Store, size: Size, cycle: int, at: datetime, rng: np.random.Generator
) -> None:
    labels = 0 if cycle == 0 else size.validation + cycle * size.batch
    train = max(0, labels - size.validation)
    store.start_cycle(cycle, Stage.EMBED, at, labels=labels, train_labels=train)
    for hour, stage in enumerate(stage for stage in Stage if stage is not Stage.DONE):
        store.finish_stage(cycle, stage, at + timedelta(minutes=20 * (hour + 1)))
    if cycle == 0:
        return
    miou = 0.84 - 0.35 * (1 + labels / 150) ** -0.7 + float(rng.normal(0, 0.004))
    iou = {"soil": miou + 0.1, "crop": miou + 0.02, "weed": miou - 0.12}
    evaluation = Evaluation(
        images=size.validation,
        miou=miou,
        iou=iou,
        miou_interval=(miou - 0.012, miou + 0.011),
        interval_coverage=0.95,
    )
    point = CurvePoint(
        cycle=cycle, labels=labels, train_labels=train, validation=evaluation, seconds=1400.0
    )
    store.keep_evaluation("validation", point, evaluation)


def _ask(
    store: Store,
    size: Size,
    cycle: int,
    at: datetime,
    pictures: Pictures,
    rng: np.random.Generator,
) -> None:
    ids = asked_in(size, cycle)
    picks = [_pick(size, cycle, rank, image_id, rng) for rank, image_id in enumerate(ids, 1)]
    store.save_picks(cycle, picks, [])
    tasks = tuple(
        QueuedTask(
            image_id=pick.image_id,
            position=pick.rank - 1,
            arm=pick.arm,
            reason=f"cycle {cycle}, {pick.reason}",
        )
        for pick in picks
    )
    push = Push(key=f"push {cycle}", cycle=cycle, version=version(cycle, 1), tasks=tasks)
    store.enqueue_push(push, at)
    store.record_push(push, {image_id: str(image_id) for image_id in ids}, at)
    is_newest = cycle == size.cycles
    labeled = list(ids)[: len(ids) - size.open] if is_newest else list(ids)
    for number, image_id in enumerate(labeled):
        done = at + timedelta(minutes=130 + 4 * number)
        _label(store, cycle, image_id, done, pictures, rng)
    store.set_task_state([str(one) for one in labeled], TaskState.LABELED, at + DAY / 4)


def _pick(size: Size, cycle: int, rank: int, image_id: int, rng: np.random.Generator) -> Pick:
    if image_id <= size.validation:
        arm, reason = "validation", "labeled to measure the model with"
    elif rank % 10 == 4:
        arm, reason = "random", "drawn at random, as a fair sample of the pool"
    elif cycle == 0:
        arm, reason = "typiclust", "typiclust: a typical image (place 7 of 900)"
    else:
        words = REASONS[rank % len(REASONS)]
        place = int(rng.integers(1, 300))
        arm, reason = "auto", f"auto: {words.format(place=place, of=size.images)}"
    return Pick(image_id=image_id, rank=rank, arm=arm, reason=reason)


def _label(
    store: Store,
    cycle: int,
    image_id: int,
    at: datetime,
    pictures: Pictures,
    rng: np.random.Generator,
) -> None:
    truth = pictures.masks[(image_id - 1) % len(pictures.masks)]
    shown = predicted(truth) if cycle else None
    answer = Annotation(
        id=str(image_id),
        task=str(image_id),
        image_key=f"field_{image_id:06d}.jpg",
        mask=truth,
        annotator=str(1 + image_id % 3),
        updated_at=at,
        created_at=at,
        lead_time_s=float(rng.gamma(4, 30)),
        prediction_version=version(cycle, 1) if cycle else None,
    )
    store.keep_annotation(image_id, answer, None if shown is None else _correction(shown, truth))


def predicted(truth: Mask) -> Mask:
    """A prediction of this truth: some pixels off."""
    return np.roll(truth, max(1, len(truth) // 40), axis=1)


def _correction(shown: Mask, truth: Mask) -> Correction:
    classes = {
        name: ClassPixels(
            shown_px=int((shown == value).sum()),
            submitted_px=int((truth == value).sum()),
            kept_px=int(((shown == value) & (truth == value)).sum()),
        )
        for value, name in enumerate(CLASSES)
    }
    held = {name: pixels for name, pixels in classes.items() if pixels.union_px}
    return Correction(changed_share=float((shown != truth).mean()), classes=held)


def _write_runs(config: Config, size: Size, pictures: Pictures, rng: np.random.Generator) -> None:
    """The runs of the newest choice, and the masks of the newest two batches."""
    runs = config.state / "runs"
    cycle, ids = size.cycles, np.arange(1, size.images + 1)
    scores = RunFolder(runs / f"{cycle:04d}-score")
    scores.path.mkdir(parents=True)
    embeddings = rng.standard_normal((size.images, DIMENSIONS)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    measures = rng.beta(2, 5, (3, size.images)).astype(np.float32)
    made = Scores(ids=ids, embeddings=embeddings, uncertainty=measures[0], margin=measures[1])
    shares = rng.dirichlet((6, 1, 0.2), size=size.images).astype(np.float32)
    scores.write_scores(replace(made, teacher_disagreement=measures[2], class_share=shares))
    select = RunFolder(runs / f"{cycle:04d}-select")
    select.write_request(
        SelectRequest(
            cycle=cycle, strategy="auto", seed=0, n=size.batch, reserve=0,
            random_share=0.1, similarity=0.95, scores=scores.path.name,
        )
    )  # fmt: skip
    before = np.arange(1 + size.validation, asked_in(size, cycle)[0])
    rest = np.arange(asked_in(size, cycle)[0], size.images + 1)
    lists = IdLists(candidates=rest, labeled=before, asked=before, compared=rest, distinct=rest)
    write_id_lists(select.path, lists)
    for cycle in range(max(1, size.cycles - 1), size.cycles + 1):
        run = RunFolder(runs / f"{cycle:04d}-predict")
        for image_id in asked_in(size, cycle):
            run.mask(image_id).parent.mkdir(parents=True, exist_ok=True)
            truth = pictures.masks[(image_id - 1) % len(pictures.masks)]
            Pillow.fromarray(predicted(truth)).save(run.mask(image_id))

"""A batch with masks, pushed and put in order by the very stages of the daemon.

    LABEL_STUDIO_API_KEY=... python -m tests.benchmarks.pushing URL DOCUMENT_ROOT TASKS WIDTHxHEIGHT

`label_studio.py` starts it as a child for each size of batch, so that its peak memory is that of
one push alone. TASKS predictions of two classes, as a network would leave them, are postprocessed,
encoded and pushed in chunks; then all of them are given a new order and the same masks again, as
after a training. One JSON line: wall and CPU seconds of this process, requests, encoding ms a mask
on its own, and memory before and at the peak, in MB.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pillow

from connectors.label_studio import FolderSource, LabelStudio, create_or_adopt_project
from connectors.masks.regions import Control, encode
from daemon.config.loading import Config
from daemon.domain import ClassSet, Image, Mask, Pick, Stage
from daemon.launchers.local import LocalLauncher
from daemon.rules.postprocess import postprocess_mask
from daemon.runs.run_folder import ImageFile, PredictRequest, PredictResult
from daemon.stages.context import Context
from daemon.stages.push import push, rerank
from daemon.store import FILE, Store

CLASSES = ClassSet(names=("soil", "crop", "weed"))
DIFFERENT = 20  # masks; the others are copies
SPECKS = 0.002  # of the pixels


def plants(seed: int, width: int, height: int) -> Mask:
    """(H, W): some dozen plants of two classes, and specks."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    for value, count in ((1, 40), (2, 60)):
        for _ in range(count):
            centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
            axes = (int(rng.integers(1, 2 + width // 20)), int(rng.integers(1, 2 + width // 20)))
            cv2.ellipse(mask, centre, axes, float(rng.integers(0, 180)), 0, 360, value, -1)
    specks = rng.random(mask.shape) < SPECKS
    mask[specks] = rng.integers(0, 3, np.count_nonzero(specks))
    return mask


def encoding_ms(masks: list[Mask]) -> dict[str, float]:
    """CPU ms of one mask, both classes; best of three rounds."""
    control, tidy = Control(from_name="mask", to_name="image"), postprocess_mask
    smooth = [tidy(one, min_region_px=25, fill_holes_px=25) for one in masks]
    works: dict[str, Callable[[], Any]] = {
        "tidying": lambda: [tidy(one, min_region_px=25, fill_holes_px=25) for one in masks],
        "encoding": lambda: [encode(one, CLASSES, control, {}) for one in smooth],
    }
    told = {}
    for name, work in works.items():
        rounds = []
        for _ in range(3):
            began = time.process_time()
            work()
            rounds.append(time.process_time() - began)
        told[f"{name}_ms"] = round(1000 * min(rounds) / len(masks), 2)
    return told


def prepared(home: Path, tool: LabelStudio, tasks: int, masks: list[Mask]) -> Context:
    """A daemon whose cycle 1 has predicted this many masks and is about to push."""
    config = Config.model_validate({"home": home, "storage": {"min_free_gb": 0.0}})
    store = Store(config.state / FILE)
    now = datetime.now(UTC)
    height, width = masks[0].shape
    for number in range(tasks):
        key = f"field {number:05d}.png"
        picture = Image(
            id=0,
            key=key,
            name=key,
            uri=key,
            path=Path(key),
            height_px=height,
            width_px=width,
            sha256=key,
        )
        store.add_image(picture, None)
    context = Context(
        config=config,
        store=store,
        connector=tool,
        launcher=LocalLauncher(),
        now=lambda: datetime.now(UTC),
    )
    images = store.images()
    store.start_cycle(1, Stage.PUSH, now, labels=0, train_labels=0)
    picks = [
        Pick(image_id=image.id, rank=rank, arm="entropy", reason="a benchmark")
        for rank, image in enumerate(images)
    ]
    store.save_picks(1, picks, [])
    run = context.run(1, Stage.PREDICT)
    files = tuple(ImageFile(id=image.id, image=image.path) for image in images)
    run.write_request(context.request(PredictRequest, checkpoint=Path("none"), masks=files))
    run.mask(0).parent.mkdir()
    for index, image in enumerate(images):
        Pillow.fromarray(masks[index % len(masks)]).save(run.mask(image.id), compress_level=1)
    confidence = {image.id: {"crop": 0.9, "weed": 0.8} for image in images}
    run.write_result(PredictResult(images=tasks, seconds=0.0, confidence=confidence))
    return context


def main(url: str, document_root: str, tasks: str, size: str) -> None:
    token = os.environ["LABEL_STUDIO_API_KEY"]
    width, height = map(int, size.split("x"))
    root = Path(document_root) / f"pushing-{uuid.uuid4().hex}"
    root.mkdir()
    source = FolderSource(root, Path(document_root))
    number = create_or_adopt_project(
        url=url, token=lambda: token, project=root.name, classes=CLASSES, source=source
    ).id
    tool = LabelStudio(url=url, project=number, token=lambda: token, classes=CLASSES, source=source)
    sent = counted(tool)
    masks = [plants(seed, width, height) for seed in range(min(DIFFERENT, int(tasks)))]
    report: dict[str, Any] = {"tasks": int(tasks), "size": size, **encoding_ms(masks)}
    with tempfile.TemporaryDirectory() as home:
        context = prepared(Path(home), tool, int(tasks), masks)
        report["memory_before_mb"] = forget_peak()
        for name, work in (("push", push), ("rerank", rerank)):
            sent.clear()
            wall, cpu = time.perf_counter(), time.process_time()
            work(context, 1)
            report[f"{name}_s"] = round(time.perf_counter() - wall, 2)
            report[f"{name}_cpu_s"] = round(time.process_time() - cpu, 2)
            report[f"{name}_requests"] = len(sent)
            report[f"memory_peak_{name}_mb"] = peak_mb()
    tool.close()
    print(json.dumps(report), flush=True)


def counted(tool: LabelStudio) -> list[str]:
    """Every request of this connector from now on."""
    sent: list[str] = []
    hooks = {"request": [lambda request: sent.append(f"{request.method} {request.url.path}")]}
    tool._api._http.event_hooks = hooks
    return sent


def forget_peak() -> float:
    """Begin to measure the peak anew (Linux); MB held now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_mb()


def peak_mb() -> float:
    """The most memory that this process held since."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024, 1)


if __name__ == "__main__":
    main(*sys.argv[1:])

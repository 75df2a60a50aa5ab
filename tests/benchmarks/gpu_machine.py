"""What the parts of the GPU benchmark share: the machine, pictures, learners, clocks, rows."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from daemon.config.learner import Settings, settings_of
from daemon.hrda.data.crops import Crops
from daemon.hrda.device import synchronize, versions
from daemon.hrda.learning.learner import Learner
from daemon.hrda.training.initial_learner import build_learner
from daemon.runs.run_folder import ImageFile, LabeledFile, TrainRequest
from tests.hrda.tiny import CLASSES, field

SMALL = {"width": 8, "context_px": 128, "detail_px": 64, "detail_window_px": 64, "window_px": 256}
LABELED, SIDE_PX = 16, 384


@dataclass(frozen=True, kw_only=True)
class Row:
    """A figure. value: in `unit`. must: the target of the must column, in words."""

    what: str
    value: float
    unit: str
    must: str = ""

    def line(self, part: str) -> str:
        """One line of the table."""
        target = f" | must {self.must}" if self.must else ""
        return f"{part:10} | {self.what:58} | {self.value:12.4g} {self.unit}{target}"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """device: of torch. folder: for files. labeled, pool: pictures. quick: tiny networks."""

    device: torch.device
    folder: Path
    labeled: tuple[LabeledFile, ...]
    pool: tuple[ImageFile, ...]
    quick: bool

    @classmethod
    def of(cls, device: str, folder: Path, images: Path | None, quick: bool) -> Machine:
        """Write or find the pictures."""
        count = 24 if quick else 512
        labeled = tuple(_labeled(folder, row) for row in range(LABELED))
        if images is None:
            pool = tuple(_painted(folder, row) for row in range(count))
        else:
            found = sorted(path for path in images.iterdir() if path.is_file())[: 4 * count]
            pool = tuple(ImageFile(id=row, image=path) for row, path in enumerate(found))
        return cls(
            device=torch.device(device), folder=folder, labeled=labeled, pool=pool, quick=quick
        )

    def described(self) -> Mapping[str, Any]:
        """The machine in words."""
        cuda = self.device.type == "cuda"
        name = torch.cuda.get_device_name(self.device) if cuda else platform.processor()
        return {"device": name, "cores": len(os.sched_getaffinity(0)), **versions()}

    def request(self, **changes: Any) -> TrainRequest:
        """A training on the pictures, from random weights."""
        small = SMALL if self.quick else {}
        return TrainRequest(
            classes=CLASSES,
            labeled=self.labeled,
            unlabeled=self.pool,
            device=str(self.device),
            settings={"encoder_weights": "none", **small, **changes},
        )

    def learner(self, **changes: Any) -> tuple[Learner, Crops]:
        """A learner and its crops, in the second half of its schedule: all losses count."""
        request = self.request(**changes)
        settings: Settings = settings_of(request.settings)
        crops = Crops(request, settings, self.device)
        return build_learner(request, settings, crops), crops

    def seconds(self, function: Callable[[], object]) -> float:
        """Wall clock of a call, until the device has finished it."""
        synchronize(self.device)
        started_s = time.perf_counter()
        function()
        synchronize(self.device)
        return time.perf_counter() - started_s


def _labeled(folder: Path, row: int) -> LabeledFile:
    image, mask = field(np.random.default_rng(row), SIDE_PX)
    paths = folder / f"labeled-{row}.jpg", folder / f"mask-{row}.png"
    Image.fromarray(image).save(paths[0], quality=95)
    Image.fromarray(mask).save(paths[1])
    return LabeledFile(id=100_000 + row, image=paths[0], mask=paths[1])


def _painted(folder: Path, row: int) -> ImageFile:
    path = folder / f"pool-{row}.jpg"
    Image.fromarray(field(np.random.default_rng(1000 + row), SIDE_PX)[0]).save(path, quality=95)
    return ImageFile(id=row, image=path)

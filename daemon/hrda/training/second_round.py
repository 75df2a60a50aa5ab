"""The second round: the finished model labels the pool once, and a new one learns from that.

Self-training in two stages, as ST++ (Yang et al., CVPR 2022) without its choice of images: the
second model starts where the first did and sees the pool with fixed labels, so that it needs no
teacher's pass. Everything is in a folder of the run, named after the request:

    second-round/ORIGIN/model.pth     the first model
    second-round/ORIGIN/labels/ID.png its labels of the pool, 255 below second_round_confidence
    second-round/ORIGIN/first.json    written when the first round has ended; what it took

A process that is killed goes on where it was: in the first round, at the next label, or in the
second round.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from daemon.domain import IGNORE, Mask
from daemon.hrda.data.crops import Crops
from daemon.hrda.data.sampler import SECOND_ROUND, derived_seed
from daemon.hrda.distributed import Ranks
from daemon.hrda.inference.streaming import predictions_of
from daemon.hrda.inference.whole_images import ImagePrediction
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.progress import ProgressReporter
from daemon.hrda.training import checkpoint
from daemon.hrda.training.stop_request import Stopped, StopRequest
from daemon.hrda.training.training_loop import EarlierRound
from daemon.runs.durable import atomic_file, write_json
from daemon.runs.run_folder import ImageFile, RunFolder, TrainRequest

log = logging.getLogger(__name__)

NAMED_DIGITS = 16  # of the digest of the request, in the name of the folder
TIMED = 4  # images of the pool


@dataclasses.dataclass(frozen=True)
class FirstRound:
    """What the first of two rounds leaves. run: the run folder. origin: digest of its request."""

    run: RunFolder
    origin: str

    @property
    def folder(self) -> Path:
        """The folder of all its files."""
        return self.run.path / "second-round" / self.origin[:NAMED_DIGITS]

    @property
    def labels(self) -> Path:
        """The folder of the labels, ID.png."""
        return self.folder / "labels"

    def result(self) -> EarlierRound | None:
        """What it took; None where it has not ended."""
        try:
            return EarlierRound(**json.loads((self.folder / "first.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def finish(self, net: Segmentor, classes: Sequence[str], took: EarlierRound) -> None:
        """Keep its model and declare it finished; delete what only its resume needs."""
        self.labels.mkdir(parents=True, exist_ok=True)
        checkpoint.write_checkpoint(self.folder / "model.pth", net, classes)
        write_json(self.folder / "first.json", dataclasses.asdict(took))
        checkpoint.delete_state(self.run)

    def model(self, device: torch.device) -> Segmentor:
        """Its model. Raises RunFailed."""
        return checkpoint.read_checkpoint(self.folder / "model.pth", device)[0]

    def second_origin(self) -> str:
        """The digest of the second round, whose saved states are not those of the first."""
        return hashlib.sha256(f"{self.origin} second round".encode()).hexdigest()


def second_request(request: TrainRequest) -> TrainRequest:
    """The request with the seed of the second round: other crops, other initial heads."""
    return request.model_copy(update={"seed": derived_seed(request.seed, SECOND_ROUND)})


def drawn_images(crops: Crops, iterations: int) -> list[ImageFile]:
    """The unlabeled images that a training of so many iterations draws, in their order."""
    positions = iterations * crops.settings.unlabeled_minibatch
    if positions >= len(crops.unlabeled):
        return list(crops.unlabeled)
    rows = {crops.sampler.unlabeled(position).image for position in range(positions)}
    return [crops.unlabeled[row] for row in sorted(rows)]


def label_pool(
    first: FirstRound, net: Segmentor, crops: Crops, iterations: int, stop: StopRequest
) -> None:
    """Write the labels of the images that the second round draws; those that are there stay.

    Each of several processes labels its part of them. Images that cannot be read have no file.
    Raises Stopped at SIGTERM.
    """
    files = drawn_images(crops, iterations)
    own = [files[row] for row in crops.ranks.positions(len(files))]
    missing = [file for file in own if not label_file(first.labels, file.id).exists()]
    first.labels.mkdir(parents=True, exist_ok=True)
    predictions = predictions_of(net, missing, crops.reader)
    if crops.ranks.is_main:
        done = len(own) - len(missing)
        reporter = ProgressReporter(first.run, "labels of the pool", len(own), done)
        predictions = reporter.track(predictions)
    least = crops.settings.second_round_confidence
    for file, prediction in predictions:
        with atomic_file(label_file(first.labels, file.id)) as part:
            Image.fromarray(confident_mask(prediction, least)).save(part, format="PNG")
        if stop.requested:
            raise Stopped("SIGTERM: the labels of the pool so far are kept")


def confident_mask(prediction: ImagePrediction, least: float) -> Mask:
    """(H, W): the most probable class of each pixel, 255 where its probability is below `least`."""
    mask = np.empty(prediction.size, np.uint8)
    for rows, probability in prediction.bands():
        confidence, label = probability.max(dim=0)
        mask[rows] = torch.where(confidence >= least, label, IGNORE).numpy()
    return mask


def label_file(labels: Path, image_id: int) -> Path:
    """The file of the labels of an image of the pool."""
    return labels / f"{image_id}.png"


def labeling_seconds(net: Segmentor, crops: Crops, ranks: Ranks) -> float:
    """The seconds that `label_pool` will take for the whole pool, measured on a few images."""
    if not (crops.settings.second_round and crops.unlabeled):
        return 0.0
    files, start_s = crops.unlabeled[:TIMED], time.monotonic()
    for _, prediction in predictions_of(net, files, crops.reader):
        confident_mask(prediction, 0.0)
    return (time.monotonic() - start_s) / len(files) * len(crops.unlabeled) / ranks.size


def delete_first_rounds(folder: RunFolder) -> None:
    """Remove the files of the first round, of an earlier version of the request too."""
    shutil.rmtree(folder.path / "second-round", ignore_errors=True)

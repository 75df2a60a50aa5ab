"""`train-clicks`: a click network learns from labels, and is measured against what serves."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from daemon.audit.independence import require_independent
from daemon.clicks.click import PriorMap
from daemon.domain.errors import MaskRefused, RunFailed
from daemon.hrda.click_net.click_checkpoint import (
    ClickModel,
    first_network,
    usable_parent,
    write_click_model,
)
from daemon.hrda.click_net.click_samples import ClickSamples, first_crop_px
from daemon.hrda.click_net.click_training import ClickBudget, ClickTraining, train_network
from daemon.hrda.click_net.click_trial import trial_of
from daemon.hrda.click_net.labeled_objects import LabeledObject, LabeledPicture, objects_of
from daemon.hrda.click_net.teacher_priors import with_priors
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.device import resolve_device, set_threads
from daemon.hrda.progress import ProgressReporter
from daemon.hrda.training.stop_request import Stopped, StopRequest
from daemon.runs.checksums import sha256_of
from daemon.runs.click_records import ClickFile, TrainClicksRequest, TrainClicksResult
from daemon.runs.prior_maps import read_prior
from daemon.runs.run_folder import RunFolder

log = logging.getLogger(__name__)

MIN_OBJECTS = 8  # from fewer nothing is learned
FIRST_PX = 96  # the least side of the crop at a first click
MAX_PIXELS = 150_000_000  # of pictures in memory, 4 bytes each


def train_clicks(folder: RunFolder, request: TrainClicksRequest) -> None:
    """Do what the request says, and leave checkpoint and figures in the folder.

    Raises ConfigError, RunFailed; also RunFailed where a validation image is among the labeled
    ones, by the bytes that the files have now.
    """
    started_s, stop = time.monotonic(), StopRequest()
    os.nice(request.niceness)
    device = resolve_device(request.device)
    set_threads(request.threads)
    torch.manual_seed(request.seed)
    learned = require_unseen_validation(request)
    reader = FileReader([*request.labeled, *request.validation])
    pictures = read_pictures(request.labeled, reader, len(request.classes), request.seed)
    objects = objects_of(pictures, len(request.classes))
    if len(objects) < MIN_OBJECTS:
        raise RunFailed(
            f"{folder.path}: {len(objects)} objects in {len(pictures)} labels; a click network "
            f"needs {MIN_OBJECTS}; label more images"
        )
    has_priors = any(picture.prior is not None for picture in pictures)
    model = _start(request, objects, learned, has_priors=has_priors)
    training = _train(folder, request, model, pictures, objects, device, stop)
    write_click_model(folder.checkpoint, model)
    validation = _validation(request, reader)
    folder.write_result(
        TrainClicksResult(
            labels=len(pictures),
            objects=len(objects),
            iterations=training.iterations,
            seconds=time.monotonic() - started_s,
            cpu_seconds=training.cpu_seconds,
            losses=training.losses,
            trial=trial_of(request, model, validation, device, _stops(stop)),
            faults=reader.faults(),
        )
    )


def _stops(stop: StopRequest) -> Callable[[], None]:
    """What raises Stopped once SIGTERM came: nothing is kept, the run begins again."""

    def check() -> None:
        if stop.requested:
            raise Stopped("the training of the click network; it begins again")

    return check


def require_unseen_validation(request: TrainClicksRequest) -> frozenset[str]:
    """The sha256 of the labeled images. Raises RunFailed if one of them is a validation image.

    Files that are missing have none: they cannot be read either, and are left out.
    """
    learned = frozenset(_digests(request.labeled).values())
    require_independent(_digests(request.validation), learned)
    return learned


def read_pictures(
    files: Sequence[ClickFile], reader: FileReader, classes: int, seed: int
) -> list[LabeledPicture]:
    """The labeled pictures that can be read; of more than MAX_PIXELS a random part, in order."""
    order = np.random.default_rng(seed).permutation(len(files))
    pixels, found = 0, dict[int, LabeledPicture]()
    for row in order.tolist():
        labeled = reader.labeled_image(files[row], classes)
        if labeled is None:
            continue
        image, label = labeled
        pixels += label.size
        if pixels > MAX_PIXELS and found:
            log.info("%d of %d labels are used: they fill the memory", len(found), len(files))
            break
        prior = _prior(files[row], (label.shape[0], label.shape[1]))
        found[row] = LabeledPicture(image=image, label=label, prior=prior)
    return [found[row] for row in sorted(found)]


def _validation(request: TrainClicksRequest, reader: FileReader) -> list[LabeledPicture]:
    """The validation pictures, with prior maps of the teacher where files hold none: it never
    learned from validation."""
    pictures = read_pictures(request.validation, reader, len(request.classes), request.seed)
    if request.teacher is None or all(one.prior is not None for one in pictures):
        return pictures
    return with_priors(pictures, request.teacher, request)


def _prior(file: ClickFile, size: tuple[int, int]) -> PriorMap | None:
    """The prior map of an image; None, and a line in the log, where it cannot be used."""
    if file.prior is None:
        return None
    try:
        return read_prior(file.prior, size)
    except (MaskRefused, OSError) as exc:
        log.warning("image %d is used without its prior map: %s", file.id, exc)
        return None


def _start(
    request: TrainClicksRequest,
    objects: Sequence[LabeledObject],
    learned: frozenset[str],
    *,
    has_priors: bool,
) -> ClickModel:
    parent = usable_parent(request.parent, _digests(request.validation).values())
    net, encoder = first_network(request.settings, parent, request.teacher)
    return ClickModel(
        net=net,
        encoder=encoder,
        first_px=first_crop_px(objects, FIRST_PX),
        px=request.crop_px,
        classes=request.classes,
        learned=learned | (parent.learned if parent else frozenset()),
        knows_prior=has_priors or (parent is not None and parent.knows_prior),
    )


def _train(
    folder: RunFolder,
    request: TrainClicksRequest,
    model: ClickModel,
    pictures: Sequence[LabeledPicture],
    objects: Sequence[LabeledObject],
    device: torch.device,
    stop: StopRequest,
) -> ClickTraining:
    rng = np.random.default_rng(request.seed)
    samples = ClickSamples(pictures, objects, first_px=model.first_px, px=model.px, rng=rng)
    progress = ProgressReporter(folder, "click network", request.iterations)
    stops = _stops(stop)

    def each(done: int, losses: Mapping[str, float]) -> None:
        stops()
        progress.report(done, losses)

    return train_network(
        model.net,
        samples,
        device,
        minibatch=request.minibatch,
        budget=ClickBudget(iterations=request.iterations, max_seconds=request.max_seconds),
        rng=rng,
        each=each,
    )


def _digests(files: Sequence[ClickFile]) -> dict[str, str]:
    """Name of a file -> sha256 of its bytes, of those that are there."""
    return {str(one.image): sha256_of(one.image) for one in files if _is_there(one.image)}


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False

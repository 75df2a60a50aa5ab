"""One object of an evaluation: its image, prior and truth, clicked on with each engine."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import cv2
import numpy as np

from daemon.clicks.click import ClickEngine, ClickQuestion, ObjectProbability
from daemon.clicks.click_window import BoolMap
from daemon.clicks.simulated_session import ClickedTruth, clicked
from daemon.domain import IGNORE
from daemon.domain.errors import ExperimentRefused, InputRefused
from daemon.experiment.click_evaluation.click_figures import TARGETS, ClickRecord, Start
from daemon.experiment.click_evaluation.click_options import IN_WORKERS, ClickOptions
from daemon.experiment.click_evaluation.compared_engines import ClickedFiles, ComparedEngines
from daemon.experiment.click_evaluation.evaluated_objects import EvaluatedObject
from daemon.experiment.image_folders import Folders
from daemon.pixels import read_file, read_picture
from daemon.pixels.masks import read_mask
from daemon.runs.prior_maps import prior_file, read_prior
from daemon.runs.run_folder import RunFolder

MOST_PIXELS = 100_000_000  # of an image
Done = AbstractSet[tuple[str, Start, int]]


@dataclass(frozen=True, kw_only=True)
class ObjectReader:
    """Reads what is known of an object. run: with the model's masks and priors; None: no model."""

    folders: Folders
    run: RunFolder | None

    def question(self, one: EvaluatedObject) -> tuple[ClickQuestion, ClickedTruth]:
        """The image with the model's view of it, and the truth. The initial mask is the part of
        the model's mask of the class that touches the object; None where none does. Raises
        ExperimentRefused for a file that cannot be used."""
        path, number = self.folders.images[one.name], self.folders.numbers[one.name]
        try:
            content = read_file(path, where=str(path))
            image = read_picture(content, where=str(path), max_pixels=MOST_PIXELS)
            size = (image.shape[0], image.shape[1])
            mask = read_mask(self.folders.mask(one.name), size=size)
            truth = ClickedTruth(inside=one.in_mask().inside(mask), valid=mask != IGNORE)
            prior = initial = None
            if self.run is not None:
                prior = read_prior(prior_file(self.run, number), size)
                predicted = read_mask(self.run.mask(number), size=size)
                initial = touching(predicted == one.label, truth.inside)
        except InputRefused as exc:
            raise ExperimentRefused(str(exc)) from exc
        return ClickQuestion(image=image, clicks=(), prior=prior, initial=initial), truth

    def files(self, one: EvaluatedObject) -> ClickedFiles:
        """What a worker reads of an object."""
        number = self.folders.numbers[one.name]
        prior = None if self.run is None else prior_file(self.run, number)
        return ClickedFiles(image=self.folders.images[one.name], prior=prior)


def _starts(engine: str, options: ClickOptions) -> list[Start]:
    """A worker is told of clicks only, not of a mask to start from."""
    return list(Start) if options.from_model_mask and engine not in IN_WORKERS else [Start.NOTHING]


class _CpuTimed:
    """An engine whose processor time is measured: a busy machine adds nothing to it."""

    def __init__(self, engine: ClickEngine) -> None:
        self._engine, self.name = engine, engine.name
        self.cpu_s: list[float] = []

    def segment(self, question: ClickQuestion) -> ObjectProbability:
        started_s = time.process_time()
        answer = self._engine.segment(question)
        self.cpu_s.append(time.process_time() - started_s)
        return answer


def touching(predicted: BoolMap, truth: BoolMap) -> ObjectProbability | None:
    """The 8-connected components of a mask (H, W) that touch the object; None for none."""
    labels = cv2.connectedComponents(predicted.astype(np.uint8), connectivity=8)[1]
    wanted = np.setdiff1d(np.unique(labels[truth & predicted]), [0])
    if not wanted.size:
        return None
    return ObjectProbability(left=0, top=0, values=np.isin(labels, wanted).astype(np.float32))


def clicked_object(
    options: ClickOptions,
    reader: ObjectReader,
    engines: ComparedEngines,
    place: int,
    one: EvaluatedObject,
    done: Done,
) -> Iterator[ClickRecord]:
    """Click on an object with each engine from each start that is not done yet."""
    missing = [
        (name, start)
        for name in options.engines
        for start in _starts(name, options)
        if (name, start, place) not in done
    ]
    if not missing:
        return
    question, truth = reader.question(one)
    for name, start in missing:
        initial = question.initial if start is Start.MODEL else None
        engine = _CpuTimed(engines.engine(name, reader.files(one)))
        course = clicked(
            engine,
            dataclasses.replace(question, initial=initial),
            truth,
            most=options.clicks,
            enough=max(TARGETS),  # a person who is content stops
            rule=options.rule,
            rng=np.random.default_rng([options.seed, place]),
            clock=time.perf_counter,
        )
        yield ClickRecord(
            engine=name,
            start=start,
            place=place,
            ious=tuple(course.ious),
            tolerant=tuple(course.tolerant),
            ms=tuple(1000 * seconds for seconds in course.seconds),
            cpu_ms=tuple(1000 * seconds for seconds in engine.cpu_s),
        )

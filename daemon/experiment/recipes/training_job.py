"""A training of an arm with one seed, measured on the test images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from daemon.domain import Evaluation
from daemon.domain.errors import RunFailed
from daemon.experiment.image_folders import Folders
from daemon.experiment.jobs.job import JobParts
from daemon.experiment.jobs.run_results import require_figures
from daemon.experiment.recipes.experiment_records import ArmRun, Choice, DecidingImage
from daemon.experiment.recipes.recipe_job import RecipeJob, read_record, request_fields
from daemon.experiment.recipes.recipe_model import ALL
from daemon.experiment.recipes.run_watch import RunWatch, Watched
from daemon.experiment.recipes.sample_job import SampleJob
from daemon.insight.missing_figures import interval_words, reasons
from daemon.runs.durable import write_json
from daemon.runs.run_folder import PredictRequest, PredictResult, TrainRequest, TrainResult

Floats = npt.NDArray[np.float64]


class TrainingJob(RecipeJob):
    """Writes run.json."""

    needs = SampleJob.name  # an audit that fails keeps nobody from training

    def __init__(self, parts: JobParts, arm: str, seed: int) -> None:
        super().__init__(parts)
        self.arm, self.seed, self.name = arm, seed, f"{arm} seed {seed}"

    def done(self) -> bool:
        """Whether it is measured."""
        return self.found() is not None

    def trained(self) -> int:
        """1 once it is measured."""
        return int(self.done())

    def found(self) -> ArmRun | None:
        """Its figures, None before."""
        return read_record(self.parts.plan.folder.run_file(self.arm, self.seed), ArmRun)

    def run(self) -> None:
        """Train and measure what is missing. Masks of test are opened by the second run only."""
        folder = self.parts.plan.folder
        train, predict = folder.train(self.arm, self.seed), folder.predict(self.arm, self.seed)
        request = self._train_request()
        train.write_request(request)
        watch = RunWatch(folder.training(self.arm, self.seed) / "watch.json")
        try:
            self.run_to_end(train, "train", self.parts.poll_s, watch.look)
        finally:
            watched = watch.save()
        predict.write_request(self._predict_request())
        self.run_to_end(predict, "predict", self.parts.poll_s)
        tested = predict.read_result(PredictResult)
        try:
            test = require_figures(tested.test)
        except RunFailed as exc:
            predict.result_file.unlink()  # so that the same command measures again
            raise RunFailed(str(exc), tested.faults) from exc
        trained = train.read_result(TrainResult)
        asked = train.read_request(TrainRequest)
        found = self._record(asked, trained, tested, test, watched)
        write_json(folder.run_file(self.arm, self.seed), found.model_dump(mode="json"))
        self.parts.changed.set()

    def _train_request(self) -> TrainRequest:
        plan, choice = self.parts.plan, self.choice()
        arm = plan.recipe.arms[self.arm]
        labeled = labels_of(choice, arm.labels)
        taught = set(labeled)
        pool = [name for name in choice.pool if name not in taught and arm.learns_from_pool()]
        return TrainRequest(
            labeled=plan.folders.labeled_files(labeled),
            unlabeled=plan.folders.image_files(pool),
            max_seconds=plan.recipe.limit_of(self.arm),
            **request_fields(plan, self.arm, self.seed, self.parts.threads()),
        )

    def _predict_request(self) -> PredictRequest:
        plan = self.parts.plan
        return PredictRequest(
            checkpoint=plan.folder.train(self.arm, self.seed).checkpoint,
            test=plan.folders.labeled_files(self.choice().test, plan.recipe.sample.group_by),
            **request_fields(plan, self.arm, self.seed, self.parts.threads()),
        )

    def _record(
        self,
        asked: TrainRequest,
        trained: TrainResult,
        tested: PredictResult,
        test: Evaluation,
        watched: Watched,
    ) -> ArmRun:
        folders = self.parts.plan.folders
        return ArmRun(
            arm=self.arm,
            method=str(asked.settings["method"]),
            seed=self.seed,
            train_labels=len(asked.labeled),
            unlabeled=len(asked.unlabeled),
            miou=test.miou,
            iou=test.iou,
            miou_interval=test.miou_interval,
            interval_words=interval_words(test),
            reasons=reasons(test),
            image_miou=image_figures(folders, test),
            deciding=deciding_image(folders, test),
            calibration_error=test.calibration.ece if test.calibration else None,
            iterations=trained.iterations,
            seconds=trained.seconds,
            cpu_seconds=watched.cpu_seconds,
            test_seconds=tested.seconds,
            peak_memory_bytes=trained.peak_memory_bytes,
            peak_gpu_memory_bytes=trained.peak_gpu_memory_bytes,
            losses=watched.points,
            faults=tuple(str(fault) for fault in (*trained.faults, *tested.faults)),
            settings=trained.settings,
            versions=trained.versions,
        )


def labels_of(choice: Choice, labels: str | int) -> tuple[str, ...]:
    """The labeled images of an arm, best first."""
    if labels == ALL:
        return choice.full
    return choice.labeled[:labels] if isinstance(labels, int) else choice.labeled


def image_figures(folders: Folders, test: Evaluation) -> dict[str, float]:
    """Name of a test image -> its mIoU over the classes in truth or prediction of that image."""
    names = list(folders.images)
    found = {}
    for image in test.by_image:
        common, truth, predicted = np.array(image.pixels, np.float64).T  # (C,) each
        union = truth + predicted - common
        if union.any():
            found[names[image.image]] = float((common[union > 0] / union[union > 0]).mean())
    return found


def deciding_image(folders: Folders, test: Evaluation) -> DecidingImage | None:
    """The test image without which the mIoU changes most, with what is left."""
    if test.miou is None or len(test.by_image) < 2:
        return None
    pixels = np.array([image.pixels for image in test.by_image], np.float64)  # (N, C, 3)
    without = [_miou(pixels.sum(axis=0) - one) for one in pixels]
    changes = [abs(test.miou - value) for value in without]
    row = int(np.argmax(changes))
    name = list(folders.images)[test.by_image[row].image]
    return DecidingImage(image=name, without=without[row])


def _miou(pixels: Floats) -> float:
    """Over the classes that the truth holds. pixels: (C, 3) common, truth, predicted."""
    common, truth, predicted = pixels.T
    held = truth > 0
    union = truth + predicted - common
    ratios: Sequence[float] = (common[held] / union[held]).tolist()
    return float(np.mean(ratios)) if ratios else 0.0

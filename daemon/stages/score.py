"""SCORE: uncertainty and embedding of every pool image, and the evaluation on the test set."""

from __future__ import annotations

import logging

from daemon.domain import Evaluation, Role, Stage
from daemon.domain.evaluations import MIOU
from daemon.domain.formatting import fraction
from daemon.runs.run_folder import PredictRequest, PredictResult, RunFolder, TrainResult
from daemon.stages.context import Context, image_files, with_embeddings
from daemon.stages.quarantine import exclude_unusable
from daemon.stages.run_settings import clear_run, write_request
from daemon.stages.serving import serving_checkpoint
from daemon.stages.test_set import files_or_reason, report_test_fault
from daemon.stages.train import curve_point

log = logging.getLogger(__name__)


def score(context: Context, cycle: int) -> bool:
    """Score the pool with the model that serves; True when done.

    The test set is measured only if this cycle's own model serves.
    """
    run = context.run(cycle, Stage.SCORE)
    if not _is_of_serving_model(context, cycle, run):
        if not context.launcher.release(run):
            return False
        clear_run(run)
    if not run.request_file.exists():
        write_request(context, run, Stage.SCORE, _request(context, cycle))
    if not context.launcher.advance(run, "predict"):
        return False
    _save_test_evaluation(context, cycle)
    exclude_unusable(context, Stage.SCORE, run.read_result(PredictResult).faults)
    return True


def _is_of_serving_model(context: Context, cycle: int, run: RunFolder) -> bool:
    """Whether the run, if there is one, scores with the model that serves: a person may have chosen
    another one since."""
    if not run.request_file.exists() or run.finished():
        return True
    return run.read_request(PredictRequest).checkpoint == serving_checkpoint(context, cycle)


def _request(context: Context, cycle: int) -> PredictRequest:
    """With the temperatures that validation gave the model; without them its probabilities count as
    calibrated, which the log says."""
    serving = context.store.serving(cycle)
    trained = context.run(serving, Stage.TRAIN)
    result = trained.read_result(TrainResult)
    temperature = _temperature(result.validation)
    if temperature is None:
        log.debug("cycle=%d: no temperature was fitted: scores are not calibrated", cycle)
    asks_student = context.config.training.keep_student and trained.student.exists()
    test, test_missing = files_or_reason(context.config)
    return context.request(
        PredictRequest,
        classes=context.trained_classes(serving),
        checkpoint=serving_checkpoint(context, cycle),
        score=image_files(with_embeddings(context, context.store.images(Role.POOL))),
        temperature=temperature,
        student=trained.student if asks_student else None,
        student_temperature=_temperature(result.student) if asks_student else None,
        test=test if serving == cycle else (),
        test_missing=test_missing,
    )


def _temperature(measured: Evaluation | None) -> float | None:
    """The temperature that fits the validation images of an evaluation; None without."""
    calibration = measured.calibration if measured else None
    return calibration.temperature if calibration else None


def _save_test_evaluation(context: Context, cycle: int) -> None:
    """Store the evaluation on the test set, if the run made one."""
    run = context.run(cycle, Stage.SCORE)
    result = run.read_result(PredictResult)
    if result.test is not None:
        missing = result.test.missing.get(MIOU)
        report_test_fault(context, Stage.SCORE, missing.detail if missing else "")
        trained = context.run(cycle, Stage.TRAIN)
        point = curve_point(trained, cycle, trained.read_result(TrainResult))
        context.store.keep_evaluation("test", point, result.test)
        log.debug("test measured cycle=%d miou=%s", cycle, fraction(result.test.miou))

"""SCORE: uncertainty and embedding of every pool image, and the evaluation on the test set."""

from __future__ import annotations

import logging

from daemon.domain import Evaluation, Role, Stage
from daemon.domain.evaluations import MIOU
from daemon.domain.formatting import fraction
from daemon.runs.run_folder import PredictRequest, PredictResult, TrainResult
from daemon.stages.context import Context, image_files, with_embeddings
from daemon.stages.quarantine import exclude_unusable
from daemon.stages.run_settings import clear_run, write_request
from daemon.stages.serving import serving_checkpoint
from daemon.stages.test_set import files_or_reason, report_test_fault
from daemon.stages.train import curve_point

log = logging.getLogger(__name__)

_SCORED_BY = "scored_by"  # name of the stored fact: which model the newest run of SCORE uses


def score(context: Context, cycle: int) -> bool:
    """Score the pool with the model that serves; True when done.

    The test set is measured only if this cycle's own model serves.
    """
    run = context.run(cycle, Stage.SCORE)
    if run.request_file.exists() and _is_of_other_model(context, cycle):
        if not context.launcher.release(run):
            return False
        clear_run(run)
    if not run.request_file.exists():
        request = _request(context, cycle)
        context.store.keep_fact(_SCORED_BY, _scored_by(context, cycle))
        write_request(context, run, Stage.SCORE, request)
    if not context.launcher.advance(run, "predict"):
        return False
    _save_test_evaluation(context, cycle)
    exclude_unusable(context, Stage.SCORE, run.read_result(PredictResult).faults)
    return True


def _is_of_other_model(context: Context, cycle: int) -> bool:
    """Whether the run scores with another model than the one that serves: a person may have chosen
    that since. Nothing has used its scores yet, since the stage is open."""
    known = context.store.fact(_SCORED_BY)
    return known is not None and known != _scored_by(context, cycle)


def _scored_by(context: Context, cycle: int) -> str:
    return f"cycle {cycle} by the model of cycle {context.store.serving(cycle)}"


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

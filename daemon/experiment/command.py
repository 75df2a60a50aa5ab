"""`maskloop train`: assign the roles, train, measure on test, write result.json.

    DIR/experiment.json   the request; another request in the same folder is refused
    DIR/train, predict    run folders (daemon/runs/run_folder.py)
    DIR/result.json       written last

Masks of --test are opened only by the second process, when the first has ended.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from rich.console import Console

from daemon.domain import Evaluation
from daemon.domain.errors import ExperimentRefused, RunFailed
from daemon.domain.evaluations import MIOU
from daemon.experiment.child_runs import progress_display, run_to_end
from daemon.experiment.image_folders import Folders, class_names, read_folders
from daemon.experiment.options import Options
from daemon.experiment.report import build_report, print_report
from daemon.experiment.splits import Roles, assign_roles
from daemon.insight.missing_figures import explain
from daemon.runs.durable import write_json
from daemon.runs.run_folder import (
    PredictRequest,
    PredictResult,
    RunFolder,
    TrainRequest,
    TrainResult,
)

INTERRUPTED = 130  # exit code of a shell for Ctrl-C
T = TypeVar("T")


def run_experiment(options: Options, out: Console, err: Console) -> int:
    """Run the steps that are not done yet; the exit code: 0, or 130 after an interrupt.

    Raises ExperimentRefused, or RunFailed with the message of the process.
    """
    content = work_in(options.out, err, lambda: _run(options, err))
    if content is None:
        return INTERRUPTED
    print_report(content, out)
    return 0


def work_in(folder: Path, err: Console, work: Callable[[], T]) -> T | None:
    """Work in a folder that no other process works in, and that is made where it is missing.

    None after Ctrl-C or SIGTERM, which is said. Raises ExperimentRefused, RunFailed.
    """
    make_folder(folder)
    with RunFolder(folder).locked(), sigterm_interrupts():
        try:
            return work()
        except KeyboardInterrupt:
            err.print(f"stopped; the same command resumes in {folder}", markup=False)
            return None


def make_folder(path: Path) -> None:
    """Make the folder of --out. Raises ExperimentRefused where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ExperimentRefused(
            f"--out {path}: got {exc.strerror!r}; expected a folder that this user may write to; "
            f"name another one"
        ) from exc


def _run(options: Options, err: Console) -> Mapping[str, Any]:
    result = options.out / "result.json"
    folders = read_folders(options.images, options.masks)
    roles = assign_roles(folders, options)
    classes = class_names(options.classes, folders, (*roles.labeled, *roles.validation))
    request = _request(options, roles, classes)
    require_same_request(options.out / "experiment.json", request, "experiment")
    if result.exists():
        return read_json(result)
    train, predict = RunFolder(options.out / "train"), RunFolder(options.out / "predict")
    train.write_request(_train_request(options, folders, roles, classes))
    with progress_display(err) as on_progress:
        run_to_end(train, "train", on_progress, options.processes)
        predict.write_request(_predict_request(options, folders, roles, classes, train))
        run_to_end(predict, "predict", on_progress)
    _require_test_figures(predict)
    content = build_report(request, train, predict)
    write_json(result, content)
    return content


def _require_test_figures(predict: RunFolder) -> None:
    """Raise RunFailed if no test image could be measured, with the files that cannot be used.

    The result of the run is deleted, so that the same command measures again.
    """
    tested = predict.read_result(PredictResult)
    if tested.test is None or tested.test.images:
        return
    predict.result_file.unlink()
    why = "; ".join(
        explain(why_missing) for name, why_missing in tested.test.missing.items() if name == MIOU
    )
    raise RunFailed(f"the test images: {why}", tested.faults)


def _request(options: Options, roles: Roles, classes: tuple[str, ...]) -> dict[str, Any]:
    """The content of experiment.json."""
    return {
        "images": str(options.images),
        "masks": str(options.masks),
        "classes": list(classes),
        "method": options.settings["method"],
        "preset": options.settings["preset"],
        "seed": options.seed,
        "settings": dict(options.settings),
        "max_seconds": options.max_seconds,
        "threads": options.threads,
        "device": options.device,
        "parent": str(options.parent) if options.parent else None,
        "students": options.students,
        **{name: list(value) for name, value in vars(roles).items() if name != "copies"},
    }


def require_same_request(path: Path, request: Mapping[str, Any], what: str) -> None:
    """Write the request; raise ExperimentRefused if the folder holds a different one.

    what: the request is for, as a noun.
    """
    if not path.exists():
        write_json(path, request)
        return
    before = read_json(path)
    differing = sorted(
        name for name in request if before.get(name) != json.loads(_to_json(request[name]))
    )
    if differing:
        raise ExperimentRefused(
            f"{path}: the folder holds another {what}, which differs in "
            f"{', '.join(differing)}; name another folder with --out"
        )


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of the folder. Raises ExperimentRefused if it holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ExperimentRefused(
            f"{path}: cannot be read: {exc}; delete it and run the command again, or name another "
            f"folder with --out"
        ) from exc
    if isinstance(content, dict):
        return content
    raise ExperimentRefused(f"{path}: holds no experiment; name another folder with --out")


def _to_json(value: Any) -> str:
    return json.dumps(value)


def _train_request(
    options: Options, folders: Folders, roles: Roles, classes: tuple[str, ...]
) -> TrainRequest:
    return TrainRequest(
        labeled=folders.labeled_files(roles.labeled),
        validation=folders.labeled_files(roles.validation),
        unlabeled=folders.image_files(roles.unlabeled),
        parent=options.parent,
        max_seconds=options.max_seconds,
        keep_student=options.students,
        **_common_fields(options, classes),
    )


def _predict_request(
    options: Options, folders: Folders, roles: Roles, classes: tuple[str, ...], train: RunFolder
) -> PredictRequest:
    trained = train.read_result(TrainResult)
    return PredictRequest(
        checkpoint=train.checkpoint,
        temperature=_temperature(trained.validation),
        student=train.student if options.students else None,
        student_temperature=_temperature(trained.student),
        test=folders.labeled_files(roles.test),
        **_common_fields(options, classes),
    )


def _temperature(measured: Evaluation | None) -> float | None:
    calibration = measured.calibration if measured else None
    return calibration.temperature if calibration else None


def _common_fields(options: Options, classes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "classes": classes,
        "device": options.device,
        "threads": options.threads,
        "seed": options.seed,
        "settings": options.settings,
    }


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt at SIGTERM, as at Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

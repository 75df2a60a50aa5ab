"""`maskloop train-clicks`: the model's view of images that it did not learn from, then the network.

OUT/predict        run folder of the prior maps, where a model is named
OUT/train-clicks   run folder of the network; checkpoint.pth is what `maskloop` serves
OUT/result.json    written last
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from daemon.domain.errors import ExperimentRefused, RunFailed
from daemon.experiment.child_runs import RunChild, child_runner
from daemon.experiment.click_networks.network_options import NetworkOptions
from daemon.experiment.command import INTERRUPTED, work_in
from daemon.experiment.image_folders import Folders, class_names, read_folders
from daemon.experiment.splits import labeled_names
from daemon.runs.ancestry import learned_files
from daemon.runs.checksums import sha256_of
from daemon.runs.click_records import (
    ClickFile,
    EngineFigures,
    TrainClicksRequest,
    TrainClicksResult,
)
from daemon.runs.durable import write_json
from daemon.runs.prior_maps import prior_file
from daemon.runs.run_folder import PredictRequest, RunFolder


def run_network_training(
    options: NetworkOptions, out: Console, err: Console, run_child: RunChild | None = None
) -> int:
    """Do what is not done yet; the exit code: 0, or 130 after an interrupt.

    run_child: runs a command in a run folder to its end; None: in a child process. Raises
    ExperimentRefused, or RunFailed with the message of the process.
    """

    def trained() -> TrainClicksResult:
        with child_runner(err) as in_child:
            return _trained(options, run_child or in_child)

    result = work_in(options.out, err, trained)
    if result is None:
        return INTERRUPTED
    write_json(options.out / "result.json", result.model_dump(mode="json"))
    print_result(result, options, out)
    return 0


def print_result(result: TrainClicksResult, options: NetworkOptions, out: Console) -> None:
    """What was learned, and how both engines did."""
    print_line = out.print
    print_line(
        f"{result.labels} labels, {result.objects} objects, {result.iterations} iterations in "
        f"{result.cpu_seconds:.0f} s of processor time"
    )
    for name, figures in (("click_net", result.trial.new), (result.trial.engine, result.trial.old)):
        if figures is not None:
            print_line(f"{name:10s} {_words(figures)}", markup=False)
    print_line(result.trial.why, markup=False)
    for fault in result.faults:
        print_line(f"left out: {fault}", markup=False)
    print_line(f"network: {options.out / 'train-clicks' / 'checkpoint.pth'}", markup=False)


def _words(one: EngineFigures) -> str:
    return (
        f"NoC@85 {one.noc85:.1f}, never {one.never85} of {one.objects}, IoU after 1 click "
        f"{one.iou1:.2f}, 3 clicks {one.iou3:.2f}, {one.ms:.0f} ms a click"
    )


def _trained(options: NetworkOptions, run_child: RunChild) -> TrainClicksResult:
    folders = read_folders(options.images, options.masks)
    held_out = options.validation
    validation = labeled_names(held_out, folders, "--validation") if held_out else ()
    labeled = labeled_names(options.ids, folders, "--splits")
    if not options.ids:
        labeled = tuple(name for name in labeled if name not in set(validation))
    classes = class_names(options.classes, folders, [*labeled, *validation])
    priors = _priors(options, folders, [*labeled, *validation], classes, run_child)
    request = TrainClicksRequest(
        classes=classes,
        device=options.device,
        threads=options.threads,
        seed=options.seed,
        labeled=_files(folders, labeled, priors),
        validation=_files(folders, validation, priors),
        teacher=options.model,
        max_seconds=options.minutes * 60,
        iterations=1_000_000,
        judged_objects=options.objects,
    )
    run = RunFolder(options.out / "train-clicks")
    run.write_request(request)
    if run.read_request(TrainClicksRequest) != request:
        raise ExperimentRefused(
            f"--out {options.out}: holds another training; name another folder, or the same options"
        )
    run_child(run, "train-clicks")
    return run.read_result(TrainClicksResult)


def _priors(
    options: NetworkOptions,
    folders: Folders,
    names: Sequence[str],
    classes: tuple[str, ...],
    run_child: RunChild,
) -> Mapping[str, Path]:
    """Name -> prior map, of the images that the model did not learn from."""
    if options.model is None:
        return {}
    learned = _learned_by(options.model)
    unseen = [name for name in names if sha256_of(folders.images[name]) not in learned]
    if not unseen:
        return {}
    run = RunFolder(options.out / "predict")
    run.write_request(
        PredictRequest(
            classes=classes,
            device=options.device,
            threads=options.threads,
            checkpoint=options.model,
            masks=folders.image_files(unseen),
            priors=True,
        )
    )
    run_child(run, "predict")
    return {name: prior_file(run, folders.numbers[name]) for name in unseen}


def _learned_by(model: Path) -> set[str]:
    """sha256 of the images that a model learned from. Raises ExperimentRefused where its run folder
    does not say it: then no prior map could be trusted."""
    try:
        files = learned_files(RunFolder(model.parent))
    except RunFailed as exc:
        raise ExperimentRefused(
            f"--model {model}: nobody knows what it was trained on: {exc}; name the checkpoint in "
            f"the folder of its training"
        ) from exc
    return {sha256_of(file.image) for file in files if file.image.is_file()}


def _files(
    folders: Folders, names: Sequence[str], priors: Mapping[str, Path]
) -> tuple[ClickFile, ...]:
    return tuple(
        ClickFile(id=file.id, image=file.image, mask=file.mask, prior=priors.get(name))
        for name, file in zip(names, folders.labeled_files(names), strict=True)
    )

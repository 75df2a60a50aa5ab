"""`maskloop smart-eval`: draw objects, let the model predict, click, write the report.

OUT/request.json     the options and the objects; other ones in the same folder are refused
OUT/predict          run folder of the model's masks and prior maps
OUT/clicks           run folder of the worker of a click network; clicks-sam: of that of SAM
OUT/clicked.jsonl    one line an object, an engine and a start; lines that are there are not redone
OUT/report.json      written last
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from daemon.domain.errors import ExperimentRefused, RunFailed
from daemon.experiment.child_runs import RunChild, child_runner
from daemon.experiment.click_evaluation.click_figures import ClickRecord, read_records
from daemon.experiment.click_evaluation.click_options import ClickOptions
from daemon.experiment.click_evaluation.click_report import ClickReport, print_clicks, report_of
from daemon.experiment.click_evaluation.clicked_object import ObjectReader, clicked_object
from daemon.experiment.click_evaluation.compared_engines import WORKER, ComparedEngines
from daemon.experiment.click_evaluation.evaluated_objects import (
    EvaluatedObject,
    drawn_objects,
    hash_of,
)
from daemon.experiment.click_evaluation.other_evaluation import other_records
from daemon.experiment.command import INTERRUPTED, require_same_request, work_in
from daemon.experiment.image_folders import Folders, class_names, read_folders
from daemon.experiment.splits import labeled_names
from daemon.runs.ancestry import learned_files
from daemon.runs.checksums import sha256_of
from daemon.runs.durable import write_json
from daemon.runs.run_folder import PredictRequest, RunFolder, TrainRequest


def run_click_evaluation(
    options: ClickOptions,
    out: Console,
    err: Console,
    run_child: RunChild | None = None,
    worker: str = WORKER,
) -> int:
    """Do what is not done yet; the exit code: 0, or 130 after an interrupt.

    run_child: runs a command in a run folder to its end; None: in a child process.
    worker: the module of the network's worker. Raises ExperimentRefused, or RunFailed with the
    message of the process.
    """

    def evaluated() -> ClickReport:
        evaluation = ClickEvaluation.of(options)
        with child_runner(err) as in_child:
            evaluation.predict(run_child or in_child)
        records = evaluation.clicked(err, worker)
        return report_of(
            options, evaluation.classes, evaluation.objects, records, evaluation.others
        )

    report = work_in(options.out, err, evaluated)
    if report is None:
        return INTERRUPTED
    write_json(options.out / "report.json", report.model_dump(mode="json"))
    print_clicks(report, options.out, out)
    return 0


@dataclass(frozen=True, kw_only=True)
class ClickEvaluation:
    """One evaluation. run: of the model's masks and priors; used only where there is a model.
    others: the clicks of the evaluation that it is compared with; None: with none."""

    options: ClickOptions
    folders: Folders
    classes: tuple[str, ...]
    objects: tuple[EvaluatedObject, ...]
    run: RunFolder
    others: tuple[ClickRecord, ...] | None = None

    @classmethod
    def of(cls, options: ClickOptions) -> ClickEvaluation:
        """Read the folders and draw the objects. Raises ExperimentRefused."""
        folders = read_folders(options.images, options.masks)
        names = labeled_names(options.ids, folders, "--splits")
        known = options.classes or _classes_of(options.model)
        classes = class_names(known, folders, names)
        objects = drawn_objects(
            folders,
            names,
            classes,
            per_class=options.per_class,
            min_area_px=options.min_area_px,
            seed=options.seed,
        )
        found = cls(
            options=options,
            folders=folders,
            classes=classes,
            objects=objects,
            run=RunFolder(options.out / "predict"),
        )
        found._require_unseen()
        if options.against is not None:
            others = other_records(options.against, found._request())
            found = dataclasses.replace(found, others=others)
        found._require_same_request()
        return found

    def predict(self, run_child: RunChild) -> None:
        """The model's masks and prior maps of the images; nothing without a model."""
        if self.options.model is None:
            return
        names = dict.fromkeys(one.name for one in self.objects)
        self.run.write_request(
            PredictRequest(
                classes=self.classes,
                device=self.options.device,
                threads=self.options.threads,
                checkpoint=self.options.model,
                masks=self.folders.image_files(names),
                priors=True,
            )
        )
        run_child(self.run, "predict")

    def clicked(self, err: Console, worker: str) -> list[ClickRecord]:
        """A record of each object, engine and start; those of an earlier process are kept."""
        path = self.options.out / "clicked.jsonl"
        records = {(one.engine, one.start, one.place): one for one in read_records(path)}
        reader = ObjectReader(folders=self.folders, run=self.run if self.options.model else None)
        places = range(len(self.objects))
        engines = ComparedEngines(
            self.options, self.classes, RunFolder(self.options.out / "clicks"), worker
        )
        with engines, path.open("a", encoding="utf-8") as lines:
            lines.write("\n" if path.stat().st_size else "")  # a line may have no end
            for place in track(places, "clicking", console=err, disable=not err.is_terminal):
                one = self.objects[place]
                for record in clicked_object(
                    self.options, reader, engines, place, one, set(records)
                ):
                    lines.write(record.model_dump_json() + "\n")
                    lines.flush()
                    records[record.engine, record.start, record.place] = record
        return list(records.values())

    def _require_unseen(self) -> None:
        """Raise ExperimentRefused if the model learned from one of the images, as far as its run
        folder says what it learned from."""
        trained = _learned_by(self.options.model)
        for name in sorted({one.name for one in self.objects}):
            if sha256_of(self.folders.images[name]) in trained:
                raise ExperimentRefused(
                    f"--model {self.options.model}: was trained on the image {name}; its priors "
                    f"would be too good there; name images with --splits that it has not seen"
                )

    def _require_same_request(self) -> None:
        require_same_request(self.options.out / "request.json", self._request(), "evaluation")

    def _request(self) -> dict[str, Any]:
        return _as_json(self.options) | {
            "classes": list(self.classes),
            "objects": [one.model_dump() for one in self.objects],
            "objects_sha256": hash_of(self.objects),
        }


def _classes_of(model: Path | None) -> tuple[str, ...]:
    """The classes of a model in its run folder; () where that is not known."""
    try:
        request = None if model is None else RunFolder(model.parent).read_request(TrainRequest)
    except RunFailed:
        return ()
    return request.classes if request else ()


def _learned_by(model: Path | None) -> set[str]:
    """sha256 of the image files that a model learned from; empty where that is not known."""
    try:
        files = [] if model is None else learned_files(RunFolder(model.parent))
    except RunFailed:
        return set()
    return {sha256_of(file.image) for file in files if file.image.is_file()}


def _as_json(options: ClickOptions) -> dict[str, Any]:
    """What a folder is bound to: not the time that it takes, nor the engines and starts so far."""
    free = (
        "out",
        "threads",
        "device",
        "engines",
        "click_net",
        "sam_encoder",
        "sam_decoder",
        "from_model_mask",
        "against",
    )
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in dataclasses.asdict(options).items()
        if name not in free
    }

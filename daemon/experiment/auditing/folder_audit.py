"""`maskloop audit --images DIR --masks DIR`: train the folds, judge, write the findings.

OUT/audit.json           the options; other ones in the same folder are refused
OUT/fold-0, fold-1       run folders of the trainings
OUT/audit                run folder of the comparison
OUT/findings.json .csv .html
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.auditing.audit_folds import drawn, folds_of
from daemon.experiment.auditing.audit_options import AuditOptions
from daemon.experiment.auditing.audit_report import print_audit, write_findings
from daemon.experiment.child_runs import RunChild, child_runner
from daemon.experiment.command import INTERRUPTED, require_same_request, work_in
from daemon.experiment.image_folders import Folders, class_names, read_folders, read_ids
from daemon.experiment.splits import labeled_names
from daemon.runs.audit_records import AuditedFile, AuditedPart, AuditRequest
from daemon.runs.checksums import sha256_of
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainRequest, TrainResult


def run_audit(
    options: AuditOptions, out: Console, err: Console, run_child: RunChild | None = None
) -> int:
    """Run the steps that are not done yet; the exit code: 0, or 130 after an interrupt.

    run_child: runs a command in a run folder to its end; None: in a child process. Raises
    ExperimentRefused, or RunFailed with the message of the process.
    """

    def compared() -> RunFolder:
        with child_runner(err) as in_child:
            return FolderAudit.of(options, run_child or in_child).compared()

    run = work_in(options.out, err, compared)
    if run is None:
        return INTERRUPTED
    write_findings(options.out, run)
    print_audit(run, options.out, out, planted=options.plant)
    return 0


@dataclass(frozen=True, kw_only=True)
class FolderAudit:
    """One audit of a folder. names: ids to judge. numbers: id -> number in the requests. settings:
    of the learner, by name."""

    options: AuditOptions
    folders: Folders
    names: tuple[str, ...]
    numbers: Mapping[str, int]
    classes: tuple[str, ...]
    settings: Mapping[str, Any]
    run_child: RunChild

    @classmethod
    def of(cls, options: AuditOptions, run_child: RunChild) -> FolderAudit:
        """Read the folders. Raises ExperimentRefused."""
        folders = read_folders(options.images, options.masks)
        names = _names(options, folders)
        classes = class_names(options.classes, folders, names)
        _require_same_options(options, classes, names)
        return cls(
            options=options,
            folders=folders,
            names=names,
            numbers={name: row for row, name in enumerate(folders.images)},
            classes=classes,
            settings=options.settings,
            run_child=run_child,
        )

    def compared(self) -> RunFolder:
        """The finished run that compared the labels."""
        run = RunFolder(self.options.out / "audit")
        parts = self._parts_of_folds() if self.options.checkpoint is None else self._part_of_model()
        run.write_request(
            AuditRequest(
                parts=tuple(parts),
                tolerance_px=self.options.tolerance_px,
                copies=self.options.copies,
                plant_share=self.options.plant_share,
                **self._common(),
            )
        )
        self.run_child(run, "audit")
        return run

    def _parts_of_folds(self) -> list[AuditedPart]:
        """Each fold, judged by the model of the other one."""
        folds = folds_of(self.names, self.options.group_by)
        trained = [self._trained(number, names) for number, names in enumerate(folds)]
        return [
            AuditedPart(
                checkpoint=run.checkpoint,
                temperature=_temperature(run),
                trained_on=tuple(sha256_of(self.folders.images[name]) for name in used),
                files=tuple(map(self._audited, folds[1 - number])),
            )
            for number, (run, used) in enumerate(trained)
        ]

    def _part_of_model(self) -> list[AuditedPart]:
        """Every image that the given model did not learn from."""
        checkpoint = self.options.checkpoint
        if checkpoint is None:
            raise ExperimentRefused("--checkpoint: is missing")
        used = set(read_ids(self.options.trained_on, self.folders, "--trained-on"))
        trained_on = tuple(sorted(sha256_of(self.folders.images[name]) for name in used))
        files = [self._audited(name) for name in self.names if name not in used]
        free = [file for file in files if file.sha256 not in set(trained_on)]
        if not free:
            raise ExperimentRefused(
                f"--trained-on {self.options.trained_on}: names all {len(self.names)} images; "
                f"expected some that the model did not see"
            )
        part = AuditedPart(
            checkpoint=checkpoint,
            temperature=_temperature(RunFolder(checkpoint.parent)),
            trained_on=trained_on,
            files=tuple(free),
        )
        return [part]

    def _trained(self, number: int, names: Sequence[str]) -> tuple[RunFolder, list[str]]:
        """The finished training of a fold, and the names it saw."""
        labeled, validation = drawn(names, self.options.fold_labels, self.options.seed)
        run = RunFolder(self.options.out / f"fold-{number}")
        run.write_request(
            TrainRequest(
                labeled=tuple(map(self._labeled, labeled)),
                validation=tuple(map(self._labeled, validation)),
                **self._common(),
            )
        )
        self.run_child(run, "train")
        return run, [*labeled, *validation]

    def _labeled(self, name: str) -> LabeledFile:
        return LabeledFile(
            id=self.numbers[name], image=self.folders.images[name], mask=self.folders.mask(name)
        )

    def _audited(self, name: str) -> AuditedFile:
        file = self._labeled(name)
        return AuditedFile(**dict(file), sha256=sha256_of(file.image), name=name)

    def _common(self) -> dict[str, Any]:
        return {
            "classes": self.classes,
            "device": self.options.device,
            "threads": self.options.threads,
            "seed": self.options.seed,
            "settings": self.settings,
        }


def _names(options: AuditOptions, folders: Folders) -> tuple[str, ...]:
    found = labeled_names(options.ids, folders, "--splits")
    if not found:
        raise ExperimentRefused(f"--masks {options.masks}: holds no mask ID.png of an image")
    return found


def _temperature(run: RunFolder) -> float | None:
    """The temperature that validation gave the model; None where that is not known."""
    if not run.finished():
        return None
    validation = run.read_result(TrainResult).validation
    calibration = validation.calibration if validation else None
    return calibration.temperature if calibration else None


def _require_same_options(
    options: AuditOptions, classes: Sequence[str], names: Sequence[str]
) -> None:
    """Write the options; raise ExperimentRefused if the folder holds an audit with other ones."""
    given = dataclasses.asdict(options) | {"classes": list(classes), "names": list(names)}
    content = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in given.items()
        if name not in ("plant", "out", "threads")
    }
    require_same_request(options.out / "audit.json", content, "audit")

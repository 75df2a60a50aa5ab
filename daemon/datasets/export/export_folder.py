"""`maskloop export`: what a store holds -> a folder of plain files.

The store is read at one moment, also while the daemon writes it. export.json is written last: a
folder with the mark and without it is an export that was stopped, and the next one begins again.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from daemon.config.loading import Config
from daemon.datasets.export.export_report import ExportOptions, ExportReport
from daemon.datasets.export.exported_label import SPLITS, ExportedLabel, checked_label
from daemon.datasets.export.file_names import ending_of, file_names
from daemon.datasets.export.format_losses import listed
from daemon.datasets.export.format_names import require_plain
from daemon.datasets.export.label_files import LabelFiles
from daemon.datasets.export.label_formats import FORMATS, OURS
from daemon.datasets.export.linked_copy import link_or_copy
from daemon.datasets.export.loop_records import write_curve, write_history
from daemon.datasets.export.predicted_images import prediction_of
from daemon.datasets.export.prediction_files import remove_predictions
from daemon.datasets.export.prediction_runs import predict_all
from daemon.datasets.samples import LabelsUnusable
from daemon.domain import Fault, Image, Role
from daemon.domain.errors import ExportRefused
from daemon.launchers import Launcher
from daemon.runs.durable import write_json
from daemon.runs.locks import LockHeld, lock_file
from daemon.store import Store
from daemon.store.reading import reading_store

MARK = ".maskloop-export"  # a folder with it is one that an export wrote
REPORT = "export.json"
_RECORDS = (
    "splits.json", "classes.json", "history.json", "history.csv", "curve.json", "curve.csv",
)  # fmt: skip
_SCARCE = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EROFS)
NO_CLASS = "no_class"  # the list of labels that give no pixel a class


def export_folder(
    config: Config,
    options: ExportOptions,
    at: datetime,
    progress: Callable[[int, int], None],
    launcher: Launcher | None = None,
) -> ExportReport:
    """Export the store of a configuration. at: the time that the report states.

    progress: called with the number of labels done and of all, then of masks. launcher: of the
    process that predicts, where predictions are wanted. Raises ExportRefused where nothing can be
    exported, RunFailed where nothing can be predicted; faults of single images are in the report.
    """
    with ExitStack() as held:
        with reading_store(config.state, ExportRefused) as store, store.read_transaction():
            report = ExportReport(format=options.format, at=at, classes=_classes(store, config))
            if options.format != "png":
                require_plain(report.classes, options.format)
            images = store.images_of(store.labeled_ids())
            wanted = prediction_of(store, config, options.predictions, images)
            _require_apart(options.out, config, images.values())
            held.enter_context(_emptied(options.out))
            names = wanted.names if wanted else file_names(list(images.values()))
            _write_all(store, images, names, options, report, progress)
        if wanted is None:
            remove_predictions(options.out)
        elif launcher is None:
            raise ValueError("predictions need a launcher")
        else:  # hours, maybe: the store is closed by then
            report.predictions, faults = predict_all(wanted, options.out, launcher, progress)
            report.faults += faults
        write_json(options.out / REPORT, report.as_json())
    return report


def _classes(store: Store, config: Config) -> tuple[str, ...]:
    """The names that the labels were read with, which are not yet those of config.toml where
    classes were changed there."""
    return store.kept_classes() or tuple(config.classes.names)


def _require_apart(out: Path, config: Config, images: Iterable[Image]) -> None:
    """Raise ExportRefused where the loop reads from inside `out`, which a later export empties."""
    folders = (config.images.folder, config.folder.truth, config.test.images, config.test.masks)
    used = [config.state, *(config.home / one for one in folders if one)]
    whole = os.path.realpath(out)
    for path in (*used, *(image.path for image in images)):
        if "\0" not in str(path) and Path(os.path.realpath(path)).is_relative_to(whole):
            raise ExportRefused(
                f"--out {out}: the loop itself reads {path}, which lies in it; expected a folder "
                f"of its own; name another"
            )


@contextmanager
def _emptied(out: Path) -> Iterator[None]:
    """A folder for this export alone. Files in it that no export writes stay as they are."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise ExportRefused(f"--out {out}: got a file or a link; expected a new folder")
    mark = out / MARK
    if out.is_dir() and not _is_plain(mark) and any(out.iterdir()):
        raise ExportRefused(
            f"--out {out}: got a folder with something in it that no export wrote; expected a new "
            f"or an empty one, or that of an earlier export; name another"
        )
    out.mkdir(parents=True, exist_ok=True)
    try:
        with lock_file(mark):
            for name in (REPORT, *_RECORDS, "images", *OURS):
                _remove(out / name)
            yield
    except LockHeld as exc:
        raise ExportRefused(
            f"--out {out}: process {exc.holder or 'unknown'} exports into it; wait for it, or name "
            f"another folder"
        ) from exc


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_all(
    store: Store,
    images: Mapping[int, Image],
    names: Mapping[int, str],
    options: ExportOptions,
    report: ExportReport,
    progress: Callable[[int, int], None],
) -> None:
    out, labels = options.out, store.labels()
    report.splits = {name: [] for name in ("pool", *SPLITS.values(), NO_CLASS)}
    with FORMATS[options.format](out, report.classes) as files:
        labeler = _Labels(store=store, files=files, options=options, report=report)
        for done, image in enumerate(images.values(), start=1):
            labeler.export(image, names[image.id])
            progress(done, len(images))
        files.finish()
    report.losses = listed(files.losses)
    write_json(out / "splits.json", report.splits)
    write_json(out / "classes.json", list(report.classes))
    exported = labeler.exported
    report.asked = write_history(store, out, exported, labels, people=options.people)
    write_curve(out, store.curve(), store.refused_cycles(), report.classes)


@dataclass(kw_only=True)
class _Labels:
    """Exports one label after the other, and counts them in the report. exported: image id -> the
    name of its files."""

    store: Store
    files: LabelFiles
    options: ExportOptions
    report: ExportReport
    exported: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._replaced = self.store.unconfirmed_ids()
        self._informative = self.store.informative_ids()

    def export(self, image: Image, name: str) -> None:
        """Write the label of an image, unless it cannot be used: that is a fault."""
        if image.id in self._replaced:
            self.report.faults.append(_replaced(image))
            return
        file = f"{name}{ending_of(image)}"
        png = self.store.label_png(image.id)
        try:
            label = checked_label(image, png, self.report.classes, name=name, file=file)
            self.files.write(label)
        except LabelsUnusable as exc:
            self.report.faults.append(exc.fault)
            return
        self.report.labels += 1
        self.exported[image.id] = name
        if Path(image.name).stem != name:
            self.report.renamed[image.id] = (image.name, file)
        for split in self._lists(label):
            self.report.splits[split].append(name)
        if self.options.images:
            self._copy(label)

    def _lists(self, label: ExportedLabel) -> Sequence[str]:
        if label.image.id not in self._informative:
            return (NO_CLASS,)
        return ("pool", label.split) if label.image.role is Role.POOL else (label.split,)

    def _copy(self, label: ExportedLabel) -> None:
        folder = self.files.image_folder(label)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            link_or_copy(label.image.path, folder / label.file)
        except (OSError, ValueError) as exc:
            if getattr(exc, "errno", None) in _SCARCE:
                raise  # says nothing about this image
            self.report.faults.append(_not_copied(label.image, exc))
        else:
            self.report.images += 1


def _not_copied(image: Image, exc: Exception) -> Fault:
    return Fault(
        where=f"image {image.name!r}",
        got=f"a file that cannot be copied: {getattr(exc, 'strerror', None) or exc}",
        expected="the file of the image",
        cure="put it back; its label was exported without it",
    )


def _replaced(image: Image) -> Fault:
    return Fault(
        where=f"label of image {image.name!r}",
        got="a label that was drawn on other bytes than the image has now",
        expected="a label of the present image",
        cure="submit it again in the labeling tool, or bring the old file back",
    )

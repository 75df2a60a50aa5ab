"""The test set, that is the held-out images of [test]: their files, hashes and embeddings.

No decision depends on the test set. If it cannot be used, its figures are missing, with the reason,
and the loop goes on. A run of its own embeds and hashes the test images once, and again when their
files change, because pool images that are test images or near-duplicates of one must stay out of
training (roles.py).
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from daemon.config.loading import Config
from daemon.config.name_lists import read_list
from daemon.domain import Missing, Stage, Why
from daemon.domain.errors import ConfigError, RunFailed
from daemon.rules.validation_split import FloatArray
from daemon.runs.run_folder import (
    EmbedRequest,
    FileFault,
    FileRole,
    ImageFile,
    LabeledFile,
    PredictResult,
    RunFolder,
)
from daemon.stages.context import Context

log = logging.getLogger(__name__)

REPORTED = "test_set_noted_by_"  # + stage: the fact with the fault that it reported last


@dataclass(frozen=True, kw_only=True)
class KnownTestSet:
    """Hashes and embeddings of the test images, to find them in the pool.

    sha256: of the bytes of each file. embeddings: (M, D), rows L2-normalised; (0, 0) if M = 0.
    """

    sha256: frozenset[str] = frozenset()
    embeddings: FloatArray


def test_files(config: Config) -> tuple[LabeledFile, ...]:
    """The files of the test set: in order of [test] ids, else of name; id is the index in it.

    Raises ConfigError that names what is missing, repeated or cannot be read.
    """
    settings = config.test
    if not settings.images:
        return ()
    images, masks = config.home / settings.images, config.home / settings.masks
    if not settings.masks:
        raise ConfigError("[test] masks = '': expected the folder of their masks, NAME.png")
    by_name = _files_by_name(images)
    names = _names(config.home, settings.ids) if settings.ids else sorted(by_name)
    if not names:
        raise ConfigError(f"[test] images = {settings.images!r}: {images} holds no image")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"[test] ids = {settings.ids!r}: {repeated[0]!r} is in it more than once")
    missing = [
        name for name in names if name not in by_name or not (masks / f"{name}.png").is_file()
    ]
    if missing:
        raise ConfigError(
            f"[test] {len(missing)} of {len(names)} names have no image or no mask, the first is "
            f"{missing[0]!r}; expected {images}/{missing[0]}.* and {masks}/{missing[0]}.png"
        )
    if repeated := [name for name in names if len(by_name[name]) > 1]:
        files = " and ".join(path.name for path in by_name[repeated[0]])
        raise ConfigError(
            f"[test] {images}: {files} would share the mask {repeated[0]}.png; rename one of them"
        )
    return tuple(
        LabeledFile(
            id=index,
            image=by_name[name][0],
            mask=masks / f"{name}.png",
            role=FileRole.TEST,
        )
        for index, name in enumerate(names)
    )


def files_or_reason(config: Config) -> tuple[tuple[LabeledFile, ...], Missing | None]:
    """The files of the test set and None; or no files, and why they are missing."""
    try:
        return test_files(config), None
    except ConfigError as exc:
        return (), Missing(why=Why.TEST_SETTING, detail=str(exc))


def embed_test_set(context: Context) -> bool:
    """Embed and hash the test images if their files are new; True when that is done.

    A failed run is reported, and tried again in the next cycle.
    """
    files, missing = files_or_reason(context.config)
    report_test_fault(context, Stage.EMBED, "" if missing is None else missing.detail)
    if not files:
        return True
    run = _run(context, files)
    if not run.request_file.exists():
        images = tuple(
            ImageFile(id=file.id, image=file.image, role=FileRole.TEST) for file in files
        )
        run.write_request(context.request(EmbedRequest, images=images))
    try:
        done = context.launcher.advance(run, "embed")
    except RunFailed as exc:
        report_test_fault(context, Stage.EMBED, f"the test images were not embedded: {exc}")
        shutil.rmtree(run.path, ignore_errors=True)
        return True
    if done:
        faults = run.read_result(PredictResult).faults
        report_test_fault(context, Stage.EMBED, _fault_text(faults, len(files)))
    return done


def known_test_set(context: Context) -> KnownTestSet:
    """Hashes and embeddings of the test images; empty before their run has finished."""
    files, _ = files_or_reason(context.config)
    run = _run(context, files) if files else None
    if run is None or not run.finished():
        return KnownTestSet(embeddings=np.empty((0, 0), dtype=np.float32))
    return KnownTestSet(
        sha256=frozenset(run.read_result(PredictResult).sha256.values()),
        embeddings=run.read_scores().embeddings,
    )


def report_test_fault(context: Context, stage: Stage, fault: str) -> None:
    """Log a fault of the test set and save it as an event, unless the stage reported it last.

    fault: "" if the stage can use the test set.
    """
    if fault == (context.store.fact(REPORTED + stage) or ""):
        return
    context.store.keep_fact(REPORTED + stage, fault)
    if fault:
        log.warning("test set: %s", fault)
        context.store.add_event("warning", f"test set: {fault}", context.now())


def _fault_text(faults: Sequence[FileFault], files: int) -> str:
    if not faults:
        return ""
    return f"{len(faults)} of {files} images cannot be used, the first: {faults[0]}"


def _run(context: Context, files: Sequence[LabeledFile]) -> RunFolder:
    """The run of these files and the present encoder; its name holds a digest of both."""
    stats = [(str(file.image), *_size_and_time(file.image)) for file in files]
    digest = hashlib.sha256(json.dumps([stats, context.encoder()]).encode()).hexdigest()
    return RunFolder(context.config.state / "runs" / f"test-set-{digest[:16]}")


def _size_and_time(path: Path) -> tuple[int, int]:
    """Size in bytes and modification time in ns; (0, 0) without the file."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _files_by_name(images: Path) -> Mapping[str, list[Path]]:
    """Path in the folder without suffix -> the files of that name; hidden files are left out."""
    table: dict[str, list[Path]] = {}
    for path in sorted(images.rglob("*")):
        inner = path.relative_to(images)
        if path.is_file() and not any(part.startswith(".") for part in inner.parts):
            table.setdefault(inner.with_suffix("").as_posix(), []).append(path)
    return table


def _names(home: Path, source: str) -> list[str]:
    """The names in a file, one a line, or in the list NAME of a JSON file (FILE.json:NAME)."""
    try:
        return read_list(source, home)
    except ValueError as exc:
        raise ConfigError(f"[test] ids = {source!r}: {exc}") from exc

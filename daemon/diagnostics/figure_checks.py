"""Checks of the figures to come, before the first label.

They find a test set that cannot be measured or that is trained on, and validation that leaves
nothing to train on.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image as Pillow

from connectors.base import Connector
from connectors.images.cache import inspect, read_file
from daemon.config.loading import Config
from daemon.diagnostics.learner_checks import embed_images
from daemon.domain import IGNORE, FoundImage
from daemon.domain.errors import ConfigError, ImageRefused, MaskloopError
from daemon.intake import Intake
from daemon.launchers import Launcher
from daemon.loop.components import open_connector
from daemon.rules.validation_split import FloatArray, group_of, has_group, validation_size
from daemon.runs.run_folder import ImageFile, LabeledFile, RunFolder
from daemon.stages.test_set import test_files

MAX_FILES = 200  # of each kind, opened
MAX_LISTED = 5000  # images of the pool whose names are read
MAX_EMBEDDED = 24  # images that are embedded, to see whether all are near-duplicates
MAX_REPORTED = 5  # faults and values
MAX_SIMILARITY = 0.9999  # above it no setting tells two images apart


def test_set_faults(config: Config) -> Sequence[str]:
    """Whether [test] names images and masks that exist, and the first of them can be used."""
    try:
        files = test_files(config)
    except ConfigError as exc:
        return [str(exc)]
    faults = [fault for file in files[:MAX_FILES] if (fault := _file_fault(config, file))]
    return _first_faults(faults, f"of the first {min(len(files), MAX_FILES)} test images")


def overlap_faults(config: Config) -> Sequence[str]:
    """Whether images of the pool are test images, by content.

    Compared are the images of the pool with the name of a test image, and the first of the pool.
    """
    with ExitStack() as opened:
        try:
            files = test_files(config)
            connector = opened.enter_context(closing(open_connector(config)))
            if not files:
                return []
            listed = list(islice(connector.images(), MAX_LISTED))
        except MaskloopError:
            return []  # the checks of the test set and of the labeling tool report it
        test_names = {file.image.stem for file in files}
        compared = [image for image in listed if _stem(image) in test_names][:MAX_FILES]
        compared += [image for image in listed[:MAX_FILES] if image not in compared]
        test_digests = {_file_digest(file.image) for file in files[:MAX_FILES]} - {None}
        same = [image for image in compared if _image_digest(connector, image) in test_digests]
    if not same:
        return []
    return [
        f"[test] images = {config.test.images!r}: at least {len(same)} images of the pool are test "
        f"images, such as {same[0].name!r}; they stay out of the pool and of training, and are "
        f"measured; take them out of the labeling project, or name other images in [test]"
    ]


def validation_faults(config: Config, launcher: Launcher) -> Sequence[str]:
    """Whether validation leaves labels and images to train on.

    It does not if it takes the whole budget, if all images are of its groups, or if all images are
    near-duplicates of each other.
    """
    with ExitStack() as opened:
        try:
            connector = opened.enter_context(closing(open_connector(config)))
            listed = list(islice(connector.images(), MAX_LISTED))
        except MaskloopError:
            return []  # the check of the labeling tool reports it
        if len(listed) < 2:
            return []
        return (
            _budget_faults(config, len(listed))
            or _group_faults(config, listed)
            or _similarity_faults(config, connector, listed, launcher)
        )


def _budget_faults(config: Config, images: int) -> Sequence[str]:
    """Validation is labeled first: a budget no larger than it leaves no label to train on."""
    size, budget = _validation_size(config, images), config.loop.budget_labels
    if budget > size:
        return []
    return [
        f"[loop] budget_labels = {budget}: expected more than the {size} images of validation, "
        f"which are labeled first: no label would be left to train on; raise it, or lower "
        f"[validation] min_images and share before the first run"
    ]


def _validation_size(config: Config, images: int) -> int:
    """The number of validation images among so many."""
    settings = config.validation
    return validation_size(
        images, share=settings.share, at_least=settings.min_images, at_most=settings.max_images
    )


def _group_faults(config: Config, listed: Sequence[FoundImage]) -> Sequence[str]:
    pattern = config.validation.group_by
    if not pattern:
        return []
    if not any(has_group(image.name, pattern) for image in listed):
        return [
            f"[validation] group_by = {pattern!r} matches none of {len(listed)} names, such "
            f"as {listed[0].name!r}: each image would be a group of its own, and images of one "
            f"video or field would be on both sides; correct the pattern, or delete the line"
        ]
    groups: dict[str, int] = {}
    for image in listed:
        name = group_of(image.name, pattern)
        groups[name] = groups.get(name, 0) + 1
    size = _validation_size(config, len(listed))
    without_largest = sum(sorted(groups.values(), reverse=True)[1:])
    if len(groups) > 1 and without_largest >= size:
        return []
    return [
        f"[validation] group_by = {pattern!r} makes {len(groups)} groups of {len(listed)} images: "
        f"validation takes whole groups until they hold {size} images, and may leave none to "
        f"train on; write a pattern that makes more groups, or lower [validation] min_images"
    ]


def _similarity_faults(
    config: Config, connector: Connector, listed: Sequence[FoundImage], launcher: Launcher
) -> Sequence[str]:
    """Whether all images of a sample, spread over the list, are near-duplicates."""
    step = max(1, len(listed) // MAX_EMBEDDED)
    with tempfile.TemporaryDirectory(prefix="maskloop-check-") as folder:
        files = _copy_images(connector, islice(listed[::step], MAX_EMBEDDED), Path(folder))
        if len(files) < 2:
            return []
        embeddings = _embeddings(config, files, Path(folder) / "run", launcher)
    if embeddings is None:
        return []  # the check of the device and the weights reports it
    similarity = embeddings @ embeddings.T  # (N, N) cosines
    least, limit = float(similarity.min()), config.selection.duplicate_similarity
    if least < limit:
        return []
    higher = f"raise it above {least:.4f}, or add" if least < MAX_SIMILARITY else "add"
    return [
        f"all of {len(files)} images that were compared are near-duplicates of each other: their "
        f"similarities are {least:.4f} and more, and [selection] duplicate_similarity = {limit} "
        f"leaves near-duplicates of validation out of training: nothing would be left to train "
        f"on; {higher} images of other scenes"
    ]


def _embeddings(
    config: Config, files: Sequence[ImageFile], path: Path, launcher: Launcher
) -> FloatArray | None:
    """Unit embeddings, (N, D); None if the learner fails, which its own check reports."""
    run = RunFolder(path)
    try:
        embed_images(config, launcher, run, files)
        return run.read_scores().embeddings
    except MaskloopError:
        return None


def _copy_images(
    connector: Connector, images: Iterable[FoundImage], folder: Path
) -> Sequence[ImageFile]:
    """Those of the images that can be read, as files in the folder."""
    files = []
    for number, image in enumerate(images):
        content = _read_or_none(_read_inspected, connector, image)
        if content is None:
            continue
        path = folder / str(number)
        path.write_bytes(content)
        files.append(ImageFile(id=number, image=path))
    return files


def _read_inspected(connector: Connector, image: FoundImage) -> bytes:
    content = connector.read(image)
    inspect(content, where=image.name)
    return content


def _read_or_none(
    read: Callable[[Connector, FoundImage], bytes], connector: Connector, image: FoundImage
) -> bytes | None:
    """The bytes of an image; None if they cannot be used, which other checks report."""
    try:
        with Intake().guard(image.name, expected="an image", cure="see the check of the images"):
            return read(connector, image)
    except MaskloopError:
        pass  # the check of the labeling tool reports it
    return None


def _file_fault(config: Config, file: LabeledFile) -> str:
    """The fault of a test image or of its mask; "": both can be used."""
    try:
        header = inspect(
            read_file(file.image),
            where=f"test image {file.image}",
            max_pixels=config.images.max_megapixels * 10**6,
        )
    except MaskloopError as exc:
        return str(exc)
    try:
        with Pillow.open(file.mask) as picture:
            mode, mask = picture.mode, np.asarray(picture)
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError) as exc:
        return f"mask {file.mask}: got {exc}; expected a PNG of class indices; restore it"
    size, classes = (header.height_px, header.width_px), len(config.classes.names)
    if mask.ndim != 2 or mask.dtype != np.uint8:
        return f"mask {file.mask}: got mode {mode}; expected 8-bit class indices; convert it"
    if mask.shape != size:
        return f"mask {file.mask}: got the size {mask.shape}; expected that of its image, {size}"
    unknown = [int(value) for value in np.unique(mask) if value >= classes and value != IGNORE]
    if unknown:
        return (
            f"mask {file.mask}: got the values {unknown[:MAX_REPORTED]}; expected 0 to "
            f"{classes - 1} or {IGNORE}; correct the mask, or name all classes in [classes] names"
        )
    return ""


def _first_faults(faults: Sequence[str], of_what: str) -> Sequence[str]:
    """The first MAX_REPORTED faults, and how many more there are."""
    if len(faults) <= MAX_REPORTED:
        return faults
    return [*faults[:MAX_REPORTED], f"{len(faults) - MAX_REPORTED} more {of_what}"]


def _stem(image: FoundImage) -> str:
    return PurePosixPath(image.name).stem


def _file_digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(read_file(path)).hexdigest()
    except ImageRefused:
        return None  # the check of the test set reports it


def _image_digest(connector: Connector, image: FoundImage) -> str | None:
    content = _read_or_none(lambda connector, image: connector.read(image), connector, image)
    return None if content is None else hashlib.sha256(content).hexdigest()

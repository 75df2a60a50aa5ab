"""What `maskloop check` says about figures before the first label: a test set that cannot be
measured or that is trained on, and validation that leaves nothing to train on."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image as Pillow

from connectors.base import Connector
from connectors.images.cache import inspect, read_file
from daemon.config.loading import Config
from daemon.domain import IGNORE, FoundImage
from daemon.domain.errors import ConfigError, ImageRefused, MaskloopError
from daemon.intake import Intake
from daemon.launchers import Launcher
from daemon.loop.components import open_connector
from daemon.rules.validation_split import FloatArray, group_of, has_group, validation_size
from daemon.runs.folder import EmbedRequest, ImageFile, LabeledFile, RunFolder
from daemon.stages.test_set import test_files

LOOKED_AT = 200  # files of each kind
LISTED = 5000  # images whose names are looked at
SAMPLED = 24  # images that are embedded, to see whether all are alike
NAMED = 5  # of those that are at fault
SAMPLE_S = 180.0
HIGHEST = 0.9999  # similarity; above it no setting tells two images apart


def test_set_faults(config: Config) -> Sequence[str]:
    """Whether [test] fits what is there, and what of its first files cannot be used."""
    try:
        files = test_files(config)
    except ConfigError as exc:
        return [str(exc)]
    faults = [words for file in files[:LOOKED_AT] if (words := _fault_of(config, file))]
    return _some(faults, f"of the first {min(len(files), LOOKED_AT)} test images")


def overlap_faults(config: Config) -> Sequence[str]:
    """Whether images of the pool are test images, by content: those of the same name, and the
    first of the pool."""
    with ExitStack() as opened:
        try:
            files, connector = (
                test_files(config),
                opened.enter_context(closing(open_connector(config))),
            )
            if not files:
                return []
            stems = {file.image.stem for file in files}
            listed = list(islice(connector.images(), LISTED))
        except MaskloopError:
            return []  # said by the checks of the test set and of the labeling tool
        wanted = [one for one in listed if PurePosixPath(one.name).stem in stems][:LOOKED_AT]
        wanted += [one for one in listed[:LOOKED_AT] if one not in wanted]
        digests = {_sha256(file.image) for file in files[:LOOKED_AT]} - {None}
        same = [one.name for one in wanted if _digest(connector, one) in digests]
    if not same:
        return []
    return [
        f"[test] images = {config.test.images!r}: at least {len(same)} images of the pool are test "
        f"images, as {same[0]!r}; they are kept out of the pool and of training, and are measured; "
        f"take them out of the labeling project, or name other images in [test]"
    ]


def validation_faults(config: Config, launcher: Launcher) -> Sequence[str]:
    """Whether validation would leave nothing to train on, because all images are of its groups or
    are too alike."""
    with ExitStack() as opened:
        try:
            connector = opened.enter_context(closing(open_connector(config)))
            listed = list(islice(connector.images(), LISTED))
        except MaskloopError:
            return []  # said by the check of the labeling tool
        if len(listed) < 2:
            return []
        if faults := _budget_faults(config, len(listed)):
            return faults
        return _group_faults(config, listed) or _likeness_faults(
            config, connector, listed, launcher
        )


def _budget_faults(config: Config, images: int) -> Sequence[str]:
    """Validation is labeled first: a budget that it takes whole leaves no label to train on."""
    wanted, budget = _wanted(config, images), config.loop.budget_labels
    if budget > wanted:
        return []
    return [
        f"[loop] budget_labels = {budget}: expected more than the {wanted} images of validation, "
        f"which are labeled first: no label would be left to train on; raise it, or lower "
        f"[validation] min_images and share before the first run"
    ]


def _wanted(config: Config, images: int) -> int:
    """How many of so many images would be validation."""
    settings = config.validation
    return validation_size(
        images, share=settings.share, at_least=settings.min_images, at_most=settings.max_images
    )


def _group_faults(config: Config, listed: Sequence[FoundImage]) -> Sequence[str]:
    pattern = config.validation.group_by
    if not pattern:
        return []
    if not any(has_group(one.name, pattern) for one in listed):
        return [
            f"[validation] group_by = {pattern!r} matches none of {len(listed)} names, as "
            f"{listed[0].name!r}: each image would be a group of its own, and images of one video "
            f"or field would be on both sides; correct the pattern, or delete the line"
        ]
    groups: dict[str, int] = {}
    for one in listed:
        name = group_of(one.name, pattern)
        groups[name] = groups.get(name, 0) + 1
    wanted = _wanted(config, len(listed))
    largest = sum(sorted(groups.values(), reverse=True)[1:])
    if len(groups) > 1 and largest >= wanted:
        return []
    return [
        f"[validation] group_by = {pattern!r} makes {len(groups)} groups of {len(listed)} images: "
        f"validation takes whole groups until they hold {wanted} images, and may leave none to "
        f"train on; write a pattern that makes more groups, or lower [validation] min_images"
    ]


def _likeness_faults(
    config: Config, connector: Connector, listed: Sequence[FoundImage], launcher: Launcher
) -> Sequence[str]:
    """From a sample, spread over the list."""
    step = max(1, len(listed) // SAMPLED)
    with tempfile.TemporaryDirectory(prefix="maskloop-check-") as folder:
        files = _copied(connector, islice(listed[::step], SAMPLED), Path(folder))
        if len(files) < 2:
            return []
        vectors = _embedded(config, files, Path(folder) / "run", launcher)
    if vectors is None:
        return []  # said by the check of the device and the weights
    alike = vectors @ vectors.T
    least, limit = float(alike.min()), config.selection.duplicate_similarity
    if least < limit:
        return []
    higher = f"raise it above {least:.4f}, or add" if least < HIGHEST else "add"
    return [
        f"all of {len(files)} images that were compared are near-duplicates of each other: their "
        f"similarities are {least:.4f} and more, and [selection] duplicate_similarity = {limit} "
        f"leaves near-duplicates of validation out of training: nothing would be left to train "
        f"on; {higher} images of other scenes"
    ]


def _embedded(
    config: Config, files: Sequence[ImageFile], path: Path, launcher: Launcher
) -> FloatArray | None:
    run, training = RunFolder(path), config.training
    run.write_request(
        EmbedRequest(
            classes=config.classes.names,
            device=training.device,
            threads=training.threads,
            settings={"preset": training.preset, **training.settings},
            images=tuple(files),
        )
    )
    deadline = time.monotonic() + SAMPLE_S
    try:
        while not launcher.advance(run, "embed"):
            if time.monotonic() > deadline:
                return None
            time.sleep(0.2)
        return run.read_scores().embeddings
    except MaskloopError:
        return None
    finally:
        launcher.stop()


def _copied(
    connector: Connector, images: Iterable[FoundImage], folder: Path
) -> Sequence[ImageFile]:
    """The images that can be read, as files of their own."""
    files = []
    for place, image in enumerate(images):
        content = _tried(_whole, connector, image)
        if content is None:
            continue
        path = folder / str(place)
        path.write_bytes(content)
        files.append(ImageFile(id=place, image=path))
    return files


def _whole(connector: Connector, image: FoundImage) -> bytes:
    content = connector.read(image)
    inspect(content, where=image.name)
    return content


def _tried(
    read: Callable[[Connector, FoundImage], bytes], connector: Connector, image: FoundImage
) -> bytes | None:
    """The bytes of an image, None where they cannot be used: the check of the images says why."""
    try:
        with Intake().one(image.name, expected="an image", cure="see the check of the images"):
            return read(connector, image)
    except MaskloopError:
        pass  # said by the check of the labeling tool
    return None


def _fault_of(config: Config, file: LabeledFile) -> str:
    """What is wrong with a test image or its mask, "" for nothing."""
    try:
        looked = inspect(
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
    size, classes = (looked.height_px, looked.width_px), len(config.classes.names)
    if mask.ndim != 2 or mask.dtype != np.uint8:
        return f"mask {file.mask}: got mode {mode}; expected 8-bit class indices; convert it"
    if mask.shape != size:
        return f"mask {file.mask}: got the size {mask.shape}; expected that of its image, {size}"
    unknown = [int(value) for value in np.unique(mask) if value >= classes and value != IGNORE]
    if unknown:
        return (
            f"mask {file.mask}: got the values {unknown[:NAMED]}; expected 0 to {classes - 1} or "
            f"{IGNORE}; correct the mask, or name all classes in [classes] names"
        )
    return ""


def _some(faults: Sequence[str], of_what: str) -> Sequence[str]:
    """The first faults, and how many there are."""
    if len(faults) <= NAMED:
        return faults
    return [*faults[:NAMED], f"{len(faults) - NAMED} more {of_what}"]


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(read_file(path)).hexdigest()
    except ImageRefused:
        return None  # said by the check of the test set


def _digest(connector: Connector, image: FoundImage) -> str | None:
    content = _tried(lambda tool, one: tool.read(one), connector, image)
    return None if content is None else hashlib.sha256(content).hexdigest()

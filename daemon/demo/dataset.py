"""The data set of a demo: the synthetic field, or a user's own images and masks.

Layout: images/NAME.jpg, masks/NAME.png (8 bits, one class index a pixel, 255 = ignore),
splits.json {"pool": [NAME], "test": [NAME]}, classes.json ["background", ...] or classes.txt.
Label Studio gets the images of `pool` only; those of `test` measure the model.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from daemon import pixels
from daemon.config.name_lists import read_class_names, read_lists
from daemon.config.sections import Classes
from daemon.demo.field import write_field
from daemon.demo.truth import pair_masks, read_mask
from daemon.domain import IGNORE, ClassSet
from daemon.domain.errors import DemoFailed, ImageRefused
from daemon.pixels.folders import PictureFolder
from daemon.pixels.headers import EXPECTED
from daemon.runs.durable import write_json

FIELD_SEED = 20
FIELD_POOL, FIELD_TEST = 160, 40
MIN_IMAGES = 12
MAX_CLASSES = 64  # a button each; 28 labels would not hold most of more
IGNORE_LABEL = "unsure"
COMPLETE_FILE = "complete"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Images and their true masks. pool: image files; test: names without extension; each has
    masks/NAME.png. left_out: images without a mask."""

    images: Path
    masks: Path
    classes: ClassSet
    pool: tuple[Path, ...]
    test: tuple[str, ...]
    left_out: int = 0


def field_dataset(folder: Path) -> Dataset:
    """The synthetic field in `folder`, which is rendered the first time (about 15 s)."""
    if not (folder / COMPLETE_FILE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        write_field(folder, np.random.default_rng(FIELD_SEED), FIELD_POOL, FIELD_TEST)
        (folder / COMPLETE_FILE).touch()
    return own_dataset(folder / "images", folder / "masks", folder / "splits.json", ())


def own_dataset(
    images: Path, masks: Path, splits: Path | None, class_names: Sequence[str]
) -> Dataset:
    """A user's own data set; every file is checked. Raises DemoFailed with the first faults.

    class_names: by class index; empty: those of classes.json or classes.txt beside the folders.
    """
    by_name = images_by_name(images)
    pool, test = _split(by_name, splits)
    return checked_dataset(by_name, masks, pool, test, class_names)


def checked_dataset(
    by_name: Mapping[str, Path],
    masks: Path,
    pool: Sequence[str],
    test: Sequence[str],
    class_names: Sequence[str],
) -> Dataset:
    """The data set with these names in pool and test. Raises DemoFailed with the first faults."""
    images = next(iter(by_name.values())).parent
    if len(pool) < MIN_IMAGES:
        raise DemoFailed(
            f"{images}: {len(pool)} of {len(by_name)} images are in the pool (labeled, and not "
            f"held out), expected {MIN_IMAGES} or more; the demo needs some for validation, some "
            f"for a first batch and some to choose from"
        )
    pairs = pair_masks([by_name[name] for name in (*pool, *test)], masks)
    highest, has_ignore = _highest_class(pairs.items())
    names = tuple(class_names) or _names_of_file(images.parent) or _default_names(highest)
    if highest >= len(names):
        raise DemoFailed(
            f"{masks}: a mask holds the value {highest}, but there are {len(names)} classes"
            f" ({', '.join(names)}), values 0 to {len(names) - 1}; name all with --classes"
        )
    if len(names) > MAX_CLASSES:
        raise DemoFailed(
            f"{masks}: {len(names)} classes, expected at most {MAX_CLASSES}; merge or ignore some:"
            f" maskloop import {images.parent} --out DIR --classes map.toml"
        )
    return Dataset(
        images=images.resolve(),
        masks=masks.resolve(),
        classes=ClassSet(names=names, ignore_label=_ignore_label(names) if has_ignore else ""),
        pool=tuple(by_name[name] for name in pool),
        test=tuple(test),
    )


def _ignore_label(names: Sequence[str]) -> str:
    """A name for pixels of 255 that no class has."""
    found = IGNORE_LABEL
    while found.lower() in {name.lower() for name in names}:
        found = f"{found} (255)"
    return found


def copy_pool(dataset: Dataset, folder: Path) -> None:
    """Copy the images of the pool to where Label Studio may read them, but for existing ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for image in dataset.pool:
        target = folder / image.name
        if not target.exists():
            part = target.with_name(f".{image.name}.part")
            shutil.copyfile(image, part)
            part.replace(target)


def write_test_list(dataset: Dataset, path: Path) -> None:
    """Write the names of the test images into the file that config.toml names."""
    write_json(path, {"test": list(dataset.test)})


def images_by_name(folder: Path) -> dict[str, Path]:
    """Name without extension -> picture of a folder. Raises DemoFailed."""
    if not folder.is_dir():
        raise DemoFailed(f"{folder}: no such folder; name the folder of the images")
    listing = PictureFolder(folder, deep=False).listing()
    images = [folder / name for name in listing.pictures]
    by_name = {path.stem: path for path in images}
    if not images:
        others = f", but {len(listing.left_out)} other files" if listing.left_out else ""
        raise DemoFailed(f"{folder}: no images in it{others}; expected pictures: {EXPECTED}")
    if len(by_name) < len(images):
        same = [path.name for path in images if by_name[path.stem] != path]
        raise DemoFailed(
            f"{folder}: images with the same name but another extension: {same[:3]}; rename them"
        )
    return by_name


def _split(by_name: dict[str, Path], splits: Path | None) -> tuple[list[str], list[str]]:
    if splits is None:
        return sorted(by_name), []
    try:
        lists = read_lists(splits)
        pool, test = lists["pool"], lists.get("test", [])
    except (ValueError, KeyError) as exc:
        raise DemoFailed(
            f"{splits}: cannot be read: {exc}; expected {{'pool': [NAME], 'test': [NAME]}}"
        ) from exc
    unknown = [name for name in (*pool, *test) if name not in by_name]
    if unknown:
        raise DemoFailed(f"{splits}: {len(unknown)} names have no image, first {unknown[0]!r}")
    if shared := sorted(set(pool) & set(test)):
        raise DemoFailed(
            f"{splits}: {len(shared)} names are in pool and in test, first {shared[0]!r}"
        )
    return pool, test


def _highest_class(pairs: Iterable[tuple[Path, Path]]) -> tuple[int, bool]:
    """The highest class index in all masks, and whether any pixel has the value IGNORE."""
    counts = np.zeros(256, dtype=np.int64)
    for image, mask in pairs:
        values = read_mask(mask)
        height, width = _size(image)
        if (height, width) != values.shape:
            raise DemoFailed(
                f"mask {mask}: {values.shape[1]}x{values.shape[0]} pixels, but its image has"
                f" {width}x{height}; make them the same size"
            )
        counts += np.bincount(values.ravel(), minlength=256)
    return int(np.flatnonzero(counts[:IGNORE]).max(initial=0)), bool(counts[IGNORE])


def _size(image: Path) -> tuple[int, int]:
    try:
        return pixels.size_of(image)
    except ImageRefused as exc:
        raise DemoFailed(str(exc)) from exc


def _names_of_file(folder: Path) -> tuple[str, ...]:
    for name in ("classes.json", "classes.txt"):
        if (folder / name).is_file():
            try:
                return read_class_names(str(folder / name))
            except ValueError as exc:
                raise DemoFailed(f"{exc}; correct the file, or give --classes") from exc
    return ()


def _default_names(highest: int) -> tuple[str, ...]:
    """The default of config.toml if it has as many names, else class_0, class_1, ..."""
    default = Classes().names
    if highest + 1 == len(default):
        return default
    return tuple(f"class_{value}" for value in range(max(2, highest + 1)))

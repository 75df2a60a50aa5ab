"""Plain folders: images by id, their masks, lists of ids, class names.

An id is the name of an image file without its extension; its mask is ID.png.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from daemon.config.name_lists import read_class_names, read_list
from daemon.domain import IGNORE
from daemon.domain.errors import ExperimentRefused
from daemon.pixels.folders import Listing, PictureFolder
from daemon.pixels.masks import MaskUnusable, read_mask, values_of
from daemon.rules.validation_split import group_of
from daemon.runs.checksums import sha256_of
from daemon.runs.run_folder import ImageFile, LabeledFile


@dataclass(frozen=True, kw_only=True)
class Folders:
    """images: id -> file, sorted by id. masks: the folder that holds ID.png."""

    images: Mapping[str, Path]
    masks: Path

    def mask(self, name: str) -> Path:
        """The path of the mask of an image; it need not exist."""
        return self.masks / f"{name}.png"

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number by which a run knows an image: its position."""
        return {name: row for row, name in enumerate(self.images)}

    def image_files(self, names: Iterable[str]) -> tuple[ImageFile, ...]:
        """Images as a run is asked for them."""
        return tuple(ImageFile(id=self.numbers[name], image=self.images[name]) for name in names)

    def labeled_files(self, names: Iterable[str], group_by: str = "") -> tuple[LabeledFile, ...]:
        """The same with their masks, which need not exist. group_by: a pattern whose first group
        names the group of an image; "": there are none."""
        return tuple(
            LabeledFile(
                id=self.numbers[name],
                image=self.images[name],
                mask=self.mask(name),
                group=group_of(name, group_by) if group_by else "",
            )
            for name in names
        )


def read_folders(images: Path, masks: Path) -> Folders:
    """List the images of a folder.

    Raises ExperimentRefused for a folder that is missing or holds no image, and for two images with
    the same id.
    """
    for folder in (images, masks):
        if not folder.is_dir():
            raise ExperimentRefused(
                f"{folder}: no such folder; name the one of the images or masks"
            )
    return Folders(images=images_by_id(images), masks=masks)


def images_by_id(images: Path) -> dict[str, Path]:
    """Id -> file of the images of a folder, sorted by id.

    Raises ExperimentRefused for a folder that is missing or holds no image, and for two images with
    the same id.
    """
    if not images.is_dir():
        raise ExperimentRefused(f"{images}: no such folder; name the one of the images")
    listing = PictureFolder(images, shown_in_browser=False, deep=False).listing()
    paths = [images / name for name in listing.pictures]
    by_id = {path.stem: path for path in paths}
    if not paths:
        raise ExperimentRefused(
            f"{images}: no images{_other_files(listing)}; expected PNG, JPEG or another such format"
        )
    if len(by_id) < len(paths):
        second = next(path for path in paths if by_id[path.stem] != path)
        raise ExperimentRefused(
            f"{images}: {second.name} and {by_id[second.stem].name} have the same id; rename one"
        )
    return dict(sorted(by_id.items()))


def _other_files(listing: Listing) -> str:
    """What the folder holds instead of images."""
    first = next(iter(listing.left_out), None)
    return f", but {len(listing.left_out)} other files, such as {first}" if first else ""


def read_ids(text: str, folders: Folders, option: str) -> tuple[str, ...]:
    """The ids of FILE or of splits.json:NAME, without repeats, in the order of the file.

    Raises ExperimentRefused for a file that cannot be read and for an id without an image.
    """
    return read_listed(text, folders.images, option)


def read_listed(text: str, images: Mapping[str, Path], option: str) -> tuple[str, ...]:
    """The same for images by id."""
    ids = tuple(dict.fromkeys(_read_list(text, option)))
    unknown = [name for name in ids if name not in images]
    if unknown:
        raise ExperimentRefused(
            f"{option} {text}: {len(unknown)} of {len(ids)} ids have no image, first "
            f"{unknown[0]!r}; expected names of images without their extension, such as "
            f"{next(iter(images))!r}"
        )
    return ids


def _read_list(text: str, option: str) -> Sequence[str]:
    try:
        return read_list(text)
    except ValueError as exc:
        raise ExperimentRefused(
            f"{option} {text}: cannot be read: {exc}; expected a file with one id a line, or "
            f"splits.json:NAME"
        ) from exc


def find_copies(originals: Iterable[Path], candidates: Iterable[Path]) -> dict[Path, Path]:
    """Candidate -> the original with the same bytes, for those that have one.

    Only files of equal size are read.
    """
    by_size: dict[int, list[Path]] = {}
    for path in originals:
        by_size.setdefault(path.stat().st_size, []).append(path)
    digests: dict[int, dict[str, Path]] = {}
    copies = {}
    for path in candidates:
        size = path.stat().st_size
        if size in by_size and size not in digests:
            digests[size] = {sha256_of(original): original for original in by_size[size]}
        original = digests.get(size) and digests[size].get(sha256_of(path))
        if original:
            copies[path] = original
    return copies


def class_names(named: Sequence[str], folders: Folders, labeled: Sequence[str]) -> tuple[str, ...]:
    """The given names, else those of classes.txt or classes.json, else "0" to the highest index.

    named: from the command line, may be empty. labeled: ids; only their masks are opened. Raises
    ExperimentRefused for repeated names, for too few or too many, and for an index without a name.
    """
    names = tuple(named) or _names_of_file(folders)
    highest, where = _highest_class(folders, labeled)
    names = names or tuple(str(value) for value in range(max(2, highest + 1)))
    if len(set(names)) != len(names) or not 2 <= len(names) <= IGNORE:
        raise ExperimentRefused(
            f"--classes {','.join(names)}: expected 2 to {IGNORE} different names"
        )
    if highest >= len(names):
        raise ExperimentRefused(
            f"{where}: holds the value {highest}, but {', '.join(names)} are the values 0 to "
            f"{len(names) - 1}; name all classes with --classes, or correct the mask"
        )
    return names


def _names_of_file(folders: Folders) -> tuple[str, ...]:
    for folder in (folders.masks, folders.masks.parent):
        for name in ("classes.txt", "classes.json"):
            if (folder / name).is_file():
                try:
                    return read_class_names(str(folder / name))
                except ValueError as exc:
                    raise ExperimentRefused(
                        f"{exc}; correct the file, or name the classes with --classes"
                    ) from exc
    return ()


def _highest_class(folders: Folders, labeled: Sequence[str]) -> tuple[int, Path]:
    """The highest class index in the masks of these ids, and a mask that holds it."""
    highest, where = -1, folders.masks
    for name in labeled:
        path = folders.mask(name)
        try:
            values = values_of(read_mask(path, where=str(path)))
        except MaskUnusable as exc:
            raise ExperimentRefused(str(exc)) from exc
        most = max((value for value in values if value != IGNORE), default=0)
        if most > highest:
            highest, where = most, path
    return highest, where

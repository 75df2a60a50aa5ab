"""Folders of images and of masks: PNG with one class index a pixel, or one colour a class.

The names of the classes come from a table beside them (class_tables.py), else from the convention
of a published set (conventions.py); else a class is named after its value or its colour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from daemon.config.name_lists import read_list, read_lists
from daemon.datasets.formats import class_indices, colour_masks
from daemon.datasets.formats.class_tables import ClassTable, find_table
from daemon.datasets.formats.conventions import (
    VOC,
    VOC_BORDER,
    Colour,
    Convention,
    convention_of,
    voc_colour,
)
from daemon.datasets.formats.pairs import Pair, find_pairs
from daemon.datasets.samples import NO_LABEL, Labels, Sample, Source, Trust
from daemon.datasets.source_tree import Tree, stem_of
from daemon.domain import IGNORE, Fault
from daemon.domain.errors import DatasetRefused, MaskRefused

LOOKED_FOR = (
    "masks: PNG named like the images, in folders side by side such as images and masks, img_dir "
    "and ann_dir, JPEGImages and SegmentationClass, leftImg8bit and gtFine, train and trainannot"
)
_LISTS = "imagesets/segmentation/"
_COLOURED = ("RGB", "RGBA")
Read = Callable[[str], Labels]


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """How the masks of a source are read. read: path of a mask in the tree -> its labels."""

    format: str
    classes: tuple[str, ...]
    read: Read
    ignored: frozenset[str] = frozenset()


def recognize(tree: Tree, _: Trust) -> Source | None:
    """The source, where folders of the tree are images and masks; None where none are.

    Raises DatasetRefused where nothing can be made of the masks.
    """
    pairs = find_pairs(tree)
    masks = [pair for pair in pairs if pair.mask is not None]
    if not masks:
        return None
    reading = _reading(tree, masks)
    lists, faults = _lists(tree)
    return Source(
        format=reading.format,
        classes=reading.classes,
        ignored=reading.ignored,
        samples=tuple(_sample(pair, reading, lists) for pair in pairs),
        faults=faults,
    )


def _sample(pair: Pair, reading: _Reading, lists: Mapping[str, Sequence[str]]) -> Sample:
    name = _name(pair.image)
    mask = pair.mask
    return Sample(
        image=pair.image,
        labels=None if mask is None else lambda size: reading.read(mask),
        splits=tuple(lists.get(name, ())) or ((pair.split,) if pair.split else ()),
    )


def _reading(tree: Tree, pairs: Sequence[Pair]) -> _Reading:
    masks = [pair.mask for pair in pairs if pair.mask is not None]
    table = find_table(tree)
    convention = convention_of(_name(masks[0]), _name(pairs[0].image))
    mode = colour_masks.mode_of(tree.path(masks[0]))
    if table is not None and table.colours and mode in (*_COLOURED, "P"):
        return _coloured("colour-map PNG", tree, table.colours, table.names)
    if mode in _COLOURED:
        if convention is not None and convention.classes == VOC:
            return _voc_colours(tree)
        return _own_colours(tree, masks)
    return _indices(tree, masks, table, convention)


def _indices(
    tree: Tree, masks: Sequence[str], table: ClassTable | None, convention: Convention | None
) -> _Reading:
    found = class_indices.values_in(tree.path(mask) for mask in masks)
    highest = max((value for value in found if value != IGNORE), default=0)
    names: tuple[str, ...] = ()
    ignored, words = frozenset[str](), "class-index PNG"
    if table is not None:
        names = table.names
    elif convention is not None and highest < len(convention.classes):
        names, ignored = convention.classes, convention.ignored
        words = f"class-index PNG ({convention.name})"
    elif found == {0, IGNORE}:
        return _Reading(
            format="PNG of 0 and 255",
            classes=("background", "foreground"),
            read=lambda mask: class_indices.read_stencil(tree.path(mask), mask),
        )
    names = names or tuple(str(value) for value in range(max(2, highest + 1)))
    return _Reading(
        format=words,
        classes=names,
        ignored=ignored,
        read=lambda mask: class_indices.read(tree.path(mask), mask, len(names)),
    )


def _coloured(
    words: str, tree: Tree, colours: Mapping[Colour, int], names: tuple[str, ...]
) -> _Reading:
    table = colour_masks.lookup(colours)
    return _Reading(
        format=words,
        classes=names,
        read=lambda mask: colour_masks.read(tree.path(mask), mask, table),
    )


def _voc_colours(tree: Tree) -> _Reading:
    colours = {voc_colour(value): value for value in range(len(VOC))} | {VOC_BORDER: NO_LABEL}
    return _coloured("colour-map PNG (PASCAL VOC)", tree, colours, VOC)


def _own_colours(tree: Tree, masks: Iterable[str]) -> _Reading:
    """Classes named after their colours, black first. Raises DatasetRefused for too many."""
    found: set[Colour] = set()
    for mask in masks:
        try:
            found |= colour_masks.colours_in(tree.path(mask), mask)
        except MaskRefused:
            continue  # said when the mask is read for good
        if len(found) > colour_masks.MOST_COLOURS:
            raise DatasetRefused(
                f"{mask}: the masks up to here hold more than {colour_masks.MOST_COLOURS} colours; "
                f"expected one a class; save masks without smoothing, as PNG, or add class_dict.csv"
            )
    ordered = sorted(found)
    names = tuple(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in ordered)
    colours = {colour: value for value, colour in enumerate(ordered)}
    return _coloured("colour-map PNG without a table of classes", tree, colours, names)


def _lists(tree: Tree) -> tuple[dict[str, list[str]], tuple[Fault, ...]]:
    """Name of an image -> the lists that hold it: those of PASCAL VOC, or of a splits.json."""
    lists: dict[str, list[str]] = {}
    faults = []
    for path in (*tree.ending(".txt"), *tree.ending(".json")):
        try:
            found = _lists_in(tree, path)
        except ValueError as exc:
            cure = "correct the file"
            faults.append(Fault(where=path, got=str(exc), expected="lists of images", cure=cure))
            continue
        for title, names in found.items():
            for name in dict.fromkeys(names):
                lists.setdefault(name, []).append(title)
    return lists, tuple(faults)


def _lists_in(tree: Tree, path: str) -> Mapping[str, Sequence[str]]:
    """Lists by name; none for another file. Raises ValueError."""
    folder, _, file = path.rpartition("/")
    if file.lower().endswith(".txt") and f"{folder.lower()}/".endswith(_LISTS):
        return {stem_of(file): read_list(str(tree.path(path)))}
    if file.lower() == "splits.json":
        return read_lists(tree.path(path))
    return {}


def _name(path: str) -> str:
    return stem_of(path.rpartition("/")[2])

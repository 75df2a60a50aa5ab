"""YOLO segmentation (Ultralytics): images/..., labels/... with a .txt for each image, data.yaml.

data.yaml names classes and splits; without it classes.txt or obj.names do, else the classes are
numbers. An image without a label file shows no object. As Ultralytics does it, the smaller of two
objects is on top.

Where every object of the source has exactly four corners and some are turned, they are taken for
turned boxes, unless data.yaml says `task: segment`, as ours does: boxes are no masks.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from daemon.config.name_lists import read_list
from daemon.datasets.annotated_images import AnnotatedImage, guarded, samples_of
from daemon.datasets.formats.pairs import split_of_folders
from daemon.datasets.formats.yolo_labels import (
    YoloObject,
    corner_count,
    is_slanted,
    parsed,
    pixels_of,
    read_lines,
)
from daemon.datasets.formats.yolo_yaml import YoloYaml, read_yolo_yaml
from daemon.datasets.painting import Canvas, Outline
from daemon.datasets.samples import BACKGROUND, LabelsUnusable, Source, Trust
from daemon.datasets.source_tree import Tree, stem_of
from daemon.domain import Fault
from daemon.domain.errors import DatasetRefused
from daemon.domain.formatting import short_repr

LOOKED_FOR = "YOLO segmentation: images and labels side by side, a .txt for each image; data.yaml"
NAMES = ("classes.txt", "obj.names")
TURNED_BOXES = (
    "every object of the source has exactly four corners, as turned boxes have; if they are masks, "
    "import with --boxes-as-masks"
)
_EXPECTED = "a class index and a polygon in shares of width and height"


def recognize(tree: Tree, trust: Trust) -> Source | None:
    """The source, where label files of pictures are YOLO's; None where none are.

    Raises DatasetRefused for a set of poses, LabelsUnusable for a broken data.yaml.
    """
    texts = frozenset(tree.ending(".txt"))
    label_of = {path: found for path in tree.pictures if (found := _label_file(path)) in texts}
    if not any(_is_label(tree, file) for file in label_of.values()):
        return None
    described = next(_yamls(tree), None)
    if described is not None and described[1].keypoints:
        raise DatasetRefused(f"{described[0]}: got a set of poses; expected masks of objects")
    return _Reader(tree, trust, label_of).source(described)


def _label_file(image: str) -> str:
    """Where the labels of an image lie: in the folder labels beside the last folder images."""
    folders = image.split("/")[:-1]
    for at in reversed(range(len(folders))):
        if folders[at] == "images":
            folders[at] = "labels"
            break
    return "/".join([*folders, f"{stem_of(image.rpartition('/')[2])}.txt"])


def _is_label(tree: Tree, file: str) -> bool:
    try:
        lines = read_lines(tree.path(file), file)
        return bool(lines) and parsed(lines[0], 1) is not None
    except (ValueError, LabelsUnusable):
        return False


def _yamls(tree: Tree) -> Iterator[tuple[str, YoloYaml]]:
    """The files that name classes, nearest to the root first. Raises LabelsUnusable."""
    files = (*tree.ending(".yaml"), *tree.ending(".yml"))
    for name in sorted(files, key=lambda name: (name.count("/"), name)):
        found = read_yolo_yaml(tree.path(name), name)
        if found is not None:
            yield name, found


@dataclass
class _Reader:
    """Reads the label files of a tree. label_of: picture -> its label file."""

    tree: Tree
    trust: Trust
    label_of: Mapping[str, str]
    faults: list[Fault] = field(default_factory=list)
    highest: int = 0
    corners: set[int] = field(default_factory=set)
    any_slanted: bool = False

    def source(self, described: tuple[str, YoloYaml] | None) -> Source:
        """All images of the folders that hold labeled ones, or that data.yaml names."""
        listed = self._listed(*described) if described else {}
        folders = {path.rpartition("/")[0] for path in self.label_of}
        images = [
            path
            for path in self.tree.pictures
            if path in listed or path.rpartition("/")[0] in folders
        ]
        counts = {path: self._count(path) for path in images}
        says_masks = described is not None and described[1].says_masks
        turned = self.corners == {4} and self.any_slanted and not says_masks
        names = described[1].names if described else self._names()
        titles = {**{at: str(at) for at in range(self.highest + 1 if not names else 0)}, **names}
        values: dict[str, int] = {BACKGROUND: 0}
        by_index = {at: values.setdefault(name, len(values)) for at, name in titles.items()}
        annotated = [
            AnnotatedImage(
                where=self.label_of.get(path, path),
                image=path,
                stated=None,
                objects=counts[path],
                outlines=self._outlines(path, by_index, turned=turned),
                splits=tuple(listed.get(path, ())) or split_of_folders(path),
            )
            for path in images
        ]
        return Source(
            format="YOLO segmentation",
            classes=tuple(values),
            samples=samples_of(annotated, self.trust),
            faults=tuple(self.faults),
        )

    def _count(self, path: str) -> int:
        """How many objects an image has; one for a file that cannot be read."""
        file = self.label_of.get(path)
        if file is None:
            return 0
        try:
            lines = read_lines(self.tree.path(file), file)
        except LabelsUnusable:
            return 1
        for line in lines:
            index = line.split()[0]
            if index.isdecimal() and len(index) < 6:
                self.highest = max(self.highest, int(index))
            self.corners.add(corner_count(line))
            if not self.any_slanted and self.corners == {4}:
                self.any_slanted = is_slanted(line)
        return len(lines)

    def _names(self) -> dict[int, str]:
        """Names of a list beside the labels; {} without one."""
        found = [one for one in self.tree.others if one.rpartition("/")[2].lower() in NAMES]
        for name in sorted(found, key=lambda name: name.count("/")):
            try:
                return dict(enumerate(read_list(str(self.tree.path(name)))))
            except ValueError as exc:
                cure, expected = "correct the file", "names of classes"
                self.faults.append(Fault(where=name, got=str(exc), expected=expected, cure=cure))
        return {}

    def _listed(self, name: str, described: YoloYaml) -> dict[str, list[str]]:
        """Picture -> the splits that data.yaml puts it on."""
        found: dict[str, list[str]] = {}
        folder = name.rpartition("/")[0]
        for split, entries in described.splits.items():
            for entry in entries:
                pictures = self._pictures(folder, described.root, entry)
                if not pictures:
                    got, cure = f"{entry!r} with no picture", "add the images, or correct the entry"
                    where = f"{name}, {split}"
                    expected = "a folder or a list of images"
                    self.faults.append(Fault(where=where, got=got, expected=expected, cure=cure))
                for picture in pictures:
                    found.setdefault(picture, []).append(split)
        return found

    def _pictures(self, folder: str, root: str, entry: str) -> list[str]:
        """The pictures that an entry of data.yaml means, wherever its author had them."""
        for path in _places(folder, root, entry):
            if path.lower().endswith(".txt"):
                if path in self.tree.others_listed:
                    return self._of_list(path)
                continue
            if path in self.tree.kinds:
                return [path]
            start = f"{path}/" if path else ""
            if found := [one for one in self.tree.pictures if one.startswith(start)]:
                return found
        return []

    def _of_list(self, path: str) -> list[str]:
        """The pictures that a .txt file lists."""
        folder = path.rpartition("/")[0]
        try:
            lines = read_lines(self.tree.path(path), path)
        except LabelsUnusable as exc:
            self.faults.append(exc.fault)
            return []
        found = []
        for line in map(str.strip, lines):
            places = (one for one in _places(folder, "", line) if one in self.tree.kinds)
            picture = next(places, None) or self.tree.picture_like(line)
            if picture is None:
                got, cure = f"{short_repr(line)}, no such picture", "add it, or correct the list"
                self.faults.append(Fault(where=path, got=got, expected="one", cure=cure))
            else:
                found.append(picture)
        return found

    def _outlines(
        self, path: str, by_index: Mapping[int, int], *, turned: bool
    ) -> Callable[[Canvas], list[Outline]]:
        """turned: whether the objects are turned boxes."""
        file = self.label_of.get(path)

        def outlines(_: Canvas) -> list[Outline]:
            if file is None:
                return []
            objects = _objects(read_lines(self.tree.path(file), file), file)
            drawn = (_outline(one, by_index, file) for one in objects)
            words = TURNED_BOXES if turned else ""
            return [replace(one, is_box=turned or one.is_box, box_words=words) for one in drawn]

        return outlines


def _objects(lines: Sequence[str], file: str) -> list[YoloObject]:
    """The objects, the largest first. Raises LabelsUnusable."""
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(parsed(line, number))
        except ValueError as exc:
            where = f"{file}, line {number}"
            raise LabelsUnusable(where, str(exc), _EXPECTED, "correct the line") from exc
    return sorted(found, key=lambda one: -one.area)


def _outline(one: YoloObject, by_index: Mapping[int, int], file: str) -> Outline:
    where = f"{file}, line {one.number}"
    if one.index not in by_index:
        got, expected = f"the class {one.index}", "an index that data.yaml names"
        raise LabelsUnusable(where, got, expected, "name the class, or correct the line")
    return Outline(
        value=by_index[one.index],
        pixels=guarded(where, _EXPECTED, lambda canvas: pixels_of(one, canvas.size)),
        is_box=one.is_box,
        by_machine=one.by_machine,
    )


def _places(folder: str, root: str, entry: str) -> Iterator[str]:
    """Paths in the tree that an entry may mean: as written, else without the folders of its author.

    Roboflow writes ../train/images beside the folder train; notebooks write /content/data/train.
    """
    for base in (posixpath.join(folder, root), folder):
        path = posixpath.normpath(posixpath.join(base, entry.replace("\\", "/")))
        if not path.startswith(("/", "..")):
            yield "" if path == "." else path
    parts = [part for part in entry.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    for at in range(len(parts)):
        yield posixpath.join(folder, *parts[at:])

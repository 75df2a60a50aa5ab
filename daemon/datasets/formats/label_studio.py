"""Label Studio's JSON export: a list of tasks with annotations; regions as connectors/masks reads
them (bitmasks, brush, polygons, rectangles, ellipses), with its overlap rule.

The latest annotation of an image counts; a skipped one does not. A task without one is unlabeled,
unless machines are trusted: then its latest prediction is its label. What only a rectangle marks
has no label, unless boxes are trusted. An answer of points or open lines alone says of no pixel
what it is: the image is unlabeled. One of choices and words alone is background only, as for the
loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from connectors.masks.region_pixels import BITMASK
from connectors.masks.regions import Control, DecodedMask, decode
from daemon.datasets.formats.label_studio_answers import (
    answers_of,
    holds_area,
    is_box,
    latest_of,
    regions_of,
    says_no_pixel,
)
from daemon.datasets.json_files import head, read_json
from daemon.datasets.samples import (
    BACKGROUND,
    NO_LABEL,
    Count,
    Labels,
    LabelsUnusable,
    Repair,
    Sample,
    Source,
    Trust,
    Values,
)
from daemon.datasets.source_tree import Tree
from daemon.domain import IGNORE, ClassSet, Fault
from daemon.domain.errors import DatasetRefused
from daemon.domain.formatting import short_repr

LOOKED_FOR = "Label Studio: a .json export (the format JSON, not JSON-MIN) and its images"
_MARKS = (b'"annotations"', b'"completions"')
_UPLOAD = re.compile(r"^[0-9a-f]{8}-")  # that Label Studio puts before the name of an upload
_MOST_NAMES = IGNORE  # pixel values


def recognize(tree: Tree, trust: Trust) -> Source | None:
    """The source, where a file of the tree is an export; None where none is.

    Raises DatasetRefused for more classes than a mask can hold.
    """
    reader = _Reader(tree, trust)
    for name in tree.ending(".json"):
        start = head(tree.path(name))
        if not start.startswith(b"[") or not any(mark in start for mark in _MARKS):
            continue
        try:
            content = read_json(tree.path(name), name)
        except LabelsUnusable as exc:
            reader.faults.append(exc.fault)
            continue
        if isinstance(content, list) and any(_is_task(task) for task in content):
            reader.read(name, content)
    return reader.source() if reader.files else None


def _is_task(task: object) -> bool:
    return (
        isinstance(task, dict)
        and isinstance(task.get("data"), dict)
        and answers_of(task) is not None
    )


@dataclass(frozen=True, kw_only=True)
class _Task:
    """A task with its picture. result: of the annotation that counts; None: unlabeled. replaced:
    earlier annotations. machine: regions of a prediction that counts."""

    where: str
    image: str
    result: list[Any] | None
    replaced: int = 0
    machine: int = 0


@dataclass
class _Reader:
    """What is gathered over the files."""

    tree: Tree
    trust: Trust
    files: int = 0
    faults: list[Fault] = field(default_factory=list)
    tasks: dict[str, _Task] = field(default_factory=dict)

    def read(self, name: str, tasks: Sequence[Any]) -> None:
        """Take the tasks of a file."""
        self.files += 1
        for number, task in enumerate(tasks):
            where = f"{name}, task {number}"
            if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
                self._fault(where, short_repr(task), "a task with data")
                continue
            where = f"{name}, task {short_repr(task.get('id', number), 40)}"
            image = next(filter(None, map(self._picture, _texts(task["data"]))), None)
            if image is None:
                named = short_repr(next(_texts(task["data"]), None))
                self._fault(where, f"no picture for {named}", "the images beside the export")
            elif image in self.tasks:
                self._fault(where, f"a second task for {image}", "one: the first was taken")
            else:
                self.tasks[image] = self._task(task, where, image)

    def source(self) -> Source:
        """All tasks as samples, read with the labels and tags that they use."""
        tasks = list(self.tasks.values())
        regions = [one for task in tasks for one in regions_of(task.result or [])]
        names = tuple(dict.fromkeys([BACKGROUND, *(one.label for one in regions)]))
        if len(names) > _MOST_NAMES:
            raise DatasetRefused(f"Label Studio: got {len(names)} labels; expected {_MOST_NAMES}")
        tags = tuple(dict.fromkeys((one.from_name, one.to_name, one.type) for one in regions))
        controls = [Control(from_name=a, to_name=b, type=c) for a, b, c in tags]
        reading = _Reading(
            trust=self.trust,
            classes=ClassSet(names=names),
            control=Control(
                from_name=controls[0].from_name if controls else "",
                to_name=controls[0].to_name if controls else "",
                type=controls[0].type if controls else BITMASK,
                others=tuple(controls[1:]),
            ),
        )
        return Source(
            format="Label Studio",
            classes=names,
            samples=[reading.sample(task) for task in tasks],
            faults=tuple(self.faults),
        )

    def _task(self, task: Mapping[str, Any], where: str, image: str) -> _Task:
        """The task with the result that counts."""
        result, replaced = latest_of(answers_of(task) or [])
        predictions = task.get("predictions")
        if result is None and self.trust.machine and isinstance(predictions, list):
            result, _ = latest_of(predictions)
            machine = len(result or ())
            return _Task(where=where, image=image, result=result, machine=machine)
        return _Task(where=where, image=image, result=result, replaced=replaced)

    def _picture(self, address: str) -> str | None:
        """The picture that an address of a task means, by the end of its path."""
        try:
            parts = urlsplit(address)
            named = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]
        except ValueError:
            return None
        folder, _, name = named.rpartition("/")
        plain = _UPLOAD.sub("", name)
        return self.tree.picture_like(named) or self.tree.picture_like(f"{folder}/{plain}")

    def _fault(self, where: str, got: str, expected: str) -> None:
        cure = "export again, with the images in the folder"
        self.faults.append(Fault(where=where, got=got, expected=expected, cure=cure))


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """The classes and the tags of all tasks."""

    trust: Trust
    classes: ClassSet
    control: Control

    def sample(self, task: _Task) -> Sample:
        """The sample of a task."""
        counts = {Repair.LATER_ANSWER: task.replaced, Repair.MACHINE: task.machine}
        repairs = [Count(repair=one, number=number) for one, number in counts.items() if number]
        result = task.result
        if result is None:
            return Sample(image=task.image, repairs=repairs, labels=None)
        if says_no_pixel(result):
            repairs.append(Count(repair=Repair.NO_AREA))
            return Sample(image=task.image, repairs=repairs, labels=None)
        return Sample(
            image=task.image,
            repairs=repairs,
            labels=lambda size: self._labels(task, result, size),
        )

    def _labels(self, task: _Task, result: list[Any], size: tuple[int, int]) -> Labels:
        """The mask of an annotation. Raises MaskRefused."""
        boxes = list(filter(is_box, result))
        if not boxes or self.trust.boxes:
            found = self._decoded(result, task, size)
            return Labels(values=_values(found), repairs=[*_repairs(found, result), *_boxes(boxes)])
        drawn = [one for one in result if holds_area(one) and not is_box(one)]
        without_area = [one for one in result if not holds_area(one)]
        found = self._decoded(drawn, task, size)
        marked = self._decoded([*boxes, *without_area], task, size)
        values = _values(found)
        values[(values == 0) & (marked.mask != self.classes.unlabeled)] = NO_LABEL
        unlabeled = Count(repair=Repair.BOX_UNLABELED, number=len(boxes))
        repairs = [*_repairs(found, result), *_left_out(marked), unlabeled]
        return Labels(values=values, repairs=repairs)

    def _decoded(self, result: list[Any], task: _Task, size: tuple[int, int]) -> DecodedMask:
        return decode(result, self.classes, self.control, size, task.where)


def _values(found: DecodedMask) -> Values:
    values = found.mask.astype(np.uint16)
    values[found.mask == IGNORE] = NO_LABEL
    return values


def _boxes(boxes: Sequence[Any]) -> list[Count]:
    return [Count(repair=Repair.BOX, number=len(boxes))] if boxes else []


def _repairs(found: DecodedMask, result: Sequence[Any]) -> Iterator[Count]:
    counts = {
        Repair.OVERLAP: found.overlap_px,
        Repair.CLIPPED: found.clipped,
        Repair.EMPTY: found.empty,
        Repair.BACKGROUND_ONLY: int(not result),
    }
    yield from (Count(repair=one, number=number) for one, number in counts.items() if number)
    yield from _left_out(found)


def _left_out(found: DecodedMask) -> Iterator[Count]:
    for kind, number in found.left_out.items():
        yield Count(repair=Repair.OTHER_GEOMETRY, number=number, detail=kind.value)


def _texts(fields: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a task, each of which may be the address of its image."""
    yield from (value for value in fields.values() if isinstance(value, str) and value)

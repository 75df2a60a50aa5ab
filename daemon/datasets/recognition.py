"""Which format a source has: told by its files, never by an option."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from daemon.datasets.formats import (
    coco,
    cvat,
    datumaro,
    label_studio,
    mask_folders,
    supervisely,
    yolo,
)
from daemon.datasets.formats.cvat_xml import read_cvat
from daemon.datasets.json_files import read_json
from daemon.datasets.samples import LabelsUnusable, Source, Trust
from daemon.datasets.source_tree import Tree
from daemon.domain import Fault
from daemon.domain.errors import DatasetRefused

MOST_BROKEN = 5  # files of a kind whose faults are said where no format is recognized


@dataclass(frozen=True, kw_only=True)
class Format:
    """How a format is told, in words and in deed."""

    looked_for: str
    recognize: Callable[[Tree, Trust], Source | None]


FORMATS: Sequence[Format] = (  # the first that fits is taken
    Format(looked_for=supervisely.LOOKED_FOR, recognize=supervisely.recognize),
    Format(looked_for=coco.LOOKED_FOR, recognize=coco.recognize),
    Format(looked_for=label_studio.LOOKED_FOR, recognize=label_studio.recognize),
    Format(looked_for=datumaro.LOOKED_FOR, recognize=datumaro.recognize),
    Format(looked_for=cvat.LOOKED_FOR, recognize=cvat.recognize),
    Format(looked_for=yolo.LOOKED_FOR, recognize=yolo.recognize),
    Format(looked_for=mask_folders.LOOKED_FOR, recognize=mask_folders.recognize),
)


def recognize(tree: Tree, trust: Trust) -> Source:
    """The source. Raises DatasetRefused that says what was looked for."""
    for one in FORMATS:
        try:
            found = one.recognize(tree, trust)
        except LabelsUnusable as exc:
            raise DatasetRefused(str(exc)) from exc
        if found is not None:
            return found
    broken = "".join(f"\n{fault}" for fault in _broken(tree))
    looked_for = "\n".join(f"  {one.looked_for}" for one in FORMATS)
    suffixes = sorted({name.rpartition(".")[2][:20] for name in tree.others if "." in name})
    raise DatasetRefused(
        f"{tree.root}: got {len(tree.pictures)} pictures and {len(tree.others)} other files "
        f"({', '.join(suffixes[:10]) or 'none'}); expected one of\n{looked_for}\nname the folder "
        f"that holds images and labels{broken}"
    )


def _broken(tree: Tree) -> Iterator[Fault]:
    """Why the first files that may be labels cannot be read, those that cannot."""
    for name in tree.ending(".json")[:MOST_BROKEN]:
        try:
            read_json(tree.path(name), name)
        except LabelsUnusable as exc:
            yield exc.fault
    for name in [one for one in tree.ending(".xml") if cvat.is_cvat(tree, one)][:MOST_BROKEN]:
        try:
            read_cvat(tree.path(name), name)
        except LabelsUnusable as exc:
            yield exc.fault

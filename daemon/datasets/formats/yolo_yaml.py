"""data.yaml of a YOLO data set: the names of the classes, and where each split lies.

Only plain YAML is read: an alias is refused, since aliases of aliases grow without bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from daemon.datasets.samples import LabelsUnusable
from daemon.domain.errors import ImageRefused
from daemon.domain.formatting import short_repr
from daemon.pixels.reader import read_file

MOST_BYTES = 2**18  # a thousand names take a sixth of it
MOST_DEPTH = 20
MOST_INDEX = 60_000
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where it was built
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class YoloYaml:
    """names: class index -> name. root: `path`, "" where there is none. splits: list -> folders, or
    .txt files that list images, as written. keypoints: whether the set is one of poses. says_masks:
    whether it says that its polygons are masks."""

    names: Mapping[int, str]
    root: str
    splits: Mapping[str, Sequence[str]]
    keypoints: bool
    says_masks: bool


def read_yolo_yaml(path: Path, where: str) -> YoloYaml | None:
    """Read a file; None where it is YAML of something else. Raises LabelsUnusable."""
    try:
        content = _plain(read_file(path, where=where, max_bytes=MOST_BYTES))
    except (yaml.YAMLError, ValueError, RecursionError, ImageRefused) as exc:
        got = f"no usable YAML: {' '.join(str(exc).split())}"[:300]
        raise LabelsUnusable(where, got, "a data.yaml of YOLO", "correct the file") from exc
    if not isinstance(content, dict) or "names" not in content:
        return None
    root = content.get("path")
    return YoloYaml(
        names=_names(content["names"], where),
        root=root if isinstance(root, str) else "",
        splits={name: _texts(content[name]) for name in SPLITS if content.get(name)},
        keypoints="kpt_shape" in content,
        says_masks=content.get("task") == "segment",
    )


def _plain(content: bytes) -> Any:
    """The content of YAML without aliases and deep nesting. Raises YAMLError and ValueError."""
    text, depth = content.decode("utf-8-sig"), 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.AliasEvent):
            depth = MOST_DEPTH
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth >= MOST_DEPTH:
            raise ValueError(f"an alias, or lists within lists, {MOST_DEPTH} deep")
    return yaml.load(text, Loader=LOADER)


def _names(value: object, where: str) -> dict[int, str]:
    """Names by index, of a list or a table. Raises LabelsUnusable."""
    pairs = list(enumerate(value)) if isinstance(value, list) else None
    if isinstance(value, dict):
        pairs = list(value.items())
    if pairs is None or not all(_is_pair(index, name) for index, name in pairs):
        expected = "a list of names, or index: name"
        raise LabelsUnusable(f"{where}, names", short_repr(value), expected, "correct the file")
    return {index: " ".join(str(name).split()) for index, name in sorted(pairs)}


def _is_pair(index: object, name: object) -> bool:
    return (
        isinstance(index, int)
        and not isinstance(index, bool)
        and 0 <= index < MOST_INDEX
        and isinstance(name, str | int)
        and bool(str(name).strip())
    )


def _texts(value: object) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, str)]

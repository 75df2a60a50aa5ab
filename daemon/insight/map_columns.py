"""The map of the images as columns of numbers, and these as one block of bytes for the page. Pure.

The block is: the length of the head (uint32, little endian), the head as JSON in UTF-8 (`MapHead`),
padded with spaces, then the columns one behind the other. Each begins at a multiple of eight bytes
and is little endian: a page reads it as a typed array where it lies. A million points take 21 MB.
"""

from __future__ import annotations

import enum
import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from daemon.insight.view_model import Count, ViewModel

MOST_SHARES = 12  # classes whose share is a column
ALIGNMENT = 8  # bytes
SUSPICION = "suspicion"  # name of a column
FORMAT = "maskloop-map-1"

IdArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]


class ImageState(enum.IntEnum):
    """What an image is now, as the column `state` says it."""

    POOL = 0
    ASKED = 1
    LABELED = 2
    VALIDATION = 3
    DROPPED = 4
    EXCLUDED = 5

    @property
    def words(self) -> str:
        """As the page says it."""
        return _STATE_WORDS[self]


_STATE_WORDS = {
    ImageState.POOL: "not asked yet",
    ImageState.ASKED: "asked, open",
    ImageState.LABELED: "labeled",
    ImageState.VALIDATION: "validation",
    ImageState.DROPPED: "asked, no label",
    ImageState.EXCLUDED: "excluded",
}


class FieldKind(enum.StrEnum):
    """How a column is shown: by names, by a scale, as a group, or not as a colour."""

    CATEGORY = "category"
    NUMBER = "number"
    GROUP = "group"
    IDENTITY = "identity"
    POSITION = "position"


class MapField(ViewModel):
    """One column of the block."""

    name: str
    """Of the column."""
    label: str
    """As the page says it."""
    kind: FieldKind
    """category: an index of `values`. number: NaN or -1 is not known. group: the lowest image id of
    near-duplicates, -1 for none. identity, position: no colour."""
    explanation: str
    """What the numbers mean."""


class MapColumn(MapField):
    """A column as it lies in the block."""

    type: str
    """uint8, int16, int32 or float16."""
    offset: Count
    """First byte, from the end of the head."""
    values: tuple[str, ...]
    """The names of a category, else empty."""
    low: float | None
    """Where the colours of a number begin: only 2 % of the images are below."""
    high: float | None
    """Where they end: only 2 % are above; of suspicion the highest."""


class MapHead(ViewModel):
    """What the block holds."""

    format: str
    points: Count
    run: str
    """Name of the map run."""
    scores: str
    """Name of the run whose scores are the colours; empty before any."""
    columns: tuple[MapColumn, ...]


@dataclass(frozen=True, kw_only=True)
class MapFacts:
    """What is known of the images on the map; row i of each array belongs to ids[i].

    ids: (N,) int64. positions: (N, 2) float32. state: (N,) of `ImageState`. cycle: (N,) int64, the
    one that asked for it last, -1 for none. arm: (N,) index of arms. group: (N,) int64, None where
    near-duplicates were not looked for. uncertainty: (N,) float32 in [0, 1], class_share: (N, C)
    float32; NaN where there is no score, None before any. classes: C names. suspicion: (N,)
    float32, the highest score of a finding in the label, NaN where no label was compared with a
    model; None before the first audit.
    """

    run: str
    scores: str
    ids: IdArray
    positions: FloatArray
    state: npt.NDArray[np.uint8]
    cycle: IdArray
    arm: npt.NDArray[np.uint8]
    arms: Sequence[str]
    group: IdArray | None
    uncertainty: FloatArray | None = None
    class_share: FloatArray | None = None
    classes: Sequence[str] = ()
    suspicion: FloatArray | None = None


def map_fields(
    classes: Sequence[str], *, scored: bool, grouped: bool, audited: bool = False
) -> tuple[MapField, ...]:
    """The columns that a map has, without their numbers. classes: that the scores know."""
    fields = [
        _field("id", "image", FieldKind.IDENTITY, "number of the image"),
        _field("x", "x", FieldKind.POSITION, "no unit, no meaning by itself"),
        _field("y", "y", FieldKind.POSITION, "no unit, no meaning by itself"),
        _field("state", "state", FieldKind.CATEGORY, "what the image is now"),
        _field("cycle", "cycle", FieldKind.NUMBER, "the cycle that asked for it last"),
        _field(
            "arm", "chosen by", FieldKind.CATEGORY, "who chose it: validation, random, strategy"
        ),
    ]
    if grouped:
        words = "images that look alike have one colour; grey: like no other"
        fields.append(_field("group", "near-duplicates", FieldKind.GROUP, words))
    if audited:
        words = "the highest score of a place in its label that an audit found; 0: nothing found"
        fields.append(_field(SUSPICION, "suspicion", FieldKind.NUMBER, words))
    if scored:
        words = "of the newest scores: mean entropy of the most uncertain 5 % of the pixels"
        fields.append(_field("uncertainty", "uncertainty", FieldKind.NUMBER, words))
    if scored and classes:
        words = "the class of most pixels, as predicted"
        fields.append(_field("main_class", "main class", FieldKind.CATEGORY, words))
        for number, name in enumerate(classes[:MOST_SHARES]):
            words = f"share of the pixels predicted as {name}"
            fields.append(_field(f"share_{number}", f"share of {name}", FieldKind.NUMBER, words))
    return tuple(fields)


def encoded(facts: MapFacts) -> bytes:
    """The block of bytes of a map."""
    arrays = _arrays(facts)
    fields = map_fields(
        facts.classes,
        scored=facts.uncertainty is not None,
        grouped=facts.group is not None,
        audited=facts.suspicion is not None,
    )
    columns, offset = [], 0
    for field in fields:
        array = arrays[field.name]
        low, high = _range(field, array)
        columns.append(
            MapColumn(
                **field.model_dump(),
                type=array.dtype.name,
                offset=offset,
                values=_values(field.name, facts),
                low=low,
                high=high,
            )
        )
        offset += _padded(array.nbytes)
    head = MapHead(
        format=FORMAT,
        points=len(facts.ids),
        run=facts.run,
        scores=facts.scores,
        columns=tuple(columns),
    )
    return _joined(head, [arrays[field.name] for field in fields])


def nearest(embeddings: FloatArray, vector: FloatArray, n: int) -> npt.NDArray[np.intp]:
    """The rows of the n embeddings (N, D) with the largest product with a vector (D,), the nearest
    first: (min(n, N),)."""
    products = embeddings @ vector
    n = min(n, len(products))
    some = np.argpartition(-products, n - 1)[:n] if n else np.empty(0, dtype=np.intp)
    order: npt.NDArray[np.intp] = some[np.lexsort((some, -products[some]))]
    return order


def _field(name: str, label: str, kind: FieldKind, explanation: str) -> MapField:
    return MapField(name=name, label=label, kind=kind, explanation=explanation)


def _arrays(facts: MapFacts) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {
        "id": facts.ids.astype("<i4"),
        "x": facts.positions[:, 0].astype("<f2"),
        "y": facts.positions[:, 1].astype("<f2"),
        "state": facts.state,
        "cycle": facts.cycle.astype("<i2"),
        "arm": facts.arm,
    }
    if facts.group is not None:
        arrays["group"] = facts.group.astype("<i4")
    if facts.suspicion is not None:
        arrays[SUSPICION] = facts.suspicion.astype("<f2")
    if facts.uncertainty is not None:
        arrays["uncertainty"] = facts.uncertainty.astype("<f2")
    if facts.class_share is not None:
        missing = np.asarray(np.isnan(facts.class_share).any(axis=1))
        main = np.where(missing[:, None], 0, facts.class_share).argmax(axis=1)
        arrays["main_class"] = np.where(missing, len(facts.classes), main).astype(np.uint8)
        for number in range(min(len(facts.classes), MOST_SHARES)):
            arrays[f"share_{number}"] = facts.class_share[:, number].astype("<f2")
    return arrays


def _values(name: str, facts: MapFacts) -> tuple[str, ...]:
    if name == "state":
        return tuple(state.words for state in ImageState)
    if name == "main_class":
        return (*facts.classes, "no score")
    return tuple(facts.arms) if name == "arm" else ()


def _range(field: MapField, array: npt.NDArray[Any]) -> tuple[float | None, float | None]:
    """Where the colours of a number begin and end; None, None without any."""
    if field.kind is not FieldKind.NUMBER:
        return None, None
    known = array[np.isfinite(array)] if array.dtype.kind == "f" else array[array >= 0]
    if not len(known):
        return None, None
    if array.dtype.kind != "f":
        return float(known.min()), float(known.max())
    if field.name == SUSPICION:  # most labels have none: percentiles would show nothing
        return 0.0, float(known.max()) or 1.0
    low, high = np.percentile(known.astype(np.float32), (2, 98))
    return float(low), float(high)


def _joined(head: MapHead, arrays: Sequence[npt.NDArray[Any]]) -> bytes:
    text = json.dumps(head.as_json(), ensure_ascii=False).encode()
    text += b" " * (-(len(text) + 4) % ALIGNMENT)
    parts = [struct.pack("<I", len(text)), text]
    for array in arrays:
        content = array.tobytes()
        parts += [content, bytes(_padded(len(content)) - len(content))]
    return b"".join(parts)


def _padded(size: int) -> int:
    return math.ceil(size / ALIGNMENT) * ALIGNMENT

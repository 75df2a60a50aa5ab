"""The draw of the validation images, and which images are too similar to them. Pure.

A hash of the content of an image decides, so that neither the order of a listing nor the arrival
of other images moves an image into or out of validation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import regex

from daemon.domain import Image
from daemon.domain.errors import ConfigError

FloatArray = npt.NDArray[np.float32]
IdArray = npt.NDArray[np.int64]
MATCH_S = 1.0  # longest match of a pattern on one name
BLOCK = 1024  # rows of the similarity matrix in memory at once


def validation_size(images: int, *, share: float, at_least: int, at_most: int) -> int:
    """The number of validation images: a share of all within bounds, at most half of all."""
    wanted = min(max(round(images * share), at_least), at_most)
    return min(wanted, images // 2)


def draw_validation(images: Sequence[Image], n: int, *, seed: int, group_by: str) -> set[int]:
    """The ids of n validation images, uniform by hash over images.

    With `group_by` (a regular expression on the name; group 1 is the group) whole groups are
    drawn first, by hash, until they hold n images; then n images uniform within them.
    """
    candidates = list(images)
    if group_by:
        candidates = _grouped(candidates, n, seed, group_by)
    ranked = sorted(candidates, key=lambda image: (_hash(seed, image.sha256), image.id))
    return {image.id for image in ranked[:n]}


def second_label_order(images: Sequence[Image], *, seed: int) -> list[Image]:
    """Validation images in the order in which they get a second label: by another hash than that
    of the draw, so that the first of them are a uniform sample of them."""
    return sorted(images, key=lambda image: (_hash(seed, f"second label:{image.sha256}"), image.id))


def group_mates(images: Sequence[Image], chosen: set[int], group_by: str) -> set[int]:
    """Ids of the images that share a group with a chosen one, the chosen left out."""
    groups = {group_of(image.name, group_by) for image in images if image.id in chosen}
    return {
        image.id
        for image in images
        if group_by and image.id not in chosen and group_of(image.name, group_by) in groups
    }


def group_of(name: str, group_by: str) -> str:
    """The group in an image's name; the whole name where the expression does not match.

    Raises ConfigError for an expression that takes more than `MATCH_S`.
    """
    return _matched(name, group_by) or name


def has_group(name: str, group_by: str) -> bool:
    """Whether the expression finds a group in the name. Raises ConfigError as `group_of` does."""
    return _matched(name, group_by) is not None


def _matched(name: str, group_by: str) -> str | None:
    try:
        found = regex.search(group_by, name, timeout=MATCH_S)
    except TimeoutError as exc:
        raise ConfigError(
            f"[validation] group_by = {group_by!r}: got no answer for the name {name!r} within "
            f"{MATCH_S:.0f} s; expected a pattern without repeats inside of repeats, as (a+)+"
        ) from exc
    if found is None:
        return None
    return str(found.group(1) or "") if found.re.groups else str(found.group(0))


def similar_to_any(
    ids: IdArray, embeddings: FloatArray, others: FloatArray, *, similarity: float
) -> dict[int, float]:
    """Ids whose cosine similarity to any of `others` (M, D) reaches the limit, with the highest.

    embeddings: (N, D), rows L2-normalised as `others` are.
    """
    if len(ids) == 0 or len(others) == 0:
        return {}
    found: dict[int, float] = {}
    for start in range(0, len(ids), BLOCK):
        nearest = (embeddings[start : start + BLOCK] @ others.T).max(axis=1)
        for row in np.flatnonzero(nearest >= similarity):
            found[int(ids[start + row])] = float(nearest[row])
    return found


def _grouped(images: list[Image], n: int, seed: int, group_by: str) -> list[Image]:
    groups: dict[str, list[Image]] = {}
    for image in images:
        groups.setdefault(group_of(image.name, group_by), []).append(image)
    chosen: list[Image] = []
    for name in sorted(groups, key=lambda name: (_hash(seed, name), name)):
        if len(chosen) >= n:
            break
        chosen += groups[name]
    return chosen


def _hash(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()


def stack_embeddings(ids: Sequence[int], table: Mapping[int, FloatArray]) -> FloatArray:
    """The embeddings of these ids, stacked: (len(ids), D); (0, 0) for none."""
    if not ids:
        return np.empty((0, 0), dtype=np.float32)
    return np.stack([table[image_id] for image_id in ids])

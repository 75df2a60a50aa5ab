"""Which image is labeled, validates, stays unlabeled or tests. Pure but for reading files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.folders import Folders, find_copies, read_ids
from daemon.experiment.options import ALL, NONE, Options

LABELS, VALIDATION = range(2)  # streams of the seed


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Ids by what they are for; none has two roles. copies: unlabeled ones left out as copies."""

    labeled: tuple[str, ...]
    validation: tuple[str, ...]
    unlabeled: tuple[str, ...]
    test: tuple[str, ...]
    copies: int = 0


def assign_roles(folders: Folders, options: Options) -> Roles:
    """Give each image its role; the same for the same seed, whatever the method.

    A smaller N draws a part of what a larger one draws. Raises ExperimentRefused.
    """
    test = _masked(read_ids(options.test, folders, "--test"), folders, "--test")
    listed = () if _count(options.val) is not None else _listed(options.val, folders, "--val")
    labeled = _labeled(folders, options, test, listed)
    for name, ids in (("--labeled", labeled), ("--val", listed)):
        _apart(name, ids, "--test", test, folders)
    _apart("--labeled", labeled, "--val", listed, folders)
    carved = _carved(labeled, _count(options.val), options.seed)
    labeled = tuple(name for name in labeled if name not in set(carved))
    validation = listed or carved
    _apart("--labeled", labeled, "--val", validation, folders)
    unlabeled, copies = _unlabeled(folders, options, {*labeled, *validation, *test})
    return Roles(
        labeled=labeled, validation=validation, unlabeled=unlabeled, test=test, copies=copies
    )


def _labeled(
    folders: Folders, options: Options, test: Sequence[str], validation: Sequence[str]
) -> tuple[str, ...]:
    count = _count(options.labeled)
    if count is None:
        return _masked(read_ids(options.labeled, folders, "--labeled"), folders, "--labeled")
    among: Sequence[str] = tuple(folders.images)
    if options.unlabeled not in (ALL, NONE):
        among = read_ids(options.unlabeled, folders, "--unlabeled")
    taken = {*test, *validation}
    free = sorted(n for n in among if n not in taken and folders.mask(n).is_file())
    if not 1 <= count <= len(free):
        raise ExperimentRefused(
            f"--labeled {count}: expected 1 to {len(free)}, which is how many images have a mask "
            f"and are in neither --test nor --val"
        )
    order = np.random.default_rng([options.seed, LABELS]).permutation(len(free))
    return tuple(free[row] for row in order[:count])


def _carved(labeled: Sequence[str], count: int | None, seed: int) -> tuple[str, ...]:
    if not count:
        return ()
    if count >= len(labeled):
        raise ExperimentRefused(
            f"--val {count}: expected fewer than the {len(labeled)} labeled images, which it is "
            f"taken from"
        )
    order = np.random.default_rng([seed, VALIDATION]).permutation(len(labeled))
    return tuple(labeled[row] for row in order[:count])


def _unlabeled(folders: Folders, options: Options, taken: set[str]) -> tuple[tuple[str, ...], int]:
    """The images without a role so far, and how many were left out as copies of one with."""
    if options.unlabeled == NONE:
        return (), 0
    among: Sequence[str] = tuple(folders.images)
    if options.unlabeled != ALL:
        among = read_ids(options.unlabeled, folders, "--unlabeled")
    free = [name for name in among if name not in taken]
    images = folders.images
    copies = find_copies((images[name] for name in taken), (images[name] for name in free))
    kept = tuple(name for name in free if images[name] not in copies)
    return kept, len(free) - len(kept)


def _listed(text: str, folders: Folders, option: str) -> tuple[str, ...]:
    if text == NONE:
        return ()
    return _masked(read_ids(text, folders, option), folders, option)


def _masked(ids: tuple[str, ...], folders: Folders, option: str) -> tuple[str, ...]:
    without = [name for name in ids if not folders.mask(name).is_file()]
    if without:
        raise ExperimentRefused(
            f"{option}: {len(without)} of {len(ids)} images have no mask in {folders.masks}, first "
            f"{without[0]!r}; add {without[0]}.png, or leave them out"
        )
    if not ids:
        raise ExperimentRefused(f"{option}: the list is empty; expected at least one id")
    return ids


def _apart(
    option: str, ids: Sequence[str], other: str, others: Sequence[str], folders: Folders
) -> None:
    """Raise ExperimentRefused where an image, or a copy of it, is in both lists."""
    both = sorted(set(ids) & set(others))
    if both:
        raise ExperimentRefused(
            f"{option} and {other}: {len(both)} images are in both, first {both[0]!r}; a model is "
            f"not measured on what it has seen: take them out of one"
        )
    images = folders.images
    copies = find_copies((images[name] for name in ids), (images[name] for name in others))
    if copies:
        copy, like = next(iter(copies.items()))
        raise ExperimentRefused(
            f"{option} and {other}: {len(copies)} files have the same content, first {like.name} "
            f"and {copy.name}; take them out of one"
        )


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() else None

"""Which images are labeled, validation, unlabeled or test. It reads files and writes none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.image_folders import Folders, find_copies, read_ids
from daemon.experiment.options import ALL, NONE, Options

LABELED_STREAM, VALIDATION_STREAM = range(2)  # numbers of the random streams of a seed


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The ids of each role; no image has two.

    copies: how many unlabeled images were left out, since their file is a copy of one with a role.
    """

    labeled: tuple[str, ...]
    validation: tuple[str, ...]
    unlabeled: tuple[str, ...]
    test: tuple[str, ...]
    copies: int = 0


def assign_roles(folders: Folders, options: Options) -> Roles:
    """Give each image its role. The roles depend on the seed, not on the method.

    A smaller number of labels gives a subset of a larger one. Raises ExperimentRefused for an image
    without a mask, for one in two lists and for too large a number.
    """
    test = require_masks(read_ids(options.test, folders, "--test"), folders, "--test")
    val_ids = () if _count(options.val) is not None else _ids_of_list(options.val, folders, "--val")
    labeled = _labeled(folders, options, test, val_ids)
    for name, ids in (("--labeled", labeled), ("--val", val_ids)):
        require_disjoint(name, ids, "--test", test, folders)
    require_disjoint("--labeled", labeled, "--val", val_ids, folders)
    val_drawn = _validation_from_labeled(labeled, _count(options.val), options.seed)
    labeled = tuple(name for name in labeled if name not in set(val_drawn))
    validation = val_ids or val_drawn
    require_disjoint("--labeled", labeled, "--val", validation, folders)
    unlabeled, copies = _unlabeled(folders, options, {*labeled, *validation, *test})
    return Roles(
        labeled=labeled, validation=validation, unlabeled=unlabeled, test=test, copies=copies
    )


def _labeled(
    folders: Folders, options: Options, test: Sequence[str], validation: Sequence[str]
) -> tuple[str, ...]:
    count = _count(options.labeled)
    if count is None:
        return require_masks(read_ids(options.labeled, folders, "--labeled"), folders, "--labeled")
    candidates: Sequence[str] = tuple(folders.images)
    if options.unlabeled not in (ALL, NONE):
        candidates = read_ids(options.unlabeled, folders, "--unlabeled")
    assigned = {*test, *validation}
    free = sorted(n for n in candidates if n not in assigned and folders.mask(n).is_file())
    if not 1 <= count <= len(free):
        raise ExperimentRefused(
            f"--labeled {count}: expected 1 to {len(free)}, which is how many images have a mask "
            f"and are in neither --test nor --val"
        )
    order = np.random.default_rng([options.seed, LABELED_STREAM]).permutation(len(free))
    return tuple(free[row] for row in order[:count])


def _validation_from_labeled(
    labeled: Sequence[str], count: int | None, seed: int
) -> tuple[str, ...]:
    if not count:
        return ()
    if count >= len(labeled):
        raise ExperimentRefused(
            f"--val {count}: expected fewer than the {len(labeled)} labeled images, which it is "
            f"assigned from"
        )
    order = np.random.default_rng([seed, VALIDATION_STREAM]).permutation(len(labeled))
    return tuple(labeled[row] for row in order[:count])


def _unlabeled(
    folders: Folders, options: Options, assigned: set[str]
) -> tuple[tuple[str, ...], int]:
    """The images without another role, and how many were left out as copies of one with a role."""
    if options.unlabeled == NONE:
        return (), 0
    candidates: Sequence[str] = tuple(folders.images)
    if options.unlabeled != ALL:
        candidates = read_ids(options.unlabeled, folders, "--unlabeled")
    free = [name for name in candidates if name not in assigned]
    images = folders.images
    copies = find_copies((images[name] for name in assigned), (images[name] for name in free))
    kept = tuple(name for name in free if images[name] not in copies)
    return kept, len(free) - len(kept)


def _ids_of_list(text: str, folders: Folders, option: str) -> tuple[str, ...]:
    if text == NONE:
        return ()
    return require_masks(read_ids(text, folders, option), folders, option)


def labeled_names(ids: str, folders: Folders, option: str) -> tuple[str, ...]:
    """The ids of a list, each with a mask; without a list those of all images with one.

    ids: FILE, splits.json:NAME or "". Raises ExperimentRefused.
    """
    if ids:
        return require_masks(read_ids(ids, folders, option), folders, option)
    return tuple(name for name in folders.images if folders.mask(name).is_file())


def require_masks(ids: tuple[str, ...], folders: Folders, option: str) -> tuple[str, ...]:
    """The ids. Raises ExperimentRefused for one without a mask, and for none at all."""
    without = [name for name in ids if not folders.mask(name).is_file()]
    if without:
        raise ExperimentRefused(
            f"{option}: {len(without)} of {len(ids)} images have no mask in {folders.masks}, first "
            f"{without[0]!r}; add {without[0]}.png, or leave them out"
        )
    if not ids:
        raise ExperimentRefused(f"{option}: the list is empty; expected at least one id")
    return ids


def require_disjoint(
    option: str, ids: Sequence[str], other: str, other_ids: Sequence[str], folders: Folders
) -> None:
    """Raise ExperimentRefused if an image, or a copy of its file, is in both lists."""
    shared = sorted(set(ids) & set(other_ids))
    if shared:
        raise ExperimentRefused(
            f"{option} and {other}: {len(shared)} images are in both, first {shared[0]!r}; a model "
            f"must not be measured on images that it was trained on; take them out of one list"
        )
    images = folders.images
    copies = find_copies((images[name] for name in ids), (images[name] for name in other_ids))
    if copies:
        copy, original = next(iter(copies.items()))
        raise ExperimentRefused(
            f"{option} and {other}: {len(copies)} files have the same content, first "
            f"{original.name} and {copy.name}; take them out of one list"
        )


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() else None

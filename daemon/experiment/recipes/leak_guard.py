"""Pictures that are in two lists at once: the same id, the same file content, or the same name by a
pattern. A model must not be measured on what it was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.domain.errors import ExperimentRefused
from daemon.domain.formatting import count
from daemon.experiment.image_folders import Folders, find_copies
from daemon.experiment.recipes.recipe_model import Lists
from daemon.rules.validation_split import group_of


@dataclass(frozen=True, kw_only=True)
class Leaks:
    """What is in two lists: the id in the first -> the id of the same picture in the second."""

    test_in_labeled: Mapping[str, str]
    pool_in_test: Mapping[str, str]
    pool_in_labeled: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class GuardedLists:
    """The lists after the guard; ids. words: what it found and did, a sentence each."""

    labeled: tuple[str, ...]
    pool: tuple[str, ...]
    test: tuple[str, ...]
    words: tuple[str, ...]


def guard(
    folders: Folders,
    lists: Lists,
    labeled: Sequence[str],
    pool: Sequence[str],
    test: Sequence[str],
) -> GuardedLists:
    """Find pictures in two lists, and do with them what the recipe says.

    Raises ExperimentRefused where it says "refuse" and a labeled or pooled picture is in test.
    """
    pattern = lists.same_picture
    leaks = Leaks(
        test_in_labeled=shared(folders, test, labeled, pattern),
        pool_in_test=shared(folders, pool, test, pattern),
        pool_in_labeled=shared(folders, pool, labeled, pattern),
    )
    if lists.leaks == "refuse":
        _refuse(leaks)
    return _guarded(leaks, lists, labeled, pool, test)


def shared(
    folders: Folders, ids: Sequence[str], others: Sequence[str], pattern: str
) -> dict[str, str]:
    """Id -> the other id of the same picture, for those that have one."""
    known, images = set(others), folders.images
    found = {name: name for name in ids if name in known}
    files = {images[name]: name for name in others}
    copies = find_copies(files, (images[name] for name in ids if name not in found))
    by_file = {images[name]: name for name in ids}
    found |= {by_file[copy]: files[original] for copy, original in copies.items()}
    if pattern:
        pictures = {group_of(name, pattern): name for name in others}
        for name in ids:
            if name not in found and group_of(name, pattern) in pictures:
                found[name] = pictures[group_of(name, pattern)]
    return found


def _refuse(leaks: Leaks) -> None:
    for option, found in (("labeled", leaks.test_in_labeled), ("pool", leaks.pool_in_test)):
        if found:
            name, other = next(iter(found.items()))
            raise ExperimentRefused(
                f"[lists] {option} and test: {count(len(found), 'picture')} in both, first "
                f"{name!r} and {other!r}; a model must not be measured on images that it was "
                f'trained on; write leaks = "remove" to leave them out, or "allow" to keep them '
                f"and say so"
            )


def _guarded(
    leaks: Leaks,
    lists: Lists,
    labeled: Sequence[str],
    pool: Sequence[str],
    test: Sequence[str],
) -> GuardedLists:
    removes = lists.leaks == "remove"
    in_test, twins = leaks.test_in_labeled, leaks.pool_in_labeled
    allowed = lists.leaks == "allow"
    words = []
    if in_test:
        did = "removed from test" if removes else "kept, so the figures flatter the arms"
        words.append(f"in test and labeled too: {count(len(in_test), 'picture')}, {did}")
    if leaks.pool_in_test:
        did = "removed from the pool" if removes else "kept in both, unlabeled"
        words.append(f"in test and pool: {count(len(leaks.pool_in_test), 'picture')}, {did}")
    if twins:
        did = "kept as unlabeled images too" if allowed else "removed from the pool"
        words.append(f"labeled and in the pool too: {count(len(twins), 'picture')}, {did}")
    gone = set(in_test) if removes else set()
    out = {name for name in twins if not allowed or name == twins[name]}
    out |= set(leaks.pool_in_test) if removes else set()
    return GuardedLists(
        labeled=tuple(labeled),
        pool=tuple(name for name in pool if name not in out),
        test=tuple(name for name in test if name not in gone),
        words=tuple(words),
    )

"""Whether a choice can be computed again from its files, image for image."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import numpy as np

import strategies
from daemon.domain.errors import MaskloopError, RunFailed
from daemon.runs.id_lists import IdLists, read_id_lists
from daemon.runs.receipts import Receipt, read_receipt
from daemon.runs.records import Record
from daemon.selection.candidate_pool import read_pool
from daemon.selection.choice import choose, part_of
from daemon.selection.plain_choice import Arms, arms_of, plainly_chosen
from daemon.selection.plain_files import plain_pool
from daemon.selection.receipt_checks import (
    faults_of_files,
    faults_of_lists,
    faults_of_request,
    notes_of,
)
from daemon.selection.rounding import agrees_within_rounding
from strategies.base import Pool
from strategies.oracles import MOST_IMAGES, MOST_IMAGES_OF, Oracle, oracle_of

MOST_WORK = 1e9  # multiplications of an oracle: about ten seconds
MOST_READ_PLAINLY = 20_000  # images that are read one by one
PART = 300  # images of a seeded part of a pool that is too large for the oracle
PART_PICKS = 40


class Difference(Record):
    """The first place where a choice differs. rank: 1-based, in the order of choice. got, got_arm:
    the image of the receipt and who chose it; expected, expected_arm: those of the computation.
    None where a list ends before."""

    rank: int
    got: int | None = None
    got_arm: str | None = None
    expected: int | None = None
    expected_arm: str | None = None

    def __str__(self) -> str:
        got = "no image" if self.got is None else f"image {self.got} ({self.got_arm})"
        expected = "none" if self.expected is None else f"{self.expected} ({self.expected_arm})"
        return f"rank {self.rank}: got {got}, expected {expected}"


class VerifiedChoice(Record):
    """What `maskloop verify` found of one receipt. run: its folder. picks: how many images it
    chose. how: by what it was computed again. faults: why it does not match, the likely cause
    first; empty where it does. difference: the first one. notes: what else is worth knowing.
    matches: whether every image is the one that the files give."""

    run: str
    cycle: int
    matches: bool
    picks: int
    how: str = ""
    difference: Difference | None = None
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def verify_choice(folder: Path) -> VerifiedChoice:
    """Compute the choice of a run folder again and compare.

    Never raises for damaged files: they are faults. Raises OSError where the disk fails.
    """
    name = folder.name
    cycle = int(name.partition("-")[0])
    try:
        receipt, lists = read_receipt(folder), read_id_lists(folder)
    except RunFailed as exc:
        return VerifiedChoice(run=name, cycle=cycle, matches=False, picks=0, faults=(str(exc),))
    found = VerifiedChoice(run=name, cycle=cycle, matches=False, picks=len(receipt.picks))
    notes = tuple(notes_of(receipt, lists))
    causes = [
        *faults_of_request(receipt, cycle),
        *faults_of_files(receipt, folder.parent),
        *faults_of_lists(receipt, lists, folder.parent),
    ]
    try:
        pool = _read(receipt, lists, folder.parent)
        how, difference, more = _compared(receipt, lists, pool)
    except (MaskloopError, ValueError, TypeError) as exc:
        faults = (*causes, f"it cannot be computed again: {exc}")
        return found.model_copy(update={"faults": faults, "notes": notes})
    if difference and not causes:
        causes = ["the strategy or the choice itself gives other images than when it chose"]
    matches = not causes
    update = {"how": how, "matches": matches, "difference": difference, "faults": tuple(causes)}
    return found.model_copy(update=update | {"notes": (*notes, *more)})


def first_difference(got: Arms, expected: Arms) -> Difference | None:
    """The first place where two choices differ; None where they are the same."""
    for rank, (mine, theirs) in enumerate(zip_longest(got, expected), start=1):
        if mine != theirs:
            mine, theirs = mine or (None, None), theirs or (None, None)
            return Difference(
                rank=rank,
                got=mine[0],
                got_arm=mine[1],
                expected=theirs[0],
                expected_arm=theirs[1],
            )
    return None


def _compared(
    receipt: Receipt, lists: IdLists, pool: Pool
) -> tuple[str, Difference | None, tuple[str, ...]]:
    """(by what it was computed again, the first difference, notes)."""
    request, distinct, got = receipt.request, lists.distinct, arms_of(receipt.picks)
    oracle = oracle_of(request.strategy)
    if oracle is None or _is_too_large(request.strategy, pool):
        difference = first_difference(got, arms_of(choose(request, pool, distinct)))
        if oracle is not None:
            return _in_part(receipt, pool, oracle, difference)
        again = first_difference(got, arms_of(choose(request, pool, distinct)))
        how = f"twice by {request.strategy} itself: a plug-in has no oracle"
        return how, difference or again, ()
    how = f"by the oracle of {request.strategy}"
    slow = plainly_chosen(request, pool, distinct.tolist(), oracle)
    difference = first_difference(got, slow)
    if difference and agrees_within_rounding(receipt, pool, distinct, oracle):
        note = f"{difference}: the two differ by less than the rounding of float32"
        return how, None, (note,)
    return how, difference, ()


def _in_part(
    receipt: Receipt, pool: Pool, oracle: Oracle, difference: Difference | None
) -> tuple[str, Difference | None, tuple[str, ...]]:
    """A pool too large for the oracle: the fast strategy on all of it, and both on a part."""
    name, seed = receipt.request.strategy, [receipt.request.seed, receipt.request.cycle, PART]
    size = min(PART, MOST_IMAGES_OF.get(name, MOST_IMAGES), len(pool))
    part = _part_of(pool, size, np.random.default_rng(seed))
    strategy = strategies.load(name, **receipt.request.settings)
    fast = strategy.select(part, PART_PICKS, np.random.default_rng(seed))
    slow = oracle(part, PART_PICKS, np.random.default_rng(seed), **receipt.request.settings)
    how = (
        f"by {name} itself on all {len(pool)} images, too many for its oracle, and by the oracle "
        f"on {len(part)} of them, drawn with the seed {seed}"
    )
    of_part = first_difference([(i, name) for i in fast], [(i, name) for i in slow])
    notes = () if of_part is None else (f"on the part: {of_part}",)
    return how, difference or of_part, notes


def _part_of(pool: Pool, size: int, rng: np.random.Generator) -> Pool:
    part = part_of(pool, rng.choice(np.sort(pool.ids), size=size, replace=False))
    rows = np.sort(rng.choice(len(pool.labeled), size=min(PART, len(pool.labeled)), replace=False))
    theirs = pool.labeled_foreground
    return replace(
        part,
        labeled=pool.labeled[rows],
        labeled_foreground=theirs[rows] if len(theirs) else theirs,
    )


def _read(receipt: Receipt, lists: IdLists, runs: Path) -> Pool:
    images = len(lists.candidates) + len(lists.labeled)
    reader = plain_pool if images <= MOST_READ_PLAINLY else read_pool
    return reader(receipt.request, lists, runs)


def _is_too_large(strategy: str, pool: Pool) -> bool:
    """Whether an oracle would take minutes."""
    width = 1 if pool.embeddings is None else pool.embeddings.shape[1]
    work = len(pool) * (len(pool) + len(pool.labeled)) * width
    return work > MOST_WORK or len(pool) > MOST_IMAGES_OF.get(strategy, MOST_IMAGES)

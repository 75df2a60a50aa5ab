"""`maskloop verify`: computes every choice again from its files and compares what was asked.

daemon/selection/verification.py compares a choice with its receipt; here the receipts of a cycle
are compared with the store: with the images that were asked, and with those that were asked before.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from daemon.config.loading import Config
from daemon.domain import Pick, Role, Stage, TaskState
from daemon.domain.errors import MaskloopError, RunFailed
from daemon.domain.formatting import count
from daemon.runs import receipts
from daemon.runs.id_lists import IdLists, read_id_lists
from daemon.runs.receipts import Receipt, read_receipt
from daemon.runs.records import Record
from daemon.runs.run_folder import RunFolder
from daemon.selection.plain_choice import Arms, arms_of
from daemon.selection.verification import VerifiedChoice, first_difference, verify_choice
from daemon.stages.run_settings import changed_settings
from daemon.store import Store
from daemon.store.reading import reading_store

log = logging.getLogger(__name__)

NO_RECEIPT = "has no receipt: an earlier release chose its images; nothing can be compared"


class VerifiedCycle(Record):
    """What `maskloop verify` found of a cycle. choices: of its receipts, in the order of rank.
    faults: where the images that were asked are not those of the receipts. notes: what else is
    worth knowing. matches: whether every image is the one that the files give."""

    cycle: int
    matches: bool
    choices: tuple[VerifiedChoice, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def verify(config: Config, cycle: int | None = None) -> list[VerifiedCycle]:
    """Verify a cycle, or every cycle that chose images.

    Raises MaskloopError where there is no such cycle or no store, or where the cycle that is named
    has no receipt.
    """
    with reading_store(config.state) as store:
        last = store.last_cycle()
        cycles = range(last.number + 1) if last else range(0)
        if cycle is not None and cycle not in cycles:
            raise MaskloopError(f"there is no cycle {cycle}; {count(len(cycles), 'cycle')} began")
        wanted = list(cycles) if cycle is None else [cycle]
        found = [one for number in wanted if (one := _verify_cycle(config, store, number))]
    if cycle is not None and not any(one.choices for one in found):
        raise MaskloopError(f"cycle {cycle} {NO_RECEIPT}")
    return found


def lines(found: Sequence[VerifiedCycle]) -> Iterator[str]:
    """What was found, for a person."""
    for one in found:
        for choice in one.choices:
            name, picks = f"cycle {one.cycle}, {choice.run}", count(choice.picks, "image")
            how = f" (computed again {choice.how})" if choice.how else ""
            yield f"{name}: {picks} {'match' if choice.matches else 'DO NOT MATCH'}{how}"
            if choice.difference:
                yield f"  {choice.difference}"
            yield from (f"  likely cause: {fault}" for fault in choice.faults)
            yield from (f"  note: {note}" for note in choice.notes)
        yield from (f"cycle {one.cycle}: {fault}" for fault in one.faults)
        yield from (f"cycle {one.cycle}: {note}" for note in one.notes)
    wrong = sum(not one.matches for one in found)
    proven = sum(bool(one.choices) for one in found)
    if wrong:
        yield f"{wrong} of {count(len(found), 'cycle')} not as the files give it"
    elif proven:
        yield f"{count(proven, 'cycle')}: every image is the one that the files give"
    else:
        yield "no cycle has a receipt; there is nothing to verify"


def _verify_cycle(config: Config, store: Store, cycle: int) -> VerifiedCycle | None:
    """None for a cycle that has chosen no image yet."""
    asked = [*store.picks(cycle), *store.reserve(cycle)]
    arms = arms_of([pick for pick in asked if pick.arm != "validation"])
    folders = _choice_folders(config.state / "runs", cycle)
    with_receipt = [folder for folder in folders if (folder / receipts.FILE).exists()]
    if not with_receipt:
        lost = [f"{folder.name}/{receipts.FILE} is gone" for folder in folders]
        if not arms:
            return None
        return VerifiedCycle(
            cycle=cycle, matches=not lost, faults=tuple(lost), notes=() if lost else (NO_RECEIPT,)
        )
    choices = tuple(verify_choice(folder) for folder in with_receipt)
    faults: list[str] = []
    notes: list[str] = []
    try:
        read = {folder.name: read_receipt(folder) for folder in with_receipt}
        faults += _faults_of_asked(store, cycle, arms, read)
        for folder in with_receipt:
            faults += _faults_of_candidates(config, store, cycle, read_id_lists(folder))
        newest = read[with_receipt[-1].name]
        if changes := changed_settings(config, newest.config, Stage.SELECT):
            notes.append(f"config.toml has changed since: {changes}")
    except RunFailed as exc:
        log.debug("%s", exc)  # verify_choice reports it
    matches = not faults and all(choice.matches for choice in choices)
    return VerifiedCycle(
        cycle=cycle, matches=matches, choices=choices, faults=tuple(faults), notes=tuple(notes)
    )


def _choice_folders(runs: Path, cycle: int) -> list[Path]:
    """The run folders of the choices of a cycle that have a result, in the order of rank."""
    found = {}
    for path in runs.glob(f"{cycle:04d}-*{Stage.SELECT}"):
        rank = path.name.removeprefix(f"{cycle:04d}-").removesuffix(Stage.SELECT).strip("-")
        if (not rank or rank.isdecimal()) and (path / "result.json").exists():
            found[int(rank or 0)] = path
    return [found[rank] for rank in sorted(found)]


def _faults_of_asked(
    store: Store, cycle: int, asked: Arms, read: Mapping[str, Receipt]
) -> Iterator[str]:
    """The images in the store against those of the receipts, in the order of rank."""
    batch = sum(pick.arm != "validation" for pick in store.picks(cycle))
    first = read.get(f"{cycle:04d}-{Stage.SELECT}")
    if batch != (expected := first.batch if first else 0):
        yield f"{batch} images were asked at once; the receipt says {expected}"
    chosen = [_asked_picks(receipt) for receipt in read.values()]
    if len(chosen) > 1 and not {pick.image_id for pick in chosen[-1]} & {i for i, _ in asked}:
        chosen = chosen[:-1]  # the daemon ended before it saved them
    if difference := first_difference(asked, arms_of([p for picks in chosen for p in picks])):
        yield f"what was asked is not what the receipt says: {difference}"


def _asked_picks(receipt: Receipt) -> list[Pick]:
    return [pick for pick in receipt.picks if pick.image_id not in receipt.left_out]


def _faults_of_candidates(
    config: Config, store: Store, cycle: int, lists: IdLists
) -> Iterator[str]:
    """Images among the candidates that annotators had already, or that measure the model; and
    labeled images that the strategy did not see."""
    candidates, labeled = set(lists.candidates.tolist()), set(lists.labeled.tolist())
    if measuring := candidates & set(store.ids(Role.VALIDATION)):
        yield f"image {min(measuring)} measures the model and was a candidate"
    if cycle == 0:
        return
    batches = {c: {pick.image_id for pick in store.picks(c)} for c in range(cycle)}
    before = {
        task.image_id
        for task in store.tasks()
        if task.state is not TaskState.RETIRED and task.image_id in batches.get(task.cycle, ())
    }
    if both := candidates & before:
        yield f"image {min(both)} was asked in an earlier cycle and was a candidate again"
    scored = _scored_ids(config, cycle)
    pool = set(store.ids(Role.POOL)) - store.ever_excluded_by_people()
    if unseen := (before & scored & pool) - labeled - candidates:
        yield (
            f"image {min(unseen)} was asked in an earlier cycle, but the strategy did not see it "
            f"({len(unseen)} such)"
        )


def _scored_ids(config: Config, cycle: int) -> set[int]:
    run = RunFolder(config.state / "runs" / f"{cycle:04d}-{Stage.SCORE}")
    try:
        return set(run.read_ids().tolist())
    except RunFailed as exc:
        log.debug("%s", exc)  # verify_choice reports it
        return set()

"""What must hold of a receipt whatever its strategy: its files, lists and settings fit together."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np

from daemon.domain.errors import MaskloopError
from daemon.rules import similar_pairs
from daemon.runs.checksums import sha256_of
from daemon.runs.id_lists import IdLists
from daemon.runs.receipts import Receipt, digest_of, sha256_of_json
from daemon.selection.plain_choice import wrongly_listed
from daemon.selection.plain_files import plain_embeddings
from daemon.selection.reasons import CONTROL_ARM

MOST_COMPARED = 3000  # candidates whose near-duplicates are looked for again, one by one


def faults_of_request(receipt: Receipt, cycle: int) -> Iterator[str]:
    """What was asked against the settings that it came from, and against the cycle."""
    request, config = receipt.request, receipt.config
    if sha256_of_json(config) != receipt.config_sha256:
        yield "config changed: the settings in the receipt are not those it was written with"
    seed_batch = request.cycle == 0
    asked = {
        "[selection] seed_strategy" if seed_batch else "[selection] strategy": request.strategy,
        "[selection] seed": request.seed,
        "[selection] duplicate_similarity": request.similarity,
    }
    if not seed_batch:
        asked |= {
            "[selection] settings": dict(request.settings),
            "[loop] random_share": request.random_share,
        }
    for name, value in asked.items():
        if config.get(name) != value:
            yield f"config changed: {name} = {config.get(name)!r}, but the choice used {value!r}"
    if request.cycle != cycle:
        yield f"it is the choice of cycle {request.cycle}; expected that of cycle {cycle}"
    expected = f"{cycle:04d}-score" if cycle else None
    if request.scores != expected:
        yield f"it used the scores of {request.scores}; expected those of {expected}"


def faults_of_files(receipt: Receipt, runs: Path) -> Iterator[str]:
    """Score and embedding files that are gone or have other bytes than when they were read."""
    for name, then in receipt.files.items():
        path = runs / name
        if not path.is_file():
            yield f"{name} is gone: nothing can be computed from it any more; restore a copy of it"
        elif (now := sha256_of(path)) != then:
            yield f"{name} has changed since: sha256 {then[:12]} then, {now[:12]} now"


def faults_of_lists(receipt: Receipt, lists: IdLists, runs: Path) -> Iterator[str]:
    """Lists of ids that are not those of the receipt, or do not fit each other."""
    for name, ids in vars(lists).items():
        if digest_of(ids) != getattr(receipt, name):
            yield f"the list {name} in ids.npz has changed since"
    for name, ids in (("labeled", lists.labeled), ("asked", lists.asked)):
        if len(both := np.intersect1d(lists.candidates, ids)):
            yield f"image {both[0]} is {name} already and was a candidate ({len(both)} such)"
    for inner, outer in (("compared", "candidates"), ("distinct", "compared")):
        if len(foreign := np.setdiff1d(getattr(lists, inner), getattr(lists, outer))):
            yield f"image {foreign[0]} is in the list {inner} and not in {outer}"
    try:
        yield from _faults_of_distinct(receipt, lists, runs)
    except MaskloopError as exc:
        yield f"near-duplicates cannot be looked for again: {exc}"


def notes_of(receipt: Receipt, lists: IdLists) -> Iterator[str]:
    """Packages with another version than when the choice was made, and what is not looked at."""
    for name, then in receipt.versions.items():
        if (now := metadata.version(name)) != then:
            yield f"{name} {then} then, {now} now"
    if len(lists.compared) > similar_pairs.MOST_COMPARED:
        images = f"{len(lists.compared)} images"
        yield f"near-duplicates of {images} were compared in cells: they are not looked for again"


def _faults_of_distinct(receipt: Receipt, lists: IdLists, runs: Path) -> Iterator[str]:
    """The list of near-duplicates; of a large pool, whose comparison was a run, its picks alone."""
    request, ids, distinct = receipt.request, lists.compared, lists.distinct
    if len(ids) > similar_pairs.MOST_COMPARED:
        return  # `notes_of` says so
    if request.compared or len(ids) > MOST_COMPARED:
        ids = np.unique([pick.image_id for pick in receipt.picks if pick.arm != CONTROL_ARM])
        ids = ids.astype(np.int64)
        if not np.isin(ids, distinct).all():
            return  # there were fewer distinct images than were wanted
        distinct = ids
    embeddings = plain_embeddings(request.embedded, ids.tolist(), runs)
    asked = plain_embeddings(request.embedded, lists.asked.tolist(), runs)
    if wrong := wrongly_listed(ids, embeddings, asked, distinct, request.similarity):
        yield f"near-duplicates: image {wrong[0]} is in the wrong list ({len(wrong)} such)"

"""Which images to label first: near-duplicates collapsed, groups even, by a strategy. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

import strategies
from daemon.domain.errors import PoolInvalid
from daemon.experiment.sampling.image_embeddings import FloatArray
from daemon.rules.near_duplicates import representatives
from daemon.rules.redundancy import Redundancy, redundancy
from daemon.rules.validation_split import group_of, similar_to_any
from strategies.base import GivesReasons, IdArray, Pool, QueryStrategy
from strategies.distances import one_thread

MEASURE_STREAM, CHOICE_STREAM = range(2)  # numbers of the random streams of a seed


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What was chosen, and of what. Numbers are rows of the embeddings.

    picks: best first. reasons: a sentence a pick. excluded: images of the list, their
    near-duplicates and groups. collapsed: near-duplicates that another image stands for.
    redundancy: of all images. groups: (in the picks, among the candidates); None without groups.
    """

    picks: tuple[int, ...]
    reasons: tuple[str, ...]
    excluded: frozenset[int]
    collapsed: frozenset[int]
    redundancy: Redundancy
    groups: tuple[int, int] | None

    def candidates(self) -> int:
        """How many images the strategy could choose from."""
        return self.redundancy.images - len(self.excluded) - len(self.collapsed)

    def of_rows(self, rows: Sequence[int]) -> Sample:
        """The same sample by the rows of a larger table. rows: row here -> row there."""
        return replace(
            self,
            picks=tuple(rows[row] for row in self.picks),
            excluded=frozenset(rows[row] for row in self.excluded),
            collapsed=frozenset(rows[row] for row in self.collapsed),
        )


def choose_sample(
    names: Sequence[str],
    embeddings: FloatArray,
    *,
    n: int,
    strategy: str,
    seed: int,
    similarity: float,
    exclude: Collection[str] = (),
    group_by: str = "",
) -> Sample:
    """Choose min(n, N) images. A function of its arguments.

    names: N ids, in an order that does not depend on chance. embeddings: (N, D), rows of unit
    length. Where fewer than n images are distinct, near-duplicates fill up. Raises PoolInvalid for
    embeddings that are not finite, and ConfigError for a pattern without an end.
    """
    _refuse_bad_numbers(names, embeddings)
    rows = np.arange(len(names), dtype=np.int64)
    rng = np.random.default_rng([seed, MEASURE_STREAM])
    with one_thread():  # so that the result does not depend on the number of cores
        measured = redundancy(rows, embeddings, similarity=similarity, rng=rng)
    groups = [group_of(name, group_by) for name in names] if group_by else list(names)
    excluded = _excluded(names, groups, embeddings, set(exclude), similarity)
    left = np.setdiff1d(rows, np.array(sorted(excluded), dtype=np.int64))
    distinct = representatives(left, embeddings[left], similarity=similarity)
    chooser, rng = strategies.load(strategy), np.random.default_rng([seed, CHOICE_STREAM])
    picks: list[int] = []
    for candidates in (distinct, left.tolist()):  # near-duplicates only where too few are distinct
        quota = _quota(Counter(groups[row] for row in candidates), n) if group_by else n
        _choose_even(picks, candidates, embeddings, groups, min(n, len(left)), quota, chooser, rng)
    return Sample(
        picks=tuple(picks),
        reasons=_reasons(chooser, left, embeddings, picks),
        excluded=frozenset(excluded),
        collapsed=frozenset(left.tolist()) - frozenset(distinct),
        redundancy=measured,
        groups=_groups_held(groups, picks, left) if group_by else None,
    )


def _groups_held(groups: Sequence[str], picks: Sequence[int], left: IdArray) -> tuple[int, int]:
    return len({groups[row] for row in picks}), len({groups[row] for row in left.tolist()})


def _refuse_bad_numbers(names: Sequence[str], embeddings: FloatArray) -> None:
    bad = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if len(bad):
        raise PoolInvalid(
            f"embedding of image {names[bad[0]]!r}: got NaN or inf; expected finite numbers "
            f"({len(bad)} of {len(names)} images are bad); remove the folder of embeddings and run "
            f"the command again"
        )


def _excluded(
    names: Sequence[str],
    groups: Sequence[str],
    embeddings: FloatArray,
    exclude: Collection[str],
    similarity: float,
) -> set[int]:
    """The listed images, the rest of their groups, and their near-duplicates."""
    listed = [row for row, name in enumerate(names) if name in exclude]
    closed = {groups[row] for row in listed}
    mates = {row for row, group in enumerate(groups) if group in closed}
    others = np.array([row for row in range(len(names)) if row not in mates], dtype=np.int64)
    near = similar_to_any(others, embeddings[others], embeddings[listed], similarity=similarity)
    return mates | set(near)


def _quota(sizes: Mapping[str, int], n: int) -> int:
    """The smallest number of images from each group that reaches n in all."""
    reached = (q for q in range(1, n + 1) if sum(min(size, q) for size in sizes.values()) >= n)
    return next(reached, n)


def _choose_even(
    picks: list[int],
    candidates: Collection[int],
    embeddings: FloatArray,
    groups: Sequence[str],
    n: int,
    quota: int,
    chooser: QueryStrategy,
    rng: np.random.Generator,
) -> None:
    """Append to picks until there are n, at most `quota` from a group. What a group has beyond it
    is given back, and the strategy chooses again beside what is picked already."""
    while len(picks) < n:
        taken, chosen = Counter(groups[row] for row in picks), set(picks)
        free = [r for r in candidates if r not in chosen and taken[groups[r]] < quota]
        if not free:
            return
        ids = np.array(free, dtype=np.int64)
        pool = Pool(ids=ids, embeddings=embeddings[ids], labeled=embeddings[picks])
        for row in chooser.select(pool, n - len(picks), rng):
            if taken[groups[row]] < quota:
                picks.append(row)
                taken[groups[row]] += 1


def _reasons(
    chooser: QueryStrategy, left: IdArray, embeddings: FloatArray, picks: Sequence[int]
) -> tuple[str, ...]:
    if not isinstance(chooser, GivesReasons) or not picks:
        return ("",) * len(picks)
    return tuple(chooser.reasons(Pool(ids=left, embeddings=embeddings[left]), picks))

"""The choice of a batch: what a strategy may answer, and how near a tie may be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from daemon.domain import Pick
from daemon.domain.errors import ConfigError
from daemon.rules import similar_pairs
from daemon.runs.id_lists import IdLists, sha256_of_ids
from daemon.runs.receipts import Receipt, receipt_of
from daemon.runs.records import SelectRequest, SelectResult
from daemon.selection.choice import choose, select_by
from daemon.selection.plain_choice import arms_of, plainly_chosen, wrongly_listed
from daemon.selection.receipt_checks import notes_of
from daemon.selection.rounding import agrees_within_rounding
from strategies.base import Pool
from strategies.oracles import oracle_of
from tests.fakes.embeddings import unit

IDS = np.arange(1, 9)
REQUEST = SelectRequest(
    cycle=3, strategy="kcenter", seed=0, n=4, reserve=2, random_share=0.5, similarity=0.98
)


class Answers:
    def __init__(self, picked: Sequence[int]) -> None:
        self._picked = list(picked)

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        return self._picked


@pytest.mark.parametrize(
    ("picked", "words"),
    [([1, 99], "image 99, which is none of these"), ([2, 2], "an image twice"), ([1], "1 images")],
)
def test_an_answer_that_is_no_choice_is_refused_with_the_name_of_the_strategy(
    picked: list[int], words: str
) -> None:
    with pytest.raises(ConfigError, match=rf"strategy 'odd': .*{words}"):
        select_by(Answers(picked), "odd", Pool(ids=IDS), 2, np.random.default_rng(0))


def around(degrees: Sequence[float]) -> Pool:
    return Pool(ids=IDS[: len(degrees)], embeddings=unit(*degrees), labeled=unit(0.0))


def test_the_control_arm_is_spread_over_the_batch_and_the_reserve_has_none() -> None:
    picks = choose(REQUEST, around([10, 20, 30, 40, 50, 60, 70, 80]), IDS)

    assert [pick.rank for pick in picks] == [1, 2, 3, 4, 5, 6]
    assert [pick.arm == "random" for pick in picks] == [False, True, False, True, False, False]


def test_near_duplicates_are_chosen_only_where_nothing_else_is_left() -> None:
    pool = around([10, 20, 30, 40, 50, 60, 70, 80])
    strategy_only = REQUEST.model_copy(update={"random_share": 0.0, "n": 2, "reserve": 1})

    few = choose(strategy_only, pool, np.array([1, 2, 3]))
    more = choose(strategy_only.model_copy(update={"n": 4}), pool, np.array([1, 2, 3]))

    assert {pick.image_id for pick in few} == {1, 2, 3}
    assert more[0].image_id == 8


# --- the slow version ----------------------------------------------------------------------


def lists_of(pool: Pool) -> IdLists:
    none = pool.ids[:0]
    return IdLists(
        candidates=pool.ids, labeled=none, asked=none, compared=pool.ids, distinct=pool.ids
    )


def receipt(pool: Pool, picks: Sequence[Pick], request: SelectRequest) -> Receipt:
    result = SelectResult(picks=tuple(picks), files={}, versions={}, seconds=0.0)
    return receipt_of(request, lists_of(pool), result, {}, (), request.n)


def test_images_whose_distance_differs_by_the_rounding_alone_are_no_fault() -> None:
    """Two rows of the same numbers in another order: a diagonal label is as far from both."""
    request = REQUEST.model_copy(update={"random_share": 0.0, "n": 1, "reserve": 0})
    oracle = oracle_of("kcenter")
    assert oracle is not None
    rng, excused = np.random.default_rng(0), []
    for _ in range(40):
        numbers = rng.standard_normal(60)
        rows = np.stack([numbers, rng.permutation(numbers)]) / np.linalg.norm(numbers)
        label = np.full((1, 60), 60**-0.5, dtype=np.float32)
        pool = Pool(ids=IDS[:2], embeddings=rows.astype(np.float32), labeled=label)
        fast = choose(request, pool, IDS)
        if arms_of(fast) != plainly_chosen(request, pool, IDS.tolist(), oracle):
            of_fast = receipt(pool, fast, request)
            excused.append(agrees_within_rounding(of_fast, pool, IDS, oracle))

    assert all(excused)
    assert len(excused) > 5


def test_an_image_that_is_farther_by_more_than_the_rounding_is_a_fault() -> None:
    pool, oracle = around([60.0, 60.01]), oracle_of("kcenter")
    assert oracle is not None
    request = REQUEST.model_copy(update={"random_share": 0.0, "n": 1, "reserve": 0})
    wrong = [Pick(image_id=1, rank=1, arm="kcenter", reason="")]

    assert not agrees_within_rounding(receipt(pool, wrong, request), pool, IDS, oracle)


def test_lists_of_near_duplicates_are_checked_image_by_image() -> None:
    ids, rows, asked = np.array([1, 2, 3, 4]), unit(0.0, 1.0, 40.0, 81.0), unit(80.0)

    def wrong(*distinct: int) -> list[int]:
        return wrongly_listed(ids, rows, asked, np.array(distinct), similarity=0.99)

    assert wrong(1, 3) == []  # 2 is like 1, and 4 like the asked one
    assert wrong(1, 2, 3) == [2]
    assert wrong(2, 3) == [1]
    assert wrong(1, 3, 4) == [4]
    assert wrong(1) == [3]


def test_near_duplicates_of_very_many_images_are_not_looked_for_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(similar_pairs, "MOST_COMPARED", 7)
    pool = around([10, 20, 30, 40, 50, 60, 70, 80])
    lists = lists_of(pool)

    (note,) = notes_of(receipt(pool, [], REQUEST), lists)

    assert note.startswith("near-duplicates of 8 images were compared in cells")


def test_the_digest_of_a_list_does_not_depend_on_its_order() -> None:
    assert sha256_of_ids(np.array([3, 1, 2])) == sha256_of_ids(np.array([1, 2, 3]))
    assert sha256_of_ids(np.array([1, 2])) != sha256_of_ids(np.array([1, 2, 3]))

"""Which images of a folder to label first."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from daemon.domain.errors import PoolInvalid
from daemon.experiment.sampling.sample_choice import Sample, choose_sample
from daemon.experiment.sampling.sample_options import STRATEGIES

VIDEOS = {"a": 12, "b": 6, "c": 2}  # images of each


def names() -> list[str]:
    return [f"{video}_{frame:02}" for video, size in VIDEOS.items() for frame in range(size)]


def apart(seed: int = 0) -> np.ndarray:
    """Unit vectors (20, 8) that are no near-duplicates."""
    rows = np.random.default_rng(seed).normal(size=(20, 8))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def choose(embeddings: np.ndarray | None = None, **changes: object) -> Sample:
    wanted = {"n": 6, "strategy": "kcenter", "seed": 0, "similarity": 0.98} | changes
    return choose_sample(names(), apart() if embeddings is None else embeddings, **wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_chooses_different_images_and_the_same_with_the_same_seed(
    strategy: str,
) -> None:
    first, again = choose(strategy=strategy), choose(strategy=strategy)

    assert first == again
    assert len(set(first.picks)) == 6
    assert len(first.reasons) == 6


def test_near_duplicates_are_collapsed() -> None:
    embeddings = apart()
    embeddings[1::2] = embeddings[::2]  # each image twice

    sample = choose(embeddings, n=10)

    assert sample.collapsed == frozenset(range(1, 20, 2))
    assert sorted(sample.picks) == list(range(0, 20, 2))
    assert sample.redundancy.near_duplicates == 1
    assert sample.candidates() == 10


def test_near_duplicates_fill_up_where_too_few_images_are_distinct() -> None:
    embeddings = apart()
    embeddings[1::2] = embeddings[::2]

    sample = choose(embeddings, n=13)

    assert set(range(0, 20, 2)) < set(sample.picks)
    assert len(set(sample.picks)) == 13


def test_excluded_images_their_near_duplicates_and_groups_are_not_chosen() -> None:
    embeddings = apart()
    embeddings[15] = embeddings[18]  # b_03 looks like c_00

    alone = choose(embeddings, n=20, exclude={"c_00"})
    grouped = choose(embeddings, n=20, exclude={"c_00"}, group_by="^(.)_")

    assert alone.excluded == {15, 18}
    assert grouped.excluded == {15, 18, 19}
    assert set(range(20)) - set(alone.picks) == {15, 18}
    assert grouped.groups == (2, 2)


def test_groups_give_as_even_numbers_as_they_can() -> None:
    sample = choose(n=10, group_by="^(.)_")

    # 2 of c, then 4 each of a and b
    assert Counter(names()[row][0] for row in sample.picks) == {"a": 4, "b": 4, "c": 2}
    assert sample.groups == (3, 3)


def test_a_group_of_near_duplicates_gives_one_image_while_others_are_distinct() -> None:
    embeddings = apart()
    embeddings[12:18] = embeddings[12]  # all of b

    sample = choose(embeddings, n=9, group_by="^(.)_")

    assert Counter(names()[row][0] for row in sample.picks) == {"a": 6, "b": 1, "c": 2}


def test_more_than_there_are_gives_all() -> None:
    assert sorted(choose(n=50).picks) == list(range(20))


def test_an_embedding_that_is_no_number_is_named() -> None:
    embeddings = apart()
    embeddings[3, 2] = np.nan

    with pytest.raises(PoolInvalid, match="image 'a_03': got NaN"):
        choose(embeddings)

"""Why an image was picked: the strategy's own words, and none where it has none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import strategies
from daemon.domain.errors import ConfigError
from daemon.selection.reasons import reasons_for
from strategies.base import GivesReasons, Pool


def seeded() -> np.random.Generator:
    return np.random.default_rng(0)


def field() -> Pool:
    """Four images on a line; 1 is where the labeled one is, 3 is the most uncertain and the only
    one with the second foreground class."""
    return Pool(
        ids=np.array([1, 2, 3, 4]),
        embeddings=np.array([[-1.0], [1.0], [2.0], [2.1]], dtype=np.float32),
        labeled=-np.ones((1, 1), dtype=np.float32),
        uncertainty=np.array([0.1, 0.2, 0.9, 0.3], dtype=np.float32),
        class_share=np.array(
            [[1, 0, 0], [0.5, 0.5, 0], [0.6, 0.36, 0.04], [0.5, 0.5, 0]], dtype=np.float32
        ),
    )


class Silent:
    """A plug-in that gives no reasons."""

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        return [int(image) for image in pool.ids[:n]]


class Odd(Silent):
    """A plug-in that gives what it was made with."""

    def __init__(self, words: object) -> None:
        self.words = words

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        return self.words  # type: ignore[return-value]


def test_a_strategy_that_gives_no_reason_is_named_and_nothing_is_made_up() -> None:
    (pick,) = reasons_for(field(), [(3, "oldest")], Silent())

    assert pick.reason == "oldest: chosen by this strategy"


def test_the_random_share_is_said_to_be_random_whatever_the_strategy_says() -> None:
    picks = reasons_for(field(), [(3, "mine"), (2, "random"), (1, "mine")], Odd(["a", "b"]))

    assert [pick.reason for pick in picks] == [
        "mine: a",
        "drawn at random, as a fair sample of the pool",
        "mine: b",
    ]
    assert [pick.rank for pick in picks] == [1, 2, 3]


@pytest.mark.parametrize("words", [["a"], ["a", ""], ["a", 3], "ab", None])
def test_reasons_that_are_not_one_sentence_a_pick_are_refused(words: object) -> None:
    with pytest.raises(ConfigError, match=r"strategy mine: reasons\(pool, picks\) gave .* 2 sent"):
        reasons_for(field(), [(3, "mine"), (2, "mine")], Odd(words))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("entropy", "more uncertain than 100% of the pool"),
        ("kcenter", "less like the labeled images than 75% of the pool"),
        (
            "hybrid",
            "more uncertain than 100% of the pool; "
            "less like the labeled images than 75% of the pool",
        ),
        ("random", "drawn at random, as a fair sample of the pool"),
        (
            "foreground_random",
            "drawn at random from those predicted to hold foreground (40.0% of its pixels)",
        ),
        ("kmeans", "stands for 75% of the pool"),
        ("typiclust", "typical; stands for 75% of the pool"),
        ("probcover", "stands for 75% of the pool"),
        ("uherding", "more uncertain than 100% of the pool; stands for 75% of the pool"),
        (
            "rare_class",
            "predicted to hold class 2 (0 is background) on 4.0% of its pixels, more than 100% "
            "of the pool",
        ),
    ],
)
def test_a_strategy_says_what_it_looked_at_and_nothing_else(name: str, words: str) -> None:
    assert strategies.load(name).reasons(field(), [3]) == [words]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", list(strategies.SHIPPED))
def test_every_shipped_strategy_gives_its_own_reasons(name: str) -> None:
    assert isinstance(strategies.load(name), GivesReasons)


def test_images_without_foreground_are_said_to_be_the_rest() -> None:
    for name in ("foreground_random", "rare_class"):
        (words,) = strategies.load(name).reasons(field(), [1])  # type: ignore[attr-defined]

        assert words == "drawn at random; no more images are predicted to hold foreground"

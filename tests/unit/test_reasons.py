"""Why an image was picked: the strategy's own words, and none where it has none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import strategies
from daemon.domain.errors import ConfigError
from daemon.selection.reasons import reasons_for
from strategies.base import GivesReasons, Pool, Signals


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
        margin=np.array([0.1, 0.9, 0.8, 0.3], dtype=np.float32),
        least_confidence=np.array([0.4, 0.3, 0.1, 0.2], dtype=np.float32),
        teacher_disagreement=np.array([0.0, 0.1, 0.2, 0.1], dtype=np.float32),
        scale_disagreement=np.array([0.0, 0.3, 0.1, 0.2], dtype=np.float32),
        gradients=np.array([[9], [1], [-2], [0]], dtype=np.float32),
        class_uncertainty=np.array(
            [[0.5, 0, 0], [0.5, 0.9, 0], [0.1, 0.3, 0.2], [0.2, 0.3, 0.1]], dtype=np.float32
        ),
        signals=Signals(
            cycle=3,
            classes=("soil", "crop", "weed"),
            labels=9,
            class_labels=(9, 8, 1),
            coverage_p95=1.5,
            spread=1.5,
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
        ("entropy", "the model is unsure here (place 1 of 4)"),
        ("kcenter", "some labeled images look like this (place 2 of 4)"),
        (
            "hybrid",
            "the model is unsure here (place 1 of 4); "
            "some labeled images look like this (place 2 of 4)",
        ),
        ("random", "drawn at random, as a fair sample of the pool"),
        (
            "foreground_random",
            "drawn at random from those predicted to hold foreground (40.0% of its pixels)",
        ),
        ("kmeans", "3 of 4 images are most like this one"),
        ("typiclust", "typical; 3 of 4 images are most like this one"),
        ("probcover", "3 of 4 images are most like this one"),
        (
            "uherding",
            "the model is unsure here (place 1 of 4); 3 of 4 images are most like this one",
        ),
        (
            "rare_class",
            "predicted to hold 'weed' on 4.0% of its pixels (place 1 of 4)",
        ),
        ("margin", "the model hesitates a little between two classes here (place 2 of 4)"),
        ("least_confidence", "the model trusts its answer here (place 4 of 4)"),
        (
            "disagreement",
            "two versions of the model disagree here (place 1 of 4); "
            "the model answers alike from near and from afar (place 3 of 4)",
        ),
        ("badge", "a label here would change the model somewhat (place 2 of 4)"),
        ("cluster_margin", "the model hesitates a little between two classes here (place 2 of 4)"),
        ("clasp_pe", "the model is unsure where it sees 'weed' (place 1 of 4)"),
        (
            "auto",
            "exploring: the model is unsure where it sees 'weed' (place 1 of 4); a typical image "
            "(place 1 of 4); some labeled images look like this (place 2 of 4); predicted to hold "
            "'weed', which 1 of 9 labeled images hold",
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

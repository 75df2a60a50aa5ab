"""Replayed clicks: pure, threaded, within bounds (invariants 2, 14, 16)."""

from __future__ import annotations

import resource
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.clicks.click import Click, ClickQuestion, ObjectProbability
from daemon.clicks.click_replay import ClickSource, ReplayedClicks
from daemon.clicks.walk_engines import PriorWalk
from tests.fakes.clicked_fields import CountingEngine, disc, picture_of, prior_map

PLANT = disc((40, 40), 20, 20, 9)
IMAGE = picture_of(PLANT)
SOURCE = ClickSource(image="a" * 64, model="1.0-x")
PLACES = st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), min_size=1, max_size=5)


def question_of(*places: tuple[int, int]) -> ClickQuestion:
    return ClickQuestion(
        image=IMAGE, clicks=tuple(Click(x=x, y=y) for x, y in places), prior=prior_map(PLANT)
    )


def same(one: ObjectProbability, other: ObjectProbability) -> bool:
    return np.array_equal(one.values, other.values) and replace(one, values=other.values) == other


@settings(max_examples=15, deadline=None)
@given(places=PLACES, others=PLACES)
def test_kept_answers_are_those_of_a_first_time(
    places: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    used = ReplayedClicks()
    for asked in (others, places[:1], [*places, *others]):
        used.answer(PriorWalk(), SOURCE, question_of(*asked))

    kept = used.answer(PriorWalk(), SOURCE, question_of(*places))
    fresh = ReplayedClicks().answer(PriorWalk(), SOURCE, question_of(*places))

    assert kept.computed == 0
    assert fresh.computed == len(places)
    assert same(kept.probability, fresh.probability)


def test_a_further_click_is_one_computation_and_an_undone_one_none() -> None:
    engine, replayed = CountingEngine(), ReplayedClicks()
    three = question_of((1, 1), (2, 2), (3, 3))

    replayed.answer(engine, SOURCE, three)
    assert engine.asked == 3
    replayed.answer(engine, SOURCE, replace(three, clicks=(*three.clicks, Click(x=9, y=9))))
    assert engine.asked == 4
    replayed.answer(engine, SOURCE, replace(three, clicks=three.clicks[:2]))
    assert engine.asked == 4


@pytest.mark.parametrize(
    "other",
    [
        replace(SOURCE, image="b" * 64),
        replace(SOURCE, model="2.0-x"),
        replace(SOURCE, initial="mask 7"),
    ],
)
def test_an_answer_belongs_to_its_image_model_and_start(other: ClickSource) -> None:
    engine, replayed = CountingEngine(), ReplayedClicks()

    replayed.answer(engine, SOURCE, question_of((1, 1)))
    replayed.answer(engine, other, question_of((1, 1)))

    assert engine.asked == 2


def test_an_answer_cannot_be_changed_by_who_gets_it() -> None:
    answer = ReplayedClicks().answer(CountingEngine(), SOURCE, question_of((1, 1)))

    with pytest.raises(ValueError, match="read-only"):
        answer.probability.values[0, 0] = 1


def test_without_clicks_there_is_no_answer() -> None:
    with pytest.raises(ValueError, match="expected at least one"):
        ReplayedClicks().answer(CountingEngine(), SOURCE, question_of())


def test_eight_threads_never_get_the_mask_of_another_image() -> None:
    images = [np.full((2, 2, 3), value, np.uint8) for value in (10, 200)]
    replayed, engine = ReplayedClicks(most_bytes=2000), CountingEngine()  # it forgets often

    def work(seed: int) -> bool:
        rng, right = np.random.default_rng(seed), True
        for _ in range(150):
            number = int(rng.integers(2))
            clicks = tuple(Click(x=int(x), y=0) for x in rng.integers(0, 3, rng.integers(1, 6)))
            asked = ClickQuestion(image=images[number], clicks=clicks)
            found = replayed.answer(engine, ClickSource(image=str(number)), asked)
            expected = 0.0
            for click in clicks:
                expected = expected * 0.5 + click.x
            values = found.probability.values[0]
            right &= values.tolist() == [images[number][0, 0, 0], expected, len(clicks)]
        return right

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(8)))


def test_memory_stays_flat_over_ten_thousand_clicks() -> None:
    replayed, engine = ReplayedClicks(most_bytes=2**20), LargeAnswers()
    asked = ClickQuestion(image=IMAGE, clicks=())

    def click(number: int) -> None:
        source = ClickSource(image=str(number // 10))
        clicks = tuple(Click(x=x, y=0) for x in range(number % 10 + 1))
        replayed.answer(engine, source, replace(asked, clicks=clicks))

    for number in range(1000):
        click(number)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(1000, 11_000):
        click(number)

    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert engine.asked == 11_000
    assert grown_kb < 20_000  # all answers together would be 440 MB


class LargeAnswers(CountingEngine):
    def segment(self, question: ClickQuestion) -> ObjectProbability:
        self.asked += 1
        return ObjectProbability(left=0, top=0, values=np.ones((100, 100), np.float32))

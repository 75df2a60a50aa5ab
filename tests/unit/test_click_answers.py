"""Clicks become regions; whatever else comes is answered by none, and counted."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.label_studio.label_config import LabelConfig, parse
from connectors.masks.regions import decode
from daemon.clicks.click import PriorMap
from daemon.domain import Mask
from daemon.runs.predicted_masks import predict_run
from daemon.runs.prior_maps import prior_file, write_prior
from daemon.smart_tool.click_answers import VERSION
from tests.fakes.clicking import (
    CLASSES,
    LABEL_CONFIG,
    SIZE,
    PlainEngines,
    body,
    click_tool,
    clicked_store,
    point,
    predict,
)


class Bench:
    """The smart tool over a store with two pictures."""

    def __init__(self, state: Path) -> None:
        clicked_store(state)
        self.engines, self.state = PlainEngines(), state
        self.tool = click_tool(state, self.engines, iter(range(10**6)).__next__)

    def regions(self, content: bytes) -> list[dict[str, Any]]:
        answer = json.loads(json.dumps(self.tool.predict(content), allow_nan=False))
        (result,) = answer["results"]
        assert result["model_version"] == VERSION
        return list(result["result"])

    def mask(self, content: bytes) -> Mask:
        config = parse(LABEL_CONFIG)
        assert isinstance(config, LabelConfig)
        return decode(self.regions(content), CLASSES, config.control, SIZE, "the answer").mask


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_click_suggests_the_object_in_the_chosen_class(bench: Bench) -> None:
    expected = np.zeros(SIZE, np.uint8)
    expected[20:40, 30:50] = 2

    assert np.array_equal(bench.mask(body(point())), expected)

    figures = bench.tool.figures()
    assert (figures.engines, figures.negative_share) == ({"same_colour": 1}, 0)
    assert figures.seconds_median == figures.seconds_p95 == 1


def test_a_negative_click_cuts_and_the_region_keeps_its_id(bench: Bench) -> None:
    first, second = point(), point(40, 40, is_positive=False)
    (whole,), (cut,) = bench.regions(body(first)), bench.regions(body(first, second))

    mask = bench.mask(body(first, second))

    assert whole["id"] == cut["id"]
    assert mask[24, 32] == 0
    assert mask[30, 40] == 2
    assert bench.tool.figures().negative_share == pytest.approx(2 / 3)


def test_an_equal_request_has_an_equal_answer(bench: Bench) -> None:
    one, other = bench.tool.predict(body(point())), bench.tool.predict(body(point()))

    assert json.dumps(one) == json.dumps(other)


def test_the_id_of_a_region_that_the_task_holds_is_never_given_again(bench: Bench) -> None:
    (region,) = bench.regions(body(point()))
    held = predict(point())
    held["tasks"][0]["annotations"] = [{"result": [region]}]

    (again,) = bench.regions(json.dumps(held).encode())

    assert again["id"] != region["id"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "a request that cannot be read"),
        (b"\xff{", "a request that cannot be read"),
        (b"[" * 100_000, "a request that cannot be read"),
        (body(point(x=float("nan"))), "a request that cannot be read"),
        (body(), "no click"),
        (body(point(is_positive=False)), "no positive click"),
        (body(point(label="tree")), "a label that no mask tag has"),
        (body(point(), project="2.1"), "another project"),
        (body(point(), project=None), "another project"),
        (body(point(), task=99), "a task that the daemon does not know"),
        (body(point(), label_config="<View/>"), "a label config without masks"),
    ],
)
def test_what_cannot_be_answered_gets_no_region(bench: Bench, content: bytes, why: str) -> None:
    assert bench.regions(content) == []
    assert bench.tool.figures().without_mask == {why: 1}
    assert bench.engines.asked == []


def test_a_request_for_predictions_gets_nothing_to_store(bench: Bench) -> None:
    answer = bench.tool.predict(json.dumps(predict(params={"context": None})).encode())

    assert answer == {"results": []}


def test_an_image_that_became_another_one_is_named(bench: Bench) -> None:
    (bench.state / "0.png").write_bytes(b"no picture")

    assert bench.regions(body(point())) == []
    assert bench.tool.figures().unreadable_images == ("image 0",)


def test_a_fault_of_an_engine_is_answered_and_counted(bench: Bench) -> None:
    bench.engines.failure = ZeroDivisionError("a fault")

    assert bench.regions(body(point())) == []
    assert bench.tool.figures().without_mask == {"a fault of Maskloop, see its log": 1}


def test_before_the_first_tick_there_is_no_region(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (tmp_path / "store.db").unlink()

    assert bench.regions(body(point())) == []


def test_a_session_keeps_the_prior_that_it_began_with(bench: Bench) -> None:
    def keep_prior(cycle: int) -> None:
        file = prior_file(predict_run(bench.state / "runs", cycle), 1)
        file.parent.mkdir(parents=True)
        write_prior(file, PriorMap(values=np.full((15, 20), cycle, np.uint8), stride=4))

    first, other = point(), point(60, 60)
    bench.regions(body(first))
    keep_prior(2)
    (region,) = bench.regions(body(first, other))
    keep_prior(5)
    bench.regions(body(first, other, point(61, 61)))
    bench.regions(body(other))

    priors = [asked.prior for asked in bench.engines.asked]
    assert [prior and prior.cycle for prior in priors] == [None, 2, 2, 5]
    assert region["meta"] == {"maskloop": "same_colour, model of cycle 2"}


def test_many_people_on_two_images_never_get_the_mask_of_the_other(bench: Bench) -> None:
    expected = [bench.mask(body(point(), task=task)) for task in (3, 4)]
    wrong: list[int] = []

    def click(task: int) -> None:
        masks = (bench.mask(body(point(), task=task)) for _ in range(10))
        wrong.extend(task for mask in masks if not np.array_equal(mask, expected[task - 3]))

    people = [threading.Thread(target=click, args=(3 + number % 2,)) for number in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert not np.array_equal(expected[0], expected[1])
    assert wrong == []

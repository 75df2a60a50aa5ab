"""The lines between the web process and the worker that answers clicks."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from daemon.clicks.click import Click, ObjectProbability
from daemon.domain.errors import RunFailed
from daemon.runs import click_worker_messages as wire

QUESTION: dict[str, Any] = {"id": "a", "image": "/x.png", "clicks": [[3, 4, True]], "prior": None}


def asked(**changes: Any) -> bytes:
    return json.dumps({**QUESTION, **changes}).encode() + b"\n"


def test_a_question_is_read_with_its_clicks_in_order() -> None:
    question = wire.read_question(asked(clicks=[[3, 4, True], [5, 6, False]]))

    assert question.made_clicks() == (Click(x=3, y=4), Click(x=5, y=6, positive=False))


@pytest.mark.parametrize(
    "changes",
    [
        {"clicks": []},
        {"clicks": [[1, 2, True]] * 61},
        {"clicks": [[-1, 2, True]]},
        {"clicks": [[1.5, 2, True]]},
        {"clicks": [[1, 2, 1]]},
        {"clicks": [[float("nan"), 2, True]]},
        {"image": None},
        {"more": 1},
    ],
)
def test_a_bad_question_is_named_by_its_id(changes: dict[str, Any]) -> None:
    with pytest.raises(wire.BadLine) as raised:
        wire.read_question(asked(**changes))

    assert raised.value.id == "a"


@given(st.binary(max_size=200))
def test_any_other_line_is_a_bad_line(line: bytes) -> None:
    with pytest.raises(wire.BadLine):
        wire.read_question(line + b"\n")


def test_a_line_too_long_is_refused_and_the_next_one_is_read() -> None:
    stream = io.BytesIO(b"x" * (3 * wire.MAX_QUESTION_BYTES) + b"\n" + asked())

    first = wire.next_line(stream, wire.MAX_QUESTION_BYTES)
    second = wire.next_line(stream, wire.MAX_QUESTION_BYTES)

    assert first is not None
    assert len(first) == wire.MAX_QUESTION_BYTES
    with pytest.raises(wire.BadLine, match="more than"):
        wire.read_question(first)
    assert second == asked()
    assert wire.next_line(stream, wire.MAX_QUESTION_BYTES) is None


def test_half_a_line_is_the_end() -> None:
    assert wire.next_line(io.BytesIO(b'{"id": "a"'), wire.MAX_QUESTION_BYTES) is None


@given(
    arrays.arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)),
    st.integers(0, 1000),
)
def test_a_crop_comes_back_within_a_step_and_on_its_side_of_a_half(
    values: np.ndarray[Any, np.dtype[np.float32]], left: int
) -> None:
    sent = wire.answer_of("a", ObjectProbability(left=left, top=9, values=values), ms=1.5)

    read = wire.read_answer(wire.line_of(sent))

    assert isinstance(read, wire.WorkerAnswer)
    found = read.object_probability()
    assert (found.left, found.top) == (left, 9)
    np.testing.assert_allclose(found.values, values, atol=0.5 / 255 + 1e-6)
    np.testing.assert_array_equal(found.values >= 0.5, values >= 0.5)


def test_errors_and_readiness_are_read_and_nothing_else() -> None:
    for said in (wire.WorkerError(id="", error="no"), wire.WorkerReady(ready="click_net")):
        assert wire.read_answer(wire.line_of(said)) == said
    with pytest.raises(RunFailed, match="expected"):
        wire.read_answer(b"hello\n")


@pytest.mark.parametrize("probability", ["?", "aGVsbG8=", ""])
def test_a_crop_that_is_no_picture_is_refused(probability: str) -> None:
    sent = wire.answer_of("a", ObjectProbability(left=0, top=0, values=np.zeros((2, 3), "f4")), 0)

    with pytest.raises(RunFailed, match="crop"):
        sent.model_copy(update={"probability": probability}).object_probability()


def test_a_crop_of_another_size_is_refused() -> None:
    sent = wire.answer_of("a", ObjectProbability(left=0, top=0, values=np.zeros((2, 3), "f4")), 0)

    with pytest.raises(RunFailed, match="2 x 4"):
        sent.model_copy(update={"width": 4}).object_probability()

"""Whatever a labeling tool says: no tick ends, and nothing is dropped in silence.

At fifty times the size: tests/benchmarks/fuzz_intake.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.odd_images import image_rounds
from tests.fakes.odd_tool import OddField, rounds
from tests.integration.workbench import configured

MANY = pytest.mark.parametrize("inputs", [2_000, pytest.param(10_000, marks=pytest.mark.long)])
SEED = 20261126


@MANY
@pytest.mark.parametrize("kind", ["tasks", "annotations", "masks"])
def test_no_odd_input_ends_a_tick_or_is_dropped_in_silence(
    kind: str, inputs: int, tmp_path: Path
) -> None:
    config = configured(tmp_path)

    for dropped in rounds(kind, inputs, tmp_path, config, SEED):
        assert dropped == []


@MANY
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # what it says of odd EXIF
def test_no_odd_picture_ends_a_tick_or_is_dropped_in_silence(inputs: int, tmp_path: Path) -> None:
    config = configured(tmp_path)

    for dropped in image_rounds(inputs, tmp_path, config, SEED):
        assert dropped == []


def test_the_count_notices_what_is_dropped(tmp_path: Path) -> None:
    with OddField(tmp_path / "odd", configured(tmp_path), SEED) as field:
        field.answer_oddly(5, 10)
        field.take_in()
        assert field.dropped() == []
        faults = field.store._write("DELETE FROM quarantine")

        dropped = field.dropped()

    assert faults > 5
    assert len(dropped) == 5  # of each task some answers

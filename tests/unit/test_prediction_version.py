"""One maker and one reader of the names of predictions."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import daemon
from daemon.domain import PredictionVersion

NUMBERS = st.integers(0, 999_999_999)
VERSIONS = st.builds(
    PredictionVersion,
    cycle=NUMBERS,
    attempt=NUMBERS,
    nonce=st.text("0123456789abcdef", max_size=16),
)


@given(VERSIONS)
def test_a_name_is_read_as_the_version_that_it_names(version: PredictionVersion) -> None:
    assert PredictionVersion.parse(str(version)) == version


@given(st.from_regex(r"\d{1,10}\.\d{1,10}(-\w{0,17})?\n?") | st.text())
def test_what_can_be_read_is_written_the_same(name: str) -> None:
    with suppress(ValueError):
        assert str(PredictionVersion.parse(name)) == name


def test_names_of_earlier_releases_have_no_nonce() -> None:
    assert PredictionVersion.parse("3.2") == PredictionVersion(cycle=3, attempt=2)
    assert str(PredictionVersion(cycle=3, attempt=2, nonce="9f2c1a7b")) == "3.2-9f2c1a7b"


@pytest.mark.parametrize(
    ("cycle", "attempt", "nonce"), [(-1, 0, ""), (0, 10**9, ""), (1, 1, "XY"), (1, 1, "-")]
)
def test_a_version_that_has_no_name_is_refused(cycle: int, attempt: int, nonce: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        PredictionVersion(cycle=cycle, attempt=attempt, nonce=nonce)


@given(VERSIONS, VERSIONS)
def test_a_later_version_has_the_larger_number(
    one: PredictionVersion, other: PredictionVersion
) -> None:
    assert (one.number < other.number) == ((one.cycle, one.attempt) < (other.cycle, other.attempt))


def test_nobody_else_takes_a_name_apart() -> None:
    """No other code of ours splits a version at its dot or its dash."""
    root = Path(daemon.__file__).parents[1]
    apart = re.compile(r"(version|shown)\w*\)?\.(partition|split|rpartition)\(")
    for room in ("daemon", "connectors"):
        for path in (root / room).rglob("*.py"):
            found = apart.search(path.read_text())
            assert found is None, f"{path}: {found and found[0]}"

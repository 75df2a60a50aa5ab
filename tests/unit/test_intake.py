from __future__ import annotations

import errno
import sqlite3

import pytest

from daemon.domain import FaultState
from daemon.domain.errors import ConnectorUnavailable, DiskFull, ImageRefused, IntakeBroken
from daemon.domain.faults import FAULT_CHARS, AnswerId, Fault, printable
from daemon.intake import Intake, own_source_line

WORDS = {"expected": "a whole image", "cure": "replace the file"}


def ours(number: int) -> None:
    """Fails in a line of our own code for every number that is no state of a fault."""
    FaultState(number)


def test_any_exception_becomes_a_fault_that_names_the_culprit() -> None:
    intake = Intake()
    for name in ("a.png", "b.png"):
        with intake.guard(f"image {name}", **WORDS):
            raise KeyError("MPF")

    assert [str(fault) for fault in intake.faults()] == [
        "image a.png: got KeyError: 'MPF'; expected a whole image; replace the file",
        "image b.png: got KeyError: 'MPF'; expected a whole image; replace the file",
    ]


def test_an_input_that_can_be_read_leaves_no_fault() -> None:
    intake = Intake()
    with intake.guard("image a.png", **WORDS):
        pass

    assert intake.faults() == ()
    assert intake.count == 1


def test_a_refusal_that_carries_its_own_fault_keeps_it() -> None:
    own = Fault(where="region 3", got="x", expected="y", cure="z")

    class Refused(ImageRefused):
        fault = own

    intake = Intake()
    answer = AnswerId(annotation="1", task="2", image_key="k")
    with intake.guard("annotation 1 of task 2", answer=answer, **WORDS):
        raise Refused("words")

    (fault,) = intake.faults()
    assert (fault.where, fault.got, fault.answer) == ("region 3", "x", answer)


@pytest.mark.parametrize(
    "passing",
    [
        MemoryError(),
        DiskFull("full"),
        OSError(errno.ENOSPC, "no space"),
        OSError(errno.EMFILE, "too many open files"),
        ConnectorUnavailable("gone"),
        sqlite3.OperationalError("database is locked"),
    ],
)
def test_want_of_memory_or_disk_and_lost_connections_pass_through(passing: Exception) -> None:
    intake = Intake()
    with pytest.raises(type(passing)), intake.guard("image a.png", **WORDS):
        raise passing

    assert intake.faults() == ()


def test_one_line_that_fails_on_more_than_a_fifth_of_the_inputs_is_our_own_fault() -> None:
    intake = Intake()
    for number in range(20):
        with intake.guard(f"image {number}", **WORDS):
            if number % 4 == 0:
                own_source_line(number)  # type: ignore[arg-type]

    with pytest.raises(IntakeBroken, match=r"daemon/intake|5 of 20 inputs"):
        intake.faults()


def test_a_fifth_of_the_inputs_or_fewer_than_twenty_are_faults_of_the_inputs() -> None:
    few, fifth = Intake(), Intake()
    for intake, count, step in ((few, 19, 1), (fifth, 20, 5)):
        for number in range(count):
            with intake.guard(f"image {number}", **WORDS):
                if number % step == 0:
                    ours(number)

    assert len(few.faults()) == 19
    assert len(fifth.faults()) == 4


def test_refusals_in_words_never_count_as_our_own_fault() -> None:
    intake = Intake()
    for number in range(100):
        with intake.guard(f"image {number}", **WORDS):
            raise ImageRefused("truncated")

    assert len(intake.faults()) == 100


def test_a_fault_costs_a_few_hundred_characters_whatever_came_in() -> None:
    one = Fault(where="image data:" + "A" * 2_000_000, got="x" * 10**6, expected="y", cure="z")
    other = Fault(where="image data:" + "A" * 2_000_001, got="", expected="", cure="")

    assert len(one.where) == FAULT_CHARS
    assert one.where != other.where
    assert "2000011 characters" in one.where
    assert len(str(one)) < 3 * FAULT_CHARS


def test_what_utf_8_cannot_hold_is_escaped() -> None:
    assert printable("caf\udce9.png") == "caf\\udce9.png"

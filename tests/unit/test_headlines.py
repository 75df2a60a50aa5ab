"""What a lead reads first: the event that matters, faults in plain words, and the advice."""

from __future__ import annotations

import pytest

from daemon.domain import Source
from daemon.status.model_health import Event, Incident
from daemon.web.headlines import folded_events, going_on, incident_words
from daemon.web.people import person
from tests.fakes.statuses import status

AT = "2026-11-22T13:36:00+00:00"


def events(*levels: str) -> list[Event]:
    return [Event(at=AT, level=level, message=f"number {n}") for n, level in enumerate(levels)]


def incident(source: Source, kind: str) -> Incident:
    words = "GET http://tool: [Errno 111] Connection refused"
    return Incident(source=source, kind=kind, words=words, since=AT, last_at=AT, count=3)


def test_a_warning_is_seen_before_a_dozen_newer_events() -> None:
    given = events(*["info"] * 12, "error", "warning", "info")

    found = folded_events(given)

    assert [event.message for event in found.shown] == [
        "number 12", "number 13", "number 0", "number 1", "number 2",
    ]  # fmt: skip
    assert (len(found.folded), found.warnings) == (10, 0)


def test_of_many_warnings_the_newest_are_shown_and_the_others_counted() -> None:
    found = folded_events(events(*["warning"] * 5))

    assert [event.message for event in found.shown] == ["number 0", "number 1", "number 2"]
    assert (len(found.folded), found.warnings) == (2, 2)


def test_an_event_that_repeats_is_shown_once() -> None:
    again = [Event(at=AT, level="info", message="back") for _ in range(4)]

    assert len(folded_events(again).shown) == 1
    assert folded_events([]).shown == ()


@pytest.mark.parametrize("source", list(Source))
def test_every_fault_has_words_without_an_errno(source: Source) -> None:
    words = incident_words(incident(source, "Kind"))

    assert words.endswith(".")
    assert "Errno" not in words


def test_a_tool_that_is_down_and_one_that_refuses_differ() -> None:
    down = incident_words(incident(Source.TOOL, "ConnectorUnavailable"))
    refused = incident_words(incident(Source.TOOL, "ConnectorRefused"))

    assert down.startswith("The labeling tool does not answer.")
    assert "token" in refused


def test_a_bare_number_is_a_user_of_the_tool() -> None:
    assert [person(name) for name in ("2", "anna@field.example", None)] == [
        "user 2", "anna@field.example", "",
    ]  # fmt: skip


def test_the_advice_of_the_curve_is_on_the_overview() -> None:
    assert going_on(status(2)).headline == "Not measured yet"
    assert going_on(status(4)).headline == "Go on"

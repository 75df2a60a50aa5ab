"""Fields of an annotation that are absurd: unknown, with a note, and never the end of its label."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.label_studio.task_fields import (
    UNKNOWN_PERSON,
    UNKNOWN_TIME,
    AnnotationFields,
    content_digest,
    parse_id,
    parse_time,
)
from connectors.unreadable import UnreadableValue

NOON = "2026-01-02T12:00:00.5Z"


@pytest.mark.parametrize(
    "seconds", [1.7e12, -1, float("nan"), float("inf"), 10**30, True, "12.5", [3], {}]
)
def test_an_absurd_lead_time_is_unknown_and_noted(seconds: Any) -> None:
    fields = AnnotationFields({"lead_time": seconds})

    assert fields.lead_time_s() is None
    assert fields.notes[0].startswith("lead_time is taken as unknown: got ")


@pytest.mark.parametrize("seconds", [0, 12.5, 86400 * 366])
def test_a_lead_time_of_up_to_a_year_is_kept(seconds: float) -> None:
    fields = AnnotationFields({"lead_time": seconds})

    assert fields.lead_time_s() == seconds
    assert fields.notes == []


def test_an_annotation_that_tells_nothing_beside_its_mask_has_notes_for_its_times_only() -> None:
    fields = AnnotationFields({})

    assert (fields.lead_time_s(), fields.prediction(), fields.ground_truth()) == (None, None, False)
    assert (fields.annotator(), fields.is_skip()) == (UNKNOWN_PERSON, False)
    assert fields.times() == (UNKNOWN_TIME, UNKNOWN_TIME)
    assert [note.partition(" ")[0] for note in fields.notes] == ["created_at", "updated_at"]


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (3, "3"),
        ({"id": 3, "email": "ada@example.org"}, "3"),
        ({"id": None, "email": "ad\udce0@example.org"}, "ad\\udce0@example.org"),
        ("ada\x00@example.org", "ada\\x00@example.org"),
        ("Zo\u00eb@ex\u00e4mple.org", "Zo\u00eb@ex\u00e4mple.org"),
    ],
)
def test_an_annotator_has_a_name_that_can_be_kept_and_shown(told: Any, name: str) -> None:
    fields = AnnotationFields({"completed_by": told})

    assert fields.annotator() == name
    assert fields.notes == []


def test_a_user_who_was_deleted_is_unknown_without_a_note() -> None:
    fields = AnnotationFields({"completed_by": None})

    assert (fields.annotator(), fields.notes) == (UNKNOWN_PERSON, [])


@pytest.mark.parametrize("told", [[], {}, float("nan"), True, 0, 2**63, "  ", {"id": [1]}])
def test_a_user_who_cannot_be_read_is_unknown_and_noted(told: Any) -> None:
    fields = AnnotationFields({"completed_by": told})

    assert fields.annotator() == UNKNOWN_PERSON
    assert len(fields.notes) == 1


@pytest.mark.parametrize(
    "text",
    [
        *("2026-01-02T12:00:00", "10000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday"),
        *("0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "", 5, None, float("nan")),
    ],
)
def test_a_time_without_a_zone_or_far_away_is_no_time(text: Any) -> None:
    assert parse_time(text) is None


def test_times_are_told_in_utc_whatever_zone_the_server_writes() -> None:
    assert parse_time("2026-01-02T13:00:00+05:30") == datetime(2026, 1, 2, 7, 30, tzinfo=UTC)
    assert str(parse_time("2026-01-02T13:00:00+05:30")).endswith("07:30:00+00:00")


def test_one_time_stands_for_the_other_with_a_note() -> None:
    fields = AnnotationFields({"created_at": "never", "updated_at": NOON})

    assert fields.times() == (parse_time(NOON), parse_time(NOON))
    assert len(fields.notes) == 1


@pytest.mark.parametrize("told", ["false", 0.5, [], float("nan")])
def test_nothing_is_made_of_an_answer_that_does_not_tell_whether_it_is_a_skip(told: Any) -> None:
    with pytest.raises(UnreadableValue, match="true or false"):
        AnnotationFields({"was_cancelled": told}).is_skip()


@pytest.mark.parametrize("value", [0, -1, 2**63, True, 3.0, "3", None, [3], float("nan")])
def test_what_is_no_number_of_label_studio_is_none(value: Any) -> None:
    assert parse_id(value) is None


def test_what_has_no_number_is_marked_by_its_content() -> None:
    assert content_digest({"id": None, "a": 1}) == content_digest({"a": 1, "id": None})
    assert content_digest({"id": None, "a": 1}) != content_digest({"id": None, "a": 2})
    assert content_digest("\udce9").startswith("?")

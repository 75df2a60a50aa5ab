"""Names of people are kept from who is no lead, wherever a model holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from daemon.insight.person_names import Mention, PersonName, Pseudonyms, without_names
from daemon.insight.view_model import ViewModel
from daemon.store import FILE, Store
from daemon.web.access.people import PeopleOfStore
from tests.fakes.labels import annotation, image

Name = st.text(min_size=1, max_size=8).map(lambda text: f"<{text}>")


class Answer(ViewModel):
    """An answer of a person."""

    by: PersonName | None
    image: str


class Team(ViewModel):
    """All shapes in which a model may hold a name."""

    lead: PersonName
    deputy: PersonName | None
    answers: tuple[Answer, ...]
    seconds: Mapping[PersonName, float] | None
    by_day: Mapping[str, tuple[PersonName, ...]]
    newest: Answer | None
    note: Mention


@given(names=st.lists(Name, min_size=2, max_size=6, unique=True), missing=st.booleans())
def test_no_name_is_left_and_everything_else_stays(names: list[str], missing: bool) -> None:
    first, second = names[:2]
    team = Team(
        lead=first,
        deputy=None if missing else second,
        answers=(Answer(by=second, image=first), Answer(by=None, image="b")),
        seconds=None if missing else {first: 1.0, second: 2.0},
        by_day={first: (second, first)},
        newest=None if missing else Answer(by=first, image="c"),
        note=f"2 new labels (1 from {first}, 1 from {second})",
    )

    seen = without_names(team, Pseudonyms(names))

    assert (seen.lead, seen.deputy) == ("person 1", None if missing else "person 2")
    assert seen.answers == (Answer(by="person 2", image=first), Answer(by=None, image="b"))
    assert seen.seconds == (None if missing else {"person 1": 1.0, "person 2": 2.0})
    assert seen.by_day == {first: ("person 2", "person 1")}
    assert seen.newest == (None if missing else Answer(by="person 1", image="c"))
    assert seen.note == "2 new labels (1 from person 1, 1 from person 2)"


def test_a_number_of_the_labeling_tool_is_a_name_too_and_only_where_it_is_one() -> None:
    people = Pseudonyms(["2", "ada"])

    assert people.in_sentence("2 new labels (2 from user 2), ada") == (
        "2 new labels (2 from person 1), person 2"
    )
    assert [people.of(name) for name in ("ada", "cleo", "cleo", "")] == [
        "person 2", "person 3", "person 3", ""
    ]  # fmt: skip


def test_people_are_numbered_by_their_first_answer_and_keep_their_number(tmp_path: Path) -> None:
    people = PeopleOfStore()
    with Store(tmp_path / FILE) as store:
        for key in ("a", "b", "c"):
            store.add_image(image(key), None)
        store.keep_annotation(1, replace(annotation("1", "a", minutes=2), annotator="ada"))
        store.keep_annotation(2, replace(annotation("2", "b", minutes=1), annotator="zoe"))
        assert people.pseudonyms(store).of("zoe") == "person 1"
        store.keep_annotation(3, replace(annotation("3", "c", minutes=3), annotator="ben"))
        store.keep_annotation(2, replace(annotation("2", "b", minutes=1), annotator="zoe"))
        numbers = {name: people.pseudonyms(store).of(name) for name in ("zoe", "ada", "ben")}

    assert numbers == {"zoe": "person 1", "ada": "person 2", "ben": "person 3"}

"""The page of a batch: who was asked what and why, what became of it, and nothing made up."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.loading import Config
from daemon.insight.batch_query import SORTS, BatchQuery
from daemon.insight.plain_reasons import plain_reason
from daemon.insight.score_places import nearest_images, score_places
from daemon.store import FILE, Store
from daemon.web.app import create_app
from tests.fakes.large_store import Size, asked_in, large_store
from tests.fakes.statuses import HOSTILE, status
from tests.fakes.visitors import signed_in

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = ("cycle", "state", "person", "arm", "class", "sort", "page")
SIZE = Size(images=120, cycles=2, batch=30, validation=6, open=7)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return large_store(tmp_path_factory.mktemp("loop"), SIZE, NOW)


@pytest.fixture(scope="module")
def client(config: Config) -> FlaskClient:
    client = create_app(lambda: status(0), read_config=lambda: config).test_client()
    signed_in(client, config)
    return client


def images(client: FlaskClient, query: str = "") -> list[dict[str, object]]:
    found: list[dict[str, object]] = client.get(f"/batch.json{query}").get_json()["images"]
    return found


def test_the_newest_batch_is_shown_by_rank_in_parts(client: FlaskClient) -> None:
    first, second = images(client), images(client, "?page=2")

    ranks = [image["rank"] for image in [*first, *second]]
    assert ranks == list(range(1, SIZE.batch + 1))
    assert [image["image_id"] for image in first[:2]] == list(asked_in(SIZE, 2))[:2]


def test_an_image_says_why_who_how_long_and_how_much_was_changed(client: FlaskClient) -> None:
    image = images(client)[0]

    assert re.match(r"The model is .*unsure here \(place", str(image["reason"]))
    assert image["arm_words"] == "chosen by the strategy auto"
    assert image["person"] in ("Anna Berg", "Jonas Weil", "Mira Sol")
    assert 0 < image["minutes"] < 30  # type: ignore[operator]
    assert 0 < image["iou"] < 1  # type: ignore[operator]
    assert image["prediction_cycle"] == 2
    assert image["link"] == f"http://127.0.0.1:8080/projects/1/data?task={image['task']}"
    assert [score["of"] for score in image["scores"]] == [120 - 66] * 3  # type: ignore[attr-defined]
    assert image["nearest_name"].startswith("field_")  # type: ignore[attr-defined]


def test_an_open_image_says_who_has_begun_it(client: FlaskClient) -> None:
    begun = [image for image in images(client, "?state=open") if image["has_draft"]]

    assert [(image["person"], image["task"]) for image in begun] == [
        ("Jonas Weil", str(SIZE.asked))
    ]


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("?state=open", "state", "open"),
        ("?person=2", "person", "Jonas Weil"),
        ("?arm=random", "arm", "random"),
        ("?cycle=0&arm=validation", "arm", "validation"),
    ],
)
def test_a_filter_leaves_what_it_names(
    client: FlaskClient, query: str, field: str, value: str
) -> None:
    found = images(client, query)

    assert found
    assert {image[field] for image in found} == {value}


def test_who_may_not_see_names_sees_numbers_and_cannot_ask_for_a_person(config: Config) -> None:
    stranger = create_app(lambda: status(0), read_config=lambda: config).test_client()

    found = stranger.get("/batch.json?person=2").get_json()
    page = stranger.get("/batch?person=2").text

    assert {image["person_id"] for image in found["images"]} > {"person 1", "person 2"}
    assert {image["person"] for image in found["images"]} == {""}
    assert (found["people"], found["query"]) == ([], "")
    assert "Jonas" not in page
    assert "person=2" not in page


def test_a_class_filter_leaves_the_images_that_hold_it(client: FlaskClient) -> None:
    assert all("weed" in image["classes"] for image in images(client, "?class=weed"))  # type: ignore[operator]
    assert images(client, "?class=nothing") == []


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_lists_the_same_images(client: FlaskClient, sort: str) -> None:
    listed = [
        image["image_id"]
        for page in (1, 2)
        for image in images(client, f"?sort={sort}&page={page}")
    ]

    assert sorted(listed) == list(asked_in(SIZE, 2))  # type: ignore[type-var]


@given(
    st.dictionaries(
        st.sampled_from(["cycle", "state", "person", "arm", "class", "sort", "page"]), st.text()
    )
)
def test_any_query_is_read_and_gives_an_address_that_reads_the_same(query: dict[str, str]) -> None:

    found = BatchQuery.of(query)

    again = dict(parse_qsl(found.address().removeprefix("?"), keep_blank_values=True))
    assert BatchQuery.of(again) == found


@pytest.mark.parametrize(
    "query", ["?cycle=99", "?page=99", "?person=<script>", "?sort=;drop", "?cycle=-1&state=%00"]
)
def test_a_query_that_makes_no_sense_is_a_page_all_the_same(
    client: FlaskClient, query: str
) -> None:
    page = client.get(f"/batch{query}")

    assert page.status_code == 200
    assert "<script>" not in page.text.replace('<script src="', "")


def test_before_the_first_batch_the_page_says_what_will_come(tmp_path: Path) -> None:
    empty = Config.model_validate({"home": tmp_path})

    page = create_app(lambda: status(0), read_config=lambda: empty).test_client().get("/batch")

    assert "Nothing has been asked yet" in page.text


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    config = large_store(tmp_path, Size(images=20, cycles=1, batch=6, validation=2, open=1), NOW)
    with Store(config.state / FILE) as store:
        store._db.execute("UPDATE images SET name = ?", [HOSTILE])
        store._db.conn.commit()
        store.keep_people({"1": HOSTILE, "2": HOSTILE})

    page = create_app(lambda: status(0), read_config=lambda: config).test_client().get("/batch")

    assert "&lt;img src=x" in page.text
    assert "<img src=x" not in page.text


def test_a_reason_is_said_without_the_cycle_and_the_strategy() -> None:
    words = "cycle 3, hybrid: the model is unsure here (place 2 of 90)"

    assert plain_reason(words, "hybrid") == "The model is unsure here (place 2 of 90)"
    assert plain_reason("cycle 4, drawn at random", "random") == "Drawn at random"


def test_places_count_from_the_most_uncertain_and_ties_share_one() -> None:
    values = np.array([0.9, 0.5, 0.5, 0.1, 0.7], np.float32)

    found = score_places({"uncertainty": values}, np.arange(4), np.array([0, 2, 4]))

    assert [(one.place, one.of, one.below) for (one,) in found] == [
        (1, 4, 0.75),
        (2, 4, 0.25),
        (2, 4, 0.75),
    ]


def test_the_nearest_image_is_the_most_alike_and_of_two_the_lower_number() -> None:
    labeled = np.array([[0, 1], [1, 0], [1, 0]], np.float32)

    found = nearest_images(np.array([[0.8, 0.6]], np.float32), labeled, np.array([9, 8, 7]))

    assert found[0] is not None
    assert (found[0].image_id, round(found[0].similarity, 3)) == (7, 0.8)
    assert nearest_images(labeled, labeled[:0], np.array([], np.int64)) == [None] * 3

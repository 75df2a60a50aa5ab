"""Every page has its twin below /api/v1, with the same figures and a schema that describes it."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from daemon.domain.commands import JSON, AccessRole, CommandState
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.web.api_index import api_index
from daemon.web.app import create_app
from daemon.web.page import API
from daemon.web.pages import PAGES
from tests.fakes.statuses import status
from tests.fakes.trained_runs import HOSTILE, trained_home
from tests.fakes.visitors import signed_in

NUMBERS = {"cycle": "1", "other": "2", "truth": "1", "predicted": "0"}
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
# Answers of GET that are no pages of figures: files, pictures, what scripts of a page fetch.
OTHER = re.compile(
    r"\.(json|csv|png|jpg|js|svg)$|^/static/|^/images/|^/map/(points|frame)$|^/sign-in$|"
    r"^/curve\.<|^/api/v1"
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    config = trained_home(
        tmp_path_factory.mktemp("home"), 3, classes={"names": ["soil", "crop", "weed"]}
    )
    with Store(config.state / FILE) as store:
        role = AccessRole.LEAD
        ids = list(range(12))
        asked: dict[str, JSON] = {"ids": ids, "reason": HOSTILE}
        store.add_command("exclude", asked, asked_by="a lead on a page", role=role, at=NOW)
        store.keep_outcome(1, CommandState.REFUSED, "image 0 is not there", NOW)
    return create_app(lambda: read_status(config), read_config=lambda: config, now=lambda: NOW)


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def with_numbers(address: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: NUMBERS[found[1]], address)


def figures_of(twin: Any) -> list[float]:
    """Every mIoU of a twin."""
    if isinstance(twin, dict):
        own = [twin["miou"]] if isinstance(twin.get("miou"), float) else []
        return own + [figure for each in twin.values() for figure in figures_of(each)]
    return (
        [figure for each in twin for figure in figures_of(each)] if isinstance(twin, list) else []
    )


def test_every_page_that_is_served_is_in_the_index(app: Flask, browser: FlaskClient) -> None:
    listed = {one["page"] for one in browser.get(API).get_json()["pages"]}

    served = {
        re.sub(r"<(?:[^:<>]*:)?(\w+)>", r"{\1}", str(rule.rule))
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not OTHER.search(str(rule.rule))
    }
    assert served == listed
    assert {"/", "/curve", "/batch", "/map", "/trainings", "/suspects", "/commands"} < listed
    assert len(listed) == len(PAGES) + 3


@pytest.mark.parametrize("entry", api_index(PAGES).pages, ids=lambda one: one.title)
def test_a_page_and_its_twin_agree(browser: FlaskClient, entry: Any) -> None:
    page = browser.get(with_numbers(entry.page))
    twin = browser.get(with_numbers(entry.json_address))
    schema = browser.get(entry.schema_address)

    assert [one.status_code for one in (page, twin, schema)] == [200, 200, 200]
    assert twin.mimetype == "application/json"
    assert f'<{with_numbers(entry.json_address)}>; rel="alternate"' in page.headers["Link"]
    assert f'<{with_numbers(entry.page)}>; rel="alternate"' in twin.headers["Link"]
    footer = page.text[page.text.index("<footer>") :]
    assert f'href="{with_numbers(entry.json_address)}"' in footer
    assert f'href="{entry.schema_address}"' in footer
    assert set(twin.get_json()) <= set(schema.get_json()["properties"])
    shown = html.unescape(page.text)
    for figure in figures_of(twin.get_json()):
        assert f"{figure:.3f}" in shown


def test_the_part_of_a_list_is_the_same_in_the_twin(browser: FlaskClient) -> None:
    page = browser.get("/trainings/compare/1/2?page=7")

    assert page.headers["Link"].startswith("</api/v1/trainings/compare/1/2?page=7>")
    assert browser.get("/api/v1/trainings/compare/1/2?page=7").get_json()["sheet"]["number"] == 1
    assert browser.get("/api/v1/trainings/9").status_code == 404
    assert browser.get("/api/v1/trainings/1/mistakes/1/9").status_code == 404


@pytest.mark.parametrize(
    ("old", "new"),
    [("/status.json", "overview"), ("/curve.json", "curve"), ("/status.schema.json", "")],
)
def test_addresses_of_earlier_releases_answer_the_same(
    browser: FlaskClient, old: str, new: str
) -> None:
    address = f"{API}/{new}" if new else f"{API}/schemas/overview"

    assert browser.get(old).get_json() == browser.get(address).get_json()


def test_commands_are_listed_with_who_asked_and_what_became_of_them(browser: FlaskClient) -> None:
    (command,) = browser.get("/api/v1/commands").get_json()["commands"]
    page = browser.get("/commands").text

    assert (command["state"], command["role"]) == ("refused", "lead")
    assert command == browser.get("/api/v1/commands/1").get_json()
    assert "image 0 is not there" in page
    assert "ids = 0, 1, 2, 3, 4, 5, 6, 7 and 4 more" in page
    assert HOSTILE not in page


def test_a_note_and_an_approval_name_the_role_of_who_gave_them(app: Flask) -> None:
    (note,) = app.test_client().get("/api/v1/trainings/1").get_json()["model"]["notes"]

    assert (note["author"], note["text"]) == ("a lead", HOSTILE)
    assert "(a lead," in app.test_client().get("/trainings/1").text


def test_before_the_first_run_nobody_has_asked_for_anything() -> None:
    browser = create_app(lambda: status(0)).test_client()

    assert browser.get("/api/v1/commands").get_json() == {"commands": []}
    assert "Nobody has asked for anything" in browser.get("/commands").text


def test_who_is_no_lead_sees_the_same_pseudonyms_on_the_page_and_in_its_twin() -> None:
    browser = create_app(lambda: status(4)).test_client()

    twin, page = browser.get("/api/v1/overview").text, browser.get("/").text

    names = set(re.findall(r"person \d+", page))
    assert names
    assert names <= set(re.findall(r"person \d+", twin))


def test_twins_need_the_sign_in_that_pages_need(tmp_path: Path) -> None:
    config = trained_home(tmp_path, 1, web={"names": ["maskloop.example.org"]})
    app = create_app(lambda: read_status(config), read_config=lambda: config)

    for entry in (*api_index(PAGES).pages,):
        address = with_numbers(entry.json_address)
        assert app.test_client().get(address).status_code == 401, address
    assert app.test_client().get(API).status_code == 401
    client = app.test_client()
    signed_in(client, config)
    assert client.get(API).status_code == 200

"""A page is added as daemon/web/README.md says: the example there is what runs here."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import daemon.web
from daemon.web.app import create_app
from daemon.web.pages import PAGES
from tests.fakes.statuses import status

README = Path(daemon.web.__file__).parent / "README.md"


def block(language: str) -> str:
    """The code of the example in one language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)
    return found


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[FlaskClient]:
    """The pages with that of the example; its files lie where the test may write."""
    (tmp_path / "people.py").write_text(block("python"))
    (tmp_path / "people.html").write_text(block("html"))
    spec = importlib.util.spec_from_file_location("people_page", tmp_path / "people.py")
    people = importlib.util.module_from_spec(spec)
    sys.modules["people_page"] = people
    spec.loader.exec_module(people)
    yield create_app(
        lambda: status(4), pages=(*PAGES, replace(people.PAGE, folder=tmp_path))
    ).test_client()
    del sys.modules["people_page"]


def test_the_page_shows_what_its_json_says(browser: FlaskClient) -> None:
    assert browser.get("/api/v1/people").get_json() == {"images": {"person 1": 3}}
    assert "person 1: 3 images" in browser.get("/people").text


def test_the_schema_describes_its_fields(browser: FlaskClient) -> None:
    schema = browser.get("/api/v1/schemas/people").get_json()

    assert schema["properties"]["images"]["description"] == (
        "Annotator -> labeled images, most first."
    )


def test_every_page_links_to_every_other(browser: FlaskClient) -> None:
    for address in ("/", "/people"):
        page = browser.get(address).text

        assert re.findall(r"<nav.*?</nav>", page, re.DOTALL)
        assert '<a href="/"' in page
        assert '<a href="/people"' in page
    assert '<a href="/people" aria-current="page">' in browser.get("/people").text


def test_page_and_twin_point_at_each_other(browser: FlaskClient) -> None:
    page, twin = browser.get("/people"), browser.get("/api/v1/people")

    assert page.headers["Link"] == '</api/v1/people>; rel="alternate"; type="application/json"'
    assert twin.headers["Link"] == '</people>; rel="alternate"; type="text/html"'


@pytest.mark.parametrize("address", ["/people", "/api/v1/people", "/api/v1/schemas/people"])
def test_an_added_page_has_the_same_security_headers(browser: FlaskClient, address: str) -> None:
    headers, overview = browser.get(address).headers, browser.get("/").headers

    for name in ("Content-Security-Policy", "X-Content-Type-Options", "Cache-Control"):
        assert headers[name] == overview[name]
    assert browser.post(address).status_code == 405


def test_a_lone_page_has_no_navigation() -> None:
    lone = create_app(lambda: status(4), pages=PAGES[:1])

    assert "<nav" not in lone.test_client().get("/").text

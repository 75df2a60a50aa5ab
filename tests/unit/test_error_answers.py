"""What the pages answer where they can show nothing: a page, JSON or a line of text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from daemon.config.loading import Config
from daemon.domain.errors import StoreTooNew
from daemon.status.model import Status
from daemon.web.access.gate import LARGEST_BODY_BYTES
from daemon.web.app import create_app
from daemon.web.hints import Hints
from tests.fakes.statuses import status

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"}
PROGRAM = {"Accept": "application/json"}
SCRIPT = {"Accept": "*/*"}  # fetch() of a browser, curl
NEWER = "state/maskloop.db: schema 9 is newer than 3; install a newer Maskloop"
NOT_FOUND = "Maskloop has nothing at this address. Check the address, or begin at the overview."


def fails() -> Status:
    raise RuntimeError("/home/anna/secret.toml")


def is_newer() -> Status:
    raise StoreTooNew(NEWER)


@pytest.fixture
def client() -> FlaskClient:
    """Pages over a status alone: there is no store."""
    return create_app(lambda: status(1)).test_client()


@pytest.mark.parametrize(
    ("method", "path", "code", "words"),
    [
        ("get", "/nothing", 404, "Maskloop has nothing at this address."),
        ("get", "/map/points", 503, "the loop has not run yet; start it with <code>maskloop run"),
        ("get", "/images/9/thumbnail.jpg", 503, "these pages show the status alone"),
        ("post", "/curve", 405, "This address does not take requests of this kind."),
    ],
)
def test_a_person_gets_a_page_that_says_what_happened_and_what_to_do(
    client: FlaskClient, method: str, path: str, code: int, words: str
) -> None:
    answer = getattr(client, method)(path, headers=BROWSER)

    assert (answer.status_code, answer.mimetype) == (code, "text/html")
    assert words in answer.text
    assert 'href="/"' in answer.text  # a way on
    assert "http" not in answer.text.replace("http-equiv", "")  # nothing from elsewhere
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_is_wrong_with_an_address_is_said_and_escaped(client: FlaskClient) -> None:
    page = client.get("/<script>alert(1)</script>", headers=BROWSER)

    assert page.status_code == 404
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("path", "headers"), [("/api/v1/nothing", BROWSER), ("/api/v1/nothing", SCRIPT),
                          ("/nothing", PROGRAM), ("/nothing.json", BROWSER)]
)  # fmt: skip
def test_a_program_gets_json(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    answer = client.get(path, headers=headers)

    assert (answer.status_code, answer.mimetype) == (404, "application/json")
    assert answer.get_json() == {"error": NOT_FOUND}


def test_all_others_get_a_line_of_text(client: FlaskClient) -> None:
    for headers in (SCRIPT, {}):
        answer = client.get("/nothing", headers=headers)

        assert (answer.status_code, answer.mimetype) == (404, "text/plain")
        assert answer.text.count("\n") == 1


def test_a_405_still_says_which_methods_there_are(client: FlaskClient) -> None:
    for headers in (BROWSER, PROGRAM, SCRIPT):
        allowed = client.post("/curve", headers=headers).headers["Allow"]
        assert "GET" in allowed


@pytest.mark.parametrize("headers", [BROWSER, PROGRAM, SCRIPT])
def test_a_fault_of_ours_shows_nothing_of_its_inside(headers: dict[str, str]) -> None:
    answer = create_app(fails).test_client().get("/", headers=headers)

    assert answer.status_code == 500
    assert "its log says why" in answer.text
    for inside in ("RuntimeError", "secret", "Traceback", ".py"):
        assert inside not in answer.text


def test_a_sentence_of_ours_is_said_to_everybody() -> None:
    client = create_app(is_newer).test_client()

    page, twin, text = (
        client.get(path, headers=headers)
        for path, headers in (("/", BROWSER), ("/api/v1/overview", SCRIPT), ("/", SCRIPT))
    )

    assert [one.status_code for one in (page, twin, text)] == [503] * 3
    assert NEWER in page.text
    assert twin.get_json() == {"error": NEWER}
    assert text.text == f"{NEWER}\n"


def test_refusals_of_the_gate_are_pages_for_people(tmp_path: Path) -> None:
    config = Config.model_validate({"home": tmp_path})
    client = create_app(lambda: status(1), read_config=lambda: config).test_client()
    large = b"x" * (LARGEST_BODY_BYTES + 1)

    foreign = client.get("/", headers={**BROWSER, "Host": "evil.example"})
    too_large = client.post("/", headers=BROWSER, data=large)
    by_script = client.post("/", headers=SCRIPT, data=large)

    assert (foreign.status_code, foreign.mimetype) == (403, "text/html")
    assert "[web] names in config.toml" in foreign.text
    assert (too_large.status_code, too_large.mimetype) == (413, "text/html")
    assert by_script.get_json() == {"error": "that is too large"}


def test_what_a_labeling_tool_calls_is_answered_as_before() -> None:
    hints = Hints(secret="long random text", wake=lambda: None)
    client = create_app(lambda: status(1), hints).test_client()

    for path in ("/hint", "/smart-tool/nothing"):
        answer = client.get(path, headers=BROWSER)
        assert answer.status_code in (404, 405)
        assert "To the overview" not in answer.text
    forged = client.post("/hint", headers={"X-Maskloop-Secret": "guess"})
    assert (forged.status_code, forged.data) == (403, b"")


def test_words_of_json_are_words(client: FlaskClient) -> None:
    text = client.get("/api/v1/commands/1", headers=SCRIPT).text

    assert json.loads(text)["error"].startswith("the loop has not run yet")

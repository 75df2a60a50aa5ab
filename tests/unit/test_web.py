"""The page and its JSON twin: the same truth, nothing hostile, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import socket
import subprocess
import sys
import urllib.request
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import daemon.web
from daemon.domain import formatting
from daemon.domain.errors import ConfigError, StoreTooNew
from daemon.insight.person_names import Pseudonyms, without_names
from daemon.status.model import Status
from daemon.web.app import PLOTLY, create_app
from daemon.web.server import serving
from tests.fakes.statuses import HOSTILE, fault, status

ROOM = Path(daemon.web.__file__).parent
PLOTLY_SHA256 = "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"
LICENSE = "plotly-basic.license.txt"


def client(points: int, **changes: object) -> FlaskClient:
    return create_app(lambda: status(points, **changes)).test_client()


class Tags(HTMLParser):
    """What a browser would make of a page: elements with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data


def text_of(page: str) -> str:
    return " ".join(Tags(page).text.replace("\xa0", " ").split())


@pytest.mark.parametrize("points", [0, 1, 4])
def test_the_json_twin_is_the_status_itself(points: int) -> None:
    answer = client(points).get("/status.json")

    assert answer.mimetype == "application/json"
    seen = without_names(status(points), Pseudonyms(()))
    assert answer.get_json() == seen.as_json()
    assert Status.model_validate(answer.get_json()) == seen


def test_the_page_shows_the_numbers_of_the_json() -> None:
    shown = text_of(client(4).get("/").text)

    for point in status(4).evaluations:
        row = f"{point.cycle} {point.labels} {point.train_labels} {point.miou:.3f}"
        assert row in shown
    assert "16 of 96 labels 80 images labeled" in shown
    assert "student: 312 of 800, about 1 min 37 s left" in shown
    assert "3 of 6 labeled" in shown
    assert "4.2 % of the pixels corrected, mean of 3; 1 min 35 s each (median)" in shown
    assert (
        "0.702 mIoU 95 %: 0.662 to 0.732 (16 images; this method covers 96 % in simulation)"
        in shown
    )
    assert "Left out: 3 that share a group with validation images" in shown
    assert "+0.034 against the model of 64 labels: not clear yet which is better" in shown
    assert "0.682 on the test images" in shown
    assert "By person person 1 3 labeled" in shown
    assert f"Who holds what {HOSTILE} person 2" in shown
    assert "A model is being trained, about 1 min 37 s left of this step" in shown
    assert "1 input could not be used" in shown
    assert "a file that ends after 4096 bytes a whole JPEG copy the image again" in shown
    assert "3 pixels were drawn by two classes: the region on top has them" in shown


def test_the_page_says_what_became_of_a_mask_that_could_not_be_used() -> None:
    of_image = {"place": "annotation 1 of task 2", "image": "a.jpg"}
    again, corrected = fault(**of_image, state="asked again"), fault(**of_image, state="corrected")

    shown = text_of(client(4, quarantine=(again,), quarantine_settled=(corrected,)).get("/").text)

    assert "a.jpg annotation 1 of task 2" in shown
    assert "copy the image again asked again" in shown
    assert "1 unusable mask corrected or replaced since" in shown
    assert "1 input could not be used" in shown


def test_the_plot_is_given_the_points_of_the_json() -> None:
    page = client(4).get("/").text

    given = re.search(r'<script id="lines"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert given
    lines = json.loads(given[1])

    assert [line["name"] for line in lines] == ["mIoU", "test mIoU", "soil", "crop", "weed"]
    assert lines[0]["values"] == [point.miou for point in status(4).evaluations]
    assert lines[4]["values"][0] is None


@pytest.mark.parametrize("points", [0, 1, 4])
def test_what_is_not_measured_is_said(points: int) -> None:
    shown = text_of(client(points).get("/").text)

    assert "Labels saved against random Not measured." in shown


def test_before_the_first_run_the_page_says_what_will_come() -> None:
    shown = text_of(client(0).get("/").text)

    assert "No model has been measured yet" in shown
    assert "No point yet" in shown
    assert "Nothing has been asked yet" in shown
    assert "the daemon has not run yet" in shown


def test_a_class_that_was_never_measured_has_a_dash() -> None:
    shown = text_of(client(1).get("/").text)

    assert f"0.523 0.523 {formatting.ABSENT} 0.503" in shown


def test_hostile_names_stay_text() -> None:
    plain = Tags(create_app(lambda: status(4, ("a", "b", "c"))).test_client().get("/").text)
    given = status(4, ("a", HOSTILE, "c"), waiting=HOSTILE)
    event = given.events[0].model_copy(update={"words": HOSTILE})
    person = {"annotator": '" onmouseover="alert(1)'}
    images = tuple(
        one.model_copy(update=person) if one.annotator else one for one in given.batch.images
    )
    batch = given.batch.model_copy(update={"images": images})
    changes = {"quarantine": (fault(place=HOSTILE),), "events": (event, *given.events[1:])}
    hostile = given.model_copy(update={**changes, "batch": batch})

    page = Tags(create_app(lambda: hostile).test_client().get("/").text)

    assert page.text.count(HOSTILE) >= 4
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert not [name for _, given in page.elements for name in given if name.startswith("on")]


def test_nothing_is_loaded_from_elsewhere() -> None:
    page = Tags(client(4).get("/").text)
    names = ("page.css", "page.js", "curve.js")
    sheet, *scripts = ((ROOM / "static" / name).read_text() for name in names)

    for _, given in page.elements:
        for name in ("src", "href"):
            assert (given.get(name) or "/").startswith(("/", "#"))
            assert not (given.get(name) or "/").startswith("//")
    assert "url(" not in sheet
    assert "@import" not in sheet
    for script in scripts:
        assert "//" not in re.sub(r"(^|\s)// .*", "", script)


def test_every_file_that_the_page_names_is_served_from_here() -> None:
    browser = client(4)
    named = {
        given.get("src") or given.get("href") for _, given in Tags(browser.get("/").text).elements
    }

    for address in {(one or "").partition("#")[0] for one in named} - {""}:
        assert browser.get(address, buffered=True).status_code == 200, address
    assert browser.get("/plotly.js", buffered=True).mimetype == "text/javascript"
    assert browser.get("/plotly.js", buffered=True).data == PLOTLY.read_bytes()


def test_plotly_is_the_file_that_was_reviewed_and_its_styles_are_allowed_by_digest() -> None:
    content = PLOTLY.read_bytes()
    [sheet] = re.findall(rb"textContent='(\.maplibregl-map.*?)',document", content)

    assert hashlib.sha256(content).hexdigest() == PLOTLY_SHA256, "see `make plotly`"
    digest = base64.b64encode(hashlib.sha256(sheet).digest()).decode()
    assert f"'sha256-{digest}'" in client(0).get("/").headers["Content-Security-Policy"]
    assert "plotly.js-basic-dist-min 4.1.1 (MIT)" in PLOTLY.with_name(LICENSE).read_text()


@pytest.mark.parametrize(
    "address",
    ["/", "/status.json", "/status.schema.json", "/plotly.js", "/static/page.js", "/no-such"],
)
def test_every_answer_carries_the_security_headers(address: str) -> None:
    headers = client(1).get(address, buffered=True).headers

    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_page_and_twin_point_at_each_other_and_are_never_cached() -> None:
    page, twin = client(1).get("/"), client(1).get("/status.json")

    assert page.headers["Link"] == '</api/v1/overview>; rel="alternate"; type="application/json"'
    assert twin.headers["Link"] == '</>; rel="alternate"; type="text/html"'
    assert page.headers["Cache-Control"] == twin.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_the_page_only_reads(method: str) -> None:
    assert getattr(client(1), method)("/").status_code == 405


def test_a_store_that_cannot_be_read_is_explained() -> None:
    def refuse() -> Status:
        raise StoreTooNew("state/maskloop.db: schema 9 is newer than 3")

    for address in ("/", "/status.json"):
        answer = create_app(refuse).test_client().get(address)

        assert (answer.status_code, answer.mimetype) == (503, "text/plain")
        assert "schema 9 is newer than 3" in answer.text


# --- served -------------------------------------------------------------------------------


def test_it_serves_until_the_block_ends() -> None:
    with serving(lambda: status(1)) as address:
        host, port = address.removeprefix("http://").split(":")
        assert host == "127.0.0.1"
        with urllib.request.urlopen(f"{address}/status.json", timeout=60) as answer:
            assert json.load(answer)["cycle"] == 1
        idle = http.client.HTTPConnection(host, int(port), timeout=60)
        idle.request("GET", "/")  # stays open, and must not hold up the end
        idle.getresponse().read()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=60)
    idle.close()


def test_a_port_that_is_taken_is_explained() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with (
            pytest.raises(ConfigError, match=rf"port = {port}: cannot listen there: .*in use"),
            serving(lambda: status(0), port=port),
        ):
            pass


def test_serving_loads_neither_the_learner_nor_the_plots_into_the_daemon() -> None:
    code = (
        "import daemon.web.server, sys; print(sorted({'matplotlib', 'torch'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"

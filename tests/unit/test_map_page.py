"""The page of the map: what it says, its points, its frame, and the images behind the points."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from daemon.config.loading import Config
from daemon.domain import Role
from daemon.domain.label_findings import Finding, FindingType
from daemon.runs.run_folder import RunFolder
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.web.app import create_app
from daemon.web.map_frame import LIBRARY, LIBRARY_SHA256, STATIC
from tests.fakes.chosen_cycles import IMAGES, VALIDATION, choose_all, made
from tests.fakes.drawn_map import write_map
from tests.fakes.statuses import HOSTILE


def finding(image_id: int, score: float) -> Finding:
    return Finding(
        image_id=image_id,
        type=FindingType.SWAP,
        labeled="crop",
        proposed="weed",
        box_yxyx=(0, 0, 8, 8),
        area_px=64,
        score=score,
        expected_precision=None,
        reason="the model sees weed",
    )


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A loop of two labeled cycles and its map; image 30 is excluded, image 31 has a bad name."""
    made_config = made(tmp_path_factory.mktemp("loop"))
    choose_all(made_config)
    with Store(made_config.state / FILE) as store:
        store.set_roles(Role.EXCLUDED, {30: "near-duplicate of validation"})
        store._write("UPDATE images SET name = ? WHERE id = 31", HOSTILE)
        judged = store.label_ids(sorted(store.labeled_ids())[:3])
        suspect, *_ = judged
        found = [finding(suspect, score) for score in (0.25, 0.75)]
        store.keep_findings(1, judged, (), found, datetime(2026, 11, 27, tzinfo=UTC))
    write_map(made_config, "0000-embed", "0001-embed")
    return made_config


@pytest.fixture
def browser(config: Config) -> FlaskClient:
    return create_app(lambda: read_status(config), read_config=lambda: config).test_client()


def points(browser: FlaskClient) -> tuple[dict, dict[str, np.ndarray]]:
    block = browser.get("/map/points").data
    (length,) = struct.unpack_from("<I", block)
    head = json.loads(block[4 : 4 + length])
    return head, {
        one["name"]: np.frombuffer(block, one["type"], head["points"], 4 + length + one["offset"])
        for one in head["columns"]
    }


def test_the_twin_describes_the_map(browser: FlaskClient) -> None:
    twin = browser.get("/map.json").get_json()

    head, _ = points(browser)
    assert (twin["run"], twin["points"], twin["fault"]) == ("0002-map", IMAGES, "")
    assert [field["name"] for field in twin["fields"]] == [one["name"] for one in head["columns"]]
    assert twin["summary"] in browser.get("/map").text
    assert "mean nothing" in browser.get("/map").text
    assert browser.get("/map.schema.json").status_code == 200


def test_every_point_has_the_state_that_the_store_has(browser: FlaskClient, config: Config) -> None:
    head, columns = points(browser)

    with Store(config.state / FILE, read_only=True) as store:
        labeled = store.labeled_ids() - set(range(1, VALIDATION + 1))
        cycles = {task.image_id: task.cycle for task in store.tasks()}
    names = next(one["values"] for one in head["columns"] if one["name"] == "state")
    states = {int(i): names[s] for i, s in zip(columns["id"], columns["state"], strict=True)}
    assert {i for i, state in states.items() if state == "validation"} == set(range(1, 5))
    assert {i for i, state in states.items() if state == "labeled"} == labeled - {30}
    assert states[30] == "excluded"
    found = dict(zip(columns["id"].tolist(), columns["cycle"].tolist(), strict=True))
    assert {i: cycle for i, cycle in found.items() if cycle >= 0} == cycles


def test_scores_are_those_of_the_newest_run(browser: FlaskClient, config: Config) -> None:
    head, columns = points(browser)

    scores = RunFolder(config.state / "runs/0002-score").read_scores()
    wanted = dict(zip(scores.ids.tolist(), scores.uncertainty.astype(np.float16), strict=True))
    assert head["scores"] == "0002-score"
    assert dict(zip(columns["id"].tolist(), columns["uncertainty"], strict=True)) == wanted


def test_suspicion_is_the_highest_score_of_a_finding_and_unknown_without_an_audit(
    browser: FlaskClient, config: Config
) -> None:
    head, columns = points(browser)

    with Store(config.state / FILE, read_only=True) as store:
        first, *others = sorted(store.labeled_ids())[:3]
    found = dict(zip(columns["id"].tolist(), columns["suspicion"].tolist(), strict=True))
    known = {image_id: score for image_id, score in found.items() if not np.isnan(score)}
    assert known == {first: 0.75, **dict.fromkeys(others, 0.0)}
    [column] = [one for one in head["columns"] if one["name"] == "suspicion"]
    assert (column["low"], column["high"]) == (0.0, 0.75)
    assert "2026-11-27" in browser.get("/api/v1/map").get_json()["revision"]


def test_points_that_the_page_has_are_not_sent_again(browser: FlaskClient) -> None:
    first = browser.get("/map/points")

    again = browser.get("/map/points", headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")
    assert browser.get("/map/points", headers={"If-None-Match": '"x"'}).status_code == 200


def test_the_frame_runs_what_its_policy_names_and_asks_nobody(browser: FlaskClient) -> None:
    answer = browser.get("/map/frame")

    policy = answer.headers["Content-Security-Policy"]
    scripts = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert len(scripts) == 2
    assert "default-src 'none'" in policy
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy + browser.get("/map").text
    assert not {"connect-src", "img-src", "worker-src"} & {
        part.split()[0] for part in policy.split("; ")
    }
    assert "unsafe-eval" not in browser.get("/map").headers["Content-Security-Policy"]


def test_the_library_is_the_one_that_was_reviewed() -> None:
    content = (STATIC / LIBRARY).read_bytes()

    assert hashlib.sha256(content).hexdigest() == LIBRARY_SHA256, "see `make scatterplot`"
    licences = (STATIC / "scatterplot.licenses.txt").read_text()
    for name in ("regl-scatterplot 1.16.0", "regl 2.1.1", "pub-sub-es 3.0.0", "kdbush"):
        assert name in licences


def test_images_are_found_by_a_part_of_their_name(browser: FlaskClient) -> None:
    found = browser.get("/map/search.json?name=FIELD1").get_json()["images"]

    assert [one["name"] for one in found] == [f"field1{number}" for number in range(10)]
    assert browser.get("/map/search.json?name=%25").get_json() == {"images": []}
    assert browser.get("/map/search.json").get_json() == {"images": []}


def test_similar_images_are_the_nearest_by_embedding(browser: FlaskClient, config: Config) -> None:
    found = browser.get("/map/similar/12.json").get_json()["images"]

    old = RunFolder(config.state / "runs/0000-embed").read_scores()
    new = RunFolder(config.state / "runs/0001-embed").read_scores()
    table = dict(zip(old.ids.tolist(), old.embeddings, strict=True))
    table |= dict(zip(new.ids.tolist(), new.embeddings, strict=True))
    product = {i: round(float(vector @ table[12]), 4) for i, vector in table.items() if i != 12}
    near = sorted(product, key=lambda i: (-product[i], i))[:12]
    assert {one["id"]: one["similarity"] for one in found} == {i: product[i] for i in near}
    assert browser.get("/map/similar/99999.json").get_json() == {"images": []}
    more = browser.get("/map/similar/12.json?n=20").get_json()["images"]
    assert (len(more), more[:12]) == (20, found)
    assert len(browser.get("/map/similar/12.json?n=-3").get_json()["images"]) == 1
    assert len(browser.get("/map/similar/12.json?n=x").get_json()["images"]) == 12


def test_an_image_says_why_it_was_asked(browser: FlaskClient) -> None:
    one = browser.get("/map/images/31.json").get_json()

    assert one["name"] == HOSTILE
    assert 0 <= one["uncertainty_above"] <= 1
    assert sum(one["shares"].values()) == pytest.approx(1, abs=1e-5)
    assert browser.get("/map/images/30.json").get_json()["role_reason"].startswith("near-dup")
    assert browser.get("/map/images/99999.json").status_code == 404
    assert browser.get("/map/images/1e9.json").status_code == 404


def test_a_list_of_numbers_becomes_names(browser: FlaskClient) -> None:
    found = browser.get("/map/images.json?ids=3,999,x,2,-1,3").get_json()["images"]

    assert [(one["id"], one["name"]) for one in found] == [(3, "field02"), (2, "field01")]


def test_before_the_first_map_the_page_says_when_it_comes(tmp_path: Path) -> None:
    config = made(tmp_path)
    browser = create_app(lambda: read_status(config), read_config=lambda: config).test_client()

    assert "No map yet" in browser.get("/map").text
    assert browser.get("/map/points").status_code == 503

"""The page of the trainings and its addresses: models, pictures by known name only."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from daemon.status.snapshot import read_status
from daemon.web.app import create_app
from tests.fakes.trained_runs import HOSTILE, trained_home
from tests.fakes.visitors import signed_in


def client_of(home: Path, models: int, **changes: bool) -> FlaskClient:
    config = trained_home(home, models, **changes)
    return create_app(lambda: read_status(config), read_config=lambda: config).test_client()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return client_of(tmp_path_factory.mktemp("home"), 3, asked=True)


def pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGBA"))


def test_the_page_names_each_model_its_state_and_what_waits_for_an_answer(
    client: FlaskClient,
) -> None:
    models = client.get("/trainings.json").json["models"]

    assert [(one["cycle"], one["state"]) for one in models] == [
        (3, "asks"), (2, "serves"), (1, "earlier"),
    ]  # fmt: skip
    page = client.get("/trainings").text
    assert "waits for an answer" in page
    assert HOSTILE not in page
    assert "data-verb" not in page  # nobody is signed in
    assert client.get("/trainings.schema.json").status_code == 200


def test_before_the_first_model_the_page_says_when_it_comes(tmp_path: Path) -> None:
    client = client_of(tmp_path, 0)

    assert "No model yet" in client.get("/trainings").text
    assert client.get("/trainings.json").json["charted"] == []
    assert client.get("/trainings/1").status_code == 404


def test_a_model_shows_its_confusion_by_pixel_value_and_opens_the_images(tmp_path: Path) -> None:
    config = trained_home(tmp_path, 2)
    client = create_app(lambda: read_status(config), read_config=lambda: config).test_client()
    assert "data-verb" not in client.get("/trainings/1").text
    signed_in(client, config)

    page = client.get("/trainings/2").text

    assert "Let it serve" not in page  # it serves
    assert "Let it serve" in client.get("/trainings/1").text
    assert "6.7\N{NO-BREAK SPACE}% of crop taken for soil" in page
    mistakes = client.get("/trainings/2/mistakes/1/0").text
    assert "crop taken for soil" in mistakes
    assert "Image 4 <small>50 pixels" in mistakes
    assert client.get("/trainings/2/mistakes/1/3").status_code == 404


def test_two_models_stand_side_by_side_with_their_difference(client: FlaskClient) -> None:
    page = client.get("/trainings/compare/3/1").text

    assert "Cycle 1 against cycle 3" in page  # the older first
    assert "/trainings/compare/1/3/4.png" in page
    drawn = pixels(client.get("/trainings/compare/1/3/4.png").data)
    assert drawn.shape == (24, 24, 4)
    assert (drawn[..., 3] > 0).any()
    assert client.get("/trainings/compare/1/9").status_code == 404


def test_pictures_are_served_by_known_names_only(client: FlaskClient) -> None:
    assert client.get("/trainings/1/validation/3.png").mimetype == "image/png"
    assert client.get("/trainings/1/labels/3.png").mimetype == "image/png"
    assert client.get("/trainings/1/previews/20/pool-2-pseudo.png").mimetype == "image/png"
    for address in (
        "/trainings/1/validation/99.png",
        "/trainings/9/validation/3.png",
        "/trainings/1/validation/..%2f..%2fresult.png",
        "/trainings/1/previews/20/pool-3-pseudo.png",
        "/trainings/1/previews/21/pool-2-pseudo.png",
        "/trainings/1/previews/20/..%2fpool-2-pseudo.png",
        "/trainings/-1/history.json",
    ):
        assert client.get(address).status_code == 404, address


def test_a_damaged_mask_or_history_is_absent_and_breaks_no_page(tmp_path: Path) -> None:
    client = client_of(tmp_path, 2)
    run = tmp_path / "state" / "runs" / "0002-train"
    (run / "validation" / "3.png").write_bytes(b"\x89PNG no more")
    (run / "history.json").write_text('{"version": 7}')

    assert client.get("/trainings/2/validation/3.png").status_code == 404
    assert client.get("/trainings/2/history.json").status_code == 404
    assert client.get("/trainings").status_code == 200

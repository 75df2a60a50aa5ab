"""Pictures for pages: known images only, as people see them, and never an error page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image as Pillow

from daemon.config.loading import Config
from daemon.domain.class_colours import COLOURS
from daemon.runs.predicted_masks import predict_run
from daemon.web.app import create_app
from tests.fakes.labeled_store import labeled_config, labeled_store
from tests.fakes.statuses import status

MASK = np.repeat(np.array([[0, 1], [2, 255]], np.uint8), 32, 0).repeat(48, 1)  # (64, 96)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    labeled_store(tmp_path, {"one.png": MASK, "two.png": MASK})
    return labeled_config(tmp_path)


@pytest.fixture
def client(config: Config) -> FlaskClient:
    return create_app(lambda: status(0), read_config=lambda: config).test_client()


def opened(content: bytes) -> Pillow.Image:
    return Pillow.open(io.BytesIO(content))


def replace_picture(config: Config, content: bytes) -> None:
    (config.state.parent / "pictures/1.png").write_bytes(content)


def encoded(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, format=kind, **options)
    return out.getvalue()


def test_a_thumbnail_is_as_long_as_the_next_size_and_never_larger_than_the_image(
    client: FlaskClient,
) -> None:
    sizes = [opened(client.get(f"/images/1/thumbnail.jpg?px={px}").data).size for px in (40, 999)]

    assert sizes == [(64, 43), (96, 64)]


def test_a_thumbnail_shows_the_image_upright_and_in_its_colours(
    client: FlaskClient, config: Config
) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    red = Pillow.new("CMYK", (400, 200), (0, 255, 255, 0))
    sixteen = Pillow.fromarray(np.full((50, 90), 128 * 257, np.uint16))
    seen = []
    for content in (encoded(red, "JPEG", exif=exif), encoded(sixteen, "PNG")):
        replace_picture(config, content)
        seen.append(opened(client.get("/images/1/thumbnail.jpg?px=64").data))

    assert [picture.size for picture in seen] == [(32, 64), (64, 36)]
    red_, green, blue = seen[0].getpixel((16, 32))  # type: ignore[misc]
    assert red_ > 200 > 60 > max(green, blue)
    assert np.allclose(np.asarray(seen[1]), 128, atol=3)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0 cut"])
def test_an_image_that_cannot_be_read_is_a_drawn_picture(
    client: FlaskClient, config: Config, content: bytes
) -> None:
    replace_picture(config, content)

    answer = client.get("/images/1/thumbnail.jpg?px=128")

    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert opened(answer.data).size == (128, 96)
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_image_whose_file_is_gone_is_a_drawn_picture(
    client: FlaskClient, config: Config
) -> None:
    (config.state.parent / "pictures/1.png").unlink()

    assert opened(client.get("/images/1/thumbnail.jpg").data).size == (256, 192)


@pytest.mark.parametrize(
    "address",
    [
        "/images/3/thumbnail.jpg",
        "/images/99999999999999999999/label.png",
        "/images/-1/thumbnail.jpg",
        "/images/../store.db/thumbnail.jpg",
        "/images/1%2f..%2f2/thumbnail.jpg",
        "/images/3/label.png",
        "/images/1/prediction.png",
        "/images/1/prediction.png?cycle=-1",
    ],
)
def test_what_is_not_there_is_said_and_nothing_else_is_read(
    client: FlaskClient, address: str
) -> None:
    assert client.get(address).status_code == 404


def test_a_mask_has_the_colours_of_its_classes_over_a_transparent_ground(
    client: FlaskClient, config: Config
) -> None:
    run = predict_run(config.state / "runs", 3)
    run.mask(1).parent.mkdir(parents=True)
    Pillow.fromarray(MASK).save(run.mask(1))

    for address in ("label.png", "prediction.png", "prediction.png?cycle=3"):
        seen = np.asarray(opened(client.get(f"/images/1/{address}").data).convert("RGBA"))

        crop, weed = (tuple(bytes.fromhex(colour[1:])) for colour in COLOURS[:2])
        assert seen.shape == (64, 96, 4)
        assert seen[5, 5, 3] == 0  # soil, which nobody draws
        assert tuple(seen[5, 90]) == (*crop, 255)
        assert tuple(seen[60, 5]) == (*weed, 255)
        ignored = seen[32:, 48:, 3]
        assert 0.1 < (ignored > 0).mean() < 0.4  # hatched


def test_a_browser_that_has_a_picture_is_not_sent_it_again_until_it_changes(
    client: FlaskClient, config: Config
) -> None:
    tag = client.get("/images/1/thumbnail.jpg").headers["ETag"]
    again = client.get("/images/1/thumbnail.jpg", headers={"If-None-Match": tag})
    replace_picture(config, encoded(Pillow.new("RGB", (30, 30)), "PNG"))
    changed = client.get("/images/1/thumbnail.jpg", headers={"If-None-Match": tag})

    assert (again.status_code, again.data) == (304, b"")
    assert opened(changed.data).size == (30, 30)


def test_a_disk_that_cannot_be_written_costs_no_picture(
    client: FlaskClient, config: Config
) -> None:
    (config.state / "thumbnails").write_text("a file where the folder should be")

    assert opened(client.get("/images/1/thumbnail.jpg").data).size == (96, 64)

"""One model over HTTP: what it answers, what it refuses, and how it stops."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from daemon.hrda.inference.whole_images import predict_image
from daemon.hrda.serve.bearer_token import Access
from daemon.hrda.serve.engine import Engine, load_engine
from daemon.hrda.serve.http_app import create_app, most_bytes
from daemon.hrda.serve.model_server import ModelServer
from daemon.hrda.serve.work_queue import WorkQueue
from daemon.hrda.training.checkpoint import write_checkpoint
from daemon.pixels import coco_rle
from daemon.runs.model_requests import ServeLimits
from tests.hrda.tiny import CLASSES, field, segmentor, spread

TOKEN = "a token of many letters"
LIMITS = ServeLimits(body_megabytes=1, images=3, megapixels=1, queue=4, seconds=100)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    checkpoint = tmp_path_factory.mktemp("model") / "checkpoint.pth"
    write_checkpoint(checkpoint, spread(segmentor()), CLASSES)
    return load_engine(checkpoint, device="cpu", threads=1)


@contextmanager
def serving(
    engine: Engine, limits: ServeLimits = LIMITS, token: str = ""
) -> Iterator[httpx.Client]:
    work, stopped = WorkQueue(LIMITS.queue), threading.Event()
    app = create_app(engine, work, Access(token), LIMITS)
    server = ModelServer(
        app, work, host="127.0.0.1", port=0, queue=LIMITS.queue, most_bytes=most_bytes(LIMITS)
    )
    thread = threading.Thread(target=server.serve, args=(stopped,))
    thread.start()
    try:
        with httpx.Client(base_url=server.address, timeout=100) as client:
            yield client
    finally:
        stopped.set()
        thread.join()


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[httpx.Client]:
    with serving(engine) as found:
        yield found


def png(picture: Any) -> bytes:
    target = io.BytesIO()
    Image.fromarray(picture).save(target, format="PNG")
    return target.getvalue()


def picture(seed: int = 0) -> Any:
    return field(np.random.default_rng(seed), 96)[0][:70]


def post(client: httpx.Client, body: bytes, kind: str = "image/png", **more: Any) -> httpx.Response:
    headers = {"Content-Type": kind, **more.pop("headers", {})}
    return client.post("/v1/predict", content=body, headers=headers, **more)


def test_a_picture_is_answered_with_the_mask_of_predict(
    engine: Engine, client: httpx.Client
) -> None:
    answer = post(client, png(picture()))

    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-model-sha256"] == engine.digest
    mask = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert np.array_equal(mask, predict_image(engine.net, picture()).mask())


def test_a_picture_is_seen_upright_as_people_see_it(client: httpx.Client) -> None:
    target, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.fromarray(picture()).save(target, format="JPEG", exif=exif)

    answer = post(client, target.getvalue(), "image/jpeg")

    assert Image.open(io.BytesIO(answer.content)).size == (70, 96)


def test_run_lengths_and_probabilities_say_the_same_as_the_mask(
    engine: Engine, client: httpx.Client
) -> None:
    expected = predict_image(engine.net, picture())
    mask = expected.mask()

    lengths = post(client, png(picture()), headers={"Accept": "application/json"}).json()
    arrays = np.load(
        io.BytesIO(post(client, png(picture()), params={"format": "probabilities"}).content)
    )

    (image,) = lengths["images"]
    assert (image["height"], image["width"]) == mask.shape
    for one in image["objects"]:
        inside = coco_rle.decompress(one["segmentation"]["counts"], mask.shape)
        assert np.array_equal(inside, mask == one["category_id"])
        assert 1 / len(CLASSES) <= one["score"] <= 1
    assert arrays["probabilities"].dtype == np.float16
    assert np.allclose(arrays["probabilities"], expected.probability().numpy(), atol=1e-3)


def test_a_batch_is_answered_in_its_order(engine: Engine, client: httpx.Client) -> None:
    files = [("images", (f"{seed}.png", png(picture(seed)))) for seed in (1, 2)]

    lengths = client.post("/v1/predict", files=files).json()
    zipped = client.post("/v1/predict", files=files, params={"format": "png"})

    assert [one["name"] for one in lengths["images"]] == ["1.png", "2.png"]
    with zipfile.ZipFile(io.BytesIO(zipped.content)) as archive:
        second = np.asarray(Image.open(io.BytesIO(archive.read("1.png"))))
    assert np.array_equal(second, predict_image(engine.net, picture(2)).mask())


def test_the_card_is_there_and_names_no_folder(engine: Engine, client: httpx.Client) -> None:
    card = client.get("/v1/model").json()

    assert [one["name"] for one in card["classes"]] == list(CLASSES)
    assert "/" not in card["facts"]["name"]
    assert client.get("/healthz").json()["status"] == "ok"


def bomb(side: int = 60_000) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("body", "kind", "query", "status", "code"),
    [
        (bomb(), "image/png", {}, 422, "image"),
        (png(picture())[:-200], "image/png", {}, 422, "image"),
        (b"", "image/png", {}, 422, "image"),
        (b"<svg/>", "image/svg+xml", {}, 422, "image"),
        (b"{}", "application/json", {}, 415, "content_type"),
        (png(picture()), "", {}, 415, "content_type"),
        (b"nonsense", "multipart/form-data; boundary=x", {}, 400, "images"),
        (png(picture()), "image/png", {"format": "gif"}, 400, "format"),
        (bytes(1_000_001), "image/png", {}, 413, "request_entity_too_large"),
    ],
    ids=[
        "bomb", "cut off", "empty", "svg", "json", "no type", "no form", "format", "too large"
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_answered_is_told_why(
    client: httpx.Client, body: bytes, kind: str, query: dict[str, str], status: int, code: str
) -> None:
    answer = post(client, body, kind, params=query)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"]
    assert post(client, png(picture())).status_code == 200


def test_further_refusals(client: httpx.Client) -> None:
    four = [("images", (f"{seed}.png", png(picture()))) for seed in range(4)]
    refused = [
        client.post("/v1/predict", files=four),
        post(client, png(picture()), headers={"Accept": "text/html"}),
        client.get("/v1/predict"),
        client.get("/elsewhere"),
        client.get("/healthz", headers={"X-Long": "x" * 70_000}),
        client.get("/v1/model", headers={"Host": "attacker.example"}),
        client.get("/v1/model", headers={"Host": "[::"}),
    ]

    large = post(client, png(np.zeros((1001, 1000, 3), np.uint8)))
    assert [one.status_code for one in refused] == [413, 406, 405, 404, 431, 403, 403]
    assert large.json()["error"]["expected"] == "at most 1 megapixels, the limit of this server"
    assert all(one.json()["error"]["message"] for one in refused)


def test_what_is_no_http_gets_an_answer_or_an_end(client: httpx.Client) -> None:
    address = client.base_url
    for words in (
        b"\x16\x03\x01\x02\x00nonsense\r\n\r\n",
        b"POST /v1/predict HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    ):
        with socket.create_connection((address.host, address.port or 0), timeout=100) as line:
            line.sendall(words)
            assert line.recv(20)[:9] in (b"HTTP/1.0 ", b"HTTP/1.1 ", b"")
    assert client.get("/healthz").status_code == 200


def test_a_token_is_asked_where_there_is_one(engine: Engine) -> None:
    with serving(engine, token=TOKEN) as client:
        answers = [
            client.get("/v1/model", headers={"Authorization": given}).status_code
            for given in ("", "Bearer wrong", TOKEN, f"Bearer {TOKEN}")
        ]
        assert answers == [401, 401, 401, 200]
        assert client.get("/healthz").status_code == 200


def test_what_has_come_in_is_answered_before_the_end(engine: Engine) -> None:
    with ThreadPoolExecutor(3) as pool:
        with serving(engine) as client:
            address = str(client.base_url)
            asked = [
                pool.submit(httpx.post, f"{address}/v1/predict", content=png(picture(seed)),
                            headers={"Content-Type": "image/png"}, timeout=100)
                for seed in range(3)
            ]  # fmt: skip
            while client.get("/healthz").json()["requests"] + sum(map(Future.done, asked)) < 3:
                time.sleep(0.005)
        answers = [one.result() for one in asked]

    assert answers[0].status_code == 200
    assert {one.status_code for one in answers} <= {200, 503}
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/healthz")

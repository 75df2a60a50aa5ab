"""A customer's first day: a project of 60 tasks of which 20 are odd, on a real Label Studio.

The rest is labeled and trained on by the real learner, the figure is right, and the page names
exactly the inputs that cannot be read, each once and with a cure.
"""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from connectors.label_studio import create_or_adopt_project
from connectors.label_studio.api import Api
from connectors.masks.regions import Control, encode
from daemon.config.loading import Config
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.demo.web_user import WebUser
from daemon.domain import Mask
from daemon.launchers.local import LocalLauncher
from daemon.loop.components import open_connector
from daemon.loop.service import Ticker
from daemon.runs.run_folder import RunFolder, TrainRequest
from daemon.store import FILE, Store
from tests.fakes.picture_parts import saved
from tests.fakes.status_json import status_json

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(1200)]

CONTROL = Control(from_name="mask", to_name="image")
SIZE = (96, 128)  # (height_px, width_px)
COLOURS = np.array([[120, 90, 60], [40, 160, 40], [160, 60, 180]], np.float32)
ORDINARY, FIELD = 40, "data/local-files/?d=odd/"
LEARNER = {
    "iterations": 60, "context_px": 64, "detail_px": 32, "window_px": 128,
    "detail_window_px": 64, "width": 32,
}  # fmt: skip


def scene(number: int) -> tuple[np.ndarray, Mask]:
    """Soil with discs of two kinds of plants: an RGB picture and its true mask."""
    rng = np.random.default_rng(number)
    mask = np.zeros(SIZE, np.uint8)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    for plant in range(6):
        centre, radius = (rng.integers(SIZE[0]), rng.integers(SIZE[1])), rng.integers(10, 20)
        mask[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2] = 1 + plant % 2
    pixels = COLOURS[mask] + rng.normal(0, 8, (*SIZE, 3))
    return pixels.clip(0, 255).astype(np.uint8), mask


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def readable_files() -> dict[str, tuple[bytes, int]]:
    """File name -> (bytes, number of the scene that people see there)."""
    pictures = {n: Image.fromarray(scene(n)[0]) for n in range(100, 112)}
    lying = {n: one.transpose(Image.Transpose.ROTATE_90) for n, one in pictures.items()}
    odd_type = exif(6).replace(b"\x01\x12\x00\x03", b"\x01\x12\x00\x02")  # a text, not a number
    assert odd_type != exif(6)
    wide = cv2.imencode(".png", scene(103)[0][..., ::-1].astype(np.uint16) * 257)[1].tobytes()
    frames = [pictures[105].convert("P", palette=Image.Palette.ADAPTIVE), pictures[106]]
    seen_through = pictures[104].copy()
    seen_through.putalpha(255)
    return {
        "mpo.jpg": (
            saved(pictures[100], "MPO", save_all=True, append_images=[pictures[101].reduce(2)]),
            100,
        ),
        "cmyk_turned.jpg": (saved(lying[101].convert("CMYK"), "JPEG", exif=exif(6)), 101),
        "odd_exif.jpg": (saved(pictures[102], "JPEG", quality=95, exif=odd_type), 102),
        "wide.png": (wide, 103),
        "alpha.png": (saved(seen_through, "PNG"), 104),
        "animated.gif": (saved(frames[0], "GIF", save_all=True, append_images=[frames[1]]), 105),
        "really_webp.png": (saved(pictures[107], "WEBP", lossless=True), 107),
        "turned.jpg": (saved(lying[108], "JPEG", quality=95, exif=exif(6)), 108),
        "palette.png": (saved(pictures[109].quantize(64), "PNG"), 109),
    }


def unreadable_files() -> dict[str, bytes]:
    whole = saved(Image.fromarray(scene(200)[0]), "PNG")
    bomb = bytearray(whole)
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2  # the size that its header claims
    return {
        "truncated.png": whole[: len(whole) // 2],
        "page.png": b"<!doctype html><title>Sign in</title>",
        "photo.tif": saved(Image.fromarray(scene(201)[0]), "TIFF"),
        "bomb.png": bytes(bomb),
        "empty.png": b"",
    }


class OddProject:
    """60 tasks; `scenes`: the address of a task that can be read -> the number of its scene."""

    def __init__(self, server: LabelStudioServer, home: Path) -> None:
        self.server, self.home = server, home
        self.folder = server.document_root / "odd"
        self.folder.mkdir()
        self.scenes: dict[str, int] = {}
        self.unreadable: list[str] = []
        self.config = self._configured()
        self.api = Api(server.url, lambda: server.credentials.token)
        self._serve_folder()
        self._add_tags()
        self._import_tasks()
        self.connector, launcher = open_connector(self.config), LocalLauncher()
        self.ticker = Ticker(self.config, self.connector, launcher, lambda: datetime.now(UTC), 1)

    def _configured(self) -> Config:
        settings = {
            "home": self.home,
            "classes": {"names": ["soil", "crop", "weed"]},
            "images": {"source": "project"},
            "label_studio": {
                "url": self.server.url, "title": "odd", "token_env": "LIVE_ODD_TOKEN",
            },
            "loop": {
                "budget_labels": 60, "seed_images": 40, "batch_images": 4, "queue_low": 0,
                "random_share": 0.0,
            },
            "validation": {"min_images": 8, "max_images": 8},
            "selection": {"duplicate_similarity": 1.0},
            "training": {"device": "cpu", "threads": 2, "settings": LEARNER},
            "storage": {"min_free_gb": 0.0},
            "web": {"enabled": False},
        }  # fmt: skip
        base = Config.model_validate(settings)
        adopted = create_or_adopt_project(
            url=self.server.url,
            token=lambda: self.server.credentials.token,
            project="odd",
            classes=base.class_set,
            source=None,
        )
        self.number = adopted.id
        server = base.label_studio.model_copy(update={"project": adopted.id})
        return base.model_copy(update={"label_studio": server})

    def _serve_folder(self) -> None:
        body = {"project": self.number, "path": str(self.folder), "use_blob_urls": True}
        self.api.post("api/storages/localfiles/", body)

    def _add_tags(self) -> None:
        """Beside the brush also ellipses and clicks, as teams have them."""
        path = f"api/projects/{self.number}/"
        config = self.api.get(path)["label_config"]
        labels = '<Label value="crop"/><Label value="weed"/>'
        tags = "".join(
            f'<{tag} name="{name}" toName="image">{labels}</{tag}>'
            for tag, name in (("EllipseLabels", "round"), ("KeyPointLabels", "click"))
        )
        self.api.patch(path, {"label_config": config.replace("</View>", f"{tags}</View>")})

    def _import_tasks(self) -> None:
        addresses = [
            self._readable(f"plain{number:02d}.png", scene(number)[0], number)
            for number in range(ORDINARY)
        ]
        for name, (content, number) in readable_files().items():
            (self.folder / name).write_bytes(content)
            addresses.append(f"/{FIELD}{name}")
            self.scenes[addresses[-1]] = number
        (self.folder / "again.png").write_bytes((self.folder / "plain00.png").read_bytes())
        addresses.append(f"/{FIELD}again.png")
        self.scenes[addresses[-1]] = 0
        coded = base64.b64encode(saved(Image.fromarray(scene(110)[0]), "PNG")).decode()
        addresses.append(f"data:image/png;base64,{coded}")
        self.scenes["data"] = 110
        for name, content in unreadable_files().items():
            (self.folder / name).write_bytes(content)
            self.unreadable.append(f"/{FIELD}{name}")
        self.unreadable += [
            f"/{FIELD}missing.png",
            "http://[field/x.png",
            "data:image/png;base64," + "A" * 400_000,
            "ftp://field.example/x.png",
        ]
        addresses += self.unreadable
        assert len(addresses) == 60
        body = [{"data": {"image": address}} for address in addresses]
        self.api.post(f"api/projects/{self.number}/import", body)

    def _readable(self, name: str, pixels: np.ndarray, number: int) -> str:
        Image.fromarray(pixels).save(self.folder / name)
        address = f"/{FIELD}{name}"
        self.scenes[address] = number
        return address

    def tick(self) -> None:
        outcome = self.ticker.tick()
        while outcome.running:
            time.sleep(0.2)
            outcome = self.ticker.tick()

    def label_all(self, user: WebUser) -> list[int]:
        """Draw the truth on every task that is served; the scenes in order."""
        drawn = []
        while (question := user.next_task(self.number)) is not None:
            number = self.scenes[named(question.details["data"]["image"])]
            regions = encode(scene(number)[1], self.config.class_set, CONTROL, {})
            if len(drawn) % 5 == 0:
                regions += [nothing_drawn(), click()]
            user.submit(question, self.number, regions)
            drawn.append(number)
        return drawn

    def spoil_lead_times(self) -> None:
        """As a laptop that slept with the page open has it."""
        for task in self.api.get("api/tasks", project=self.number, page_size=100)["tasks"]:
            for answer in task.get("annotations", [])[:1]:
                if task["id"] % 7 == 0:
                    self.api.patch(f"api/annotations/{answer['id']}/", {"lead_time": 1.7e12})

    def status(self) -> Any:
        return status_json(self.config)


def nothing_drawn() -> dict[str, Any]:
    """A click with the ellipse tool: a region without a pixel."""
    return region(
        "round", "ellipselabels", {"x": 50, "y": 50, "radiusX": 0, "radiusY": 0}, ["weed"]
    )


def click() -> dict[str, Any]:
    return region("click", "keypointlabels", {"x": 10, "y": 10, "width": 0.5}, ["crop"])


def region(tag: str, kind: str, value: dict[str, Any], labels: list[str]) -> dict[str, Any]:
    return {
        "type": kind, "from_name": tag, "to_name": "image", "original_width": SIZE[1],
        "original_height": SIZE[0], "image_rotation": 0, "value": {**value, kind: labels},
    }  # fmt: skip


def named(place: str) -> str:
    """The image of a fault; one that stands in its task's data goes by a digest."""
    address = place.removeprefix("image ")
    return "data" if address.startswith("data:") else address


@pytest.fixture
def project(
    label_studio: LabelStudioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OddProject]:
    monkeypatch.setenv("LIVE_ODD_TOKEN", label_studio.credentials.token)
    made = OddProject(label_studio, tmp_path)
    yield made
    made.ticker._launcher.stop()
    made.connector.close()
    made.api.close()


def test_a_project_of_which_a_third_is_odd_is_labeled_and_trained(
    project: OddProject, annotator: Callable[[str], WebUser]
) -> None:
    project.tick()
    drawn = project.label_all(annotator("ada"))
    project.spoil_lead_times()
    project.tick()

    status = project.status()
    assert sorted(named(row["place"]) for row in status["quarantine"]) == sorted(
        named(f"image {address}") for address in project.unreadable
    )
    assert all(row["cure"] and len(str(row)) < 3000 for row in status["quarantine"])
    assert len(drawn) == 48
    assert status["labels"]["spent"] == 48
    (point,) = status["evaluations"]
    assert (point["labels"], point["train_labels"]) == (48, 40)
    assert point["miou"] > 0.7
    run = RunFolder(project.config.state / "runs" / "0001-train")
    assert len(run.read_request(TrainRequest).labeled) == 40
    with Store(project.config.state / FILE, read_only=True) as store:
        for image in store.images():
            if image.id in store.labeled_ids():
                stored = np.asarray(Image.open(io.BytesIO(store.label_png(image.id))))
                truth = scene(project.scenes[named(image.uri)])[1]
                np.testing.assert_array_equal(stored, truth)

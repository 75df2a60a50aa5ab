"""A labeling tool with eight small images, and people who answer: one shape for every connector."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture

from connectors.base import Connector
from connectors.folder import Folder
from connectors.images.cache import inspect
from connectors.label_studio import FolderSource, LabelStudio, create_or_adopt_project
from connectors.label_studio.api import Api
from connectors.masks.regions import Control, encode
from daemon.demo.web_user import OpenTask, WebUser
from daemon.domain import ClassSet, FoundImage, Image, Mask, Prediction, TaskRequest
from tests.contract.example_connector import JsonDesk
from tests.fakes.versions import version

CLASSES = ClassSet(names=("soil", "crop", "weed"), ignore_label="unsure")
CONTROL = Control(from_name="mask", to_name="image")
NAMES = [f"row {n}/plant #{n} & ü.png" for n in range(8)]  # names that an address must quote
SIZE = (12, 16)


@dataclass
class Rig:
    """connector: under test. images: by key, as the store would hold them. truth: by key."""

    connector: Connector
    images: dict[str, Image]
    truth: dict[str, Mask]

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        return {key: (one.height_px, one.width_px) for key, one in self.images.items()}

    @property
    def keys(self) -> list[str]:
        return list(self.images)

    def asks(self, keys: Sequence[str], masks: dict[str, Mask] | None = None) -> list[TaskRequest]:
        """These images at positions 0, 1, 2, ..., with the prediction of their mask."""
        shown = masks if masks is not None else self.truth
        return [
            TaskRequest(
                image=self.images[key],
                position=position,
                cycle=1,
                reason=f"image {position}",
                prediction=Prediction(image_id=self.images[key].id, mask=shown[key]),
            )
            for position, key in enumerate(keys)
        ]

    def push(
        self, keys: Sequence[str], key: str = "push-1", version: str = version(1, 0)
    ) -> list[TaskRequest]:
        """Push, and rerank to make it count; the asks with their tasks."""
        asks = self.asks(keys)
        tasks = self.connector.push(asks, key, version)
        asks = [replace(ask, task=tasks[ask.image.id]) for ask in asks]
        self.connector.rerank(version, asks)
        return asks

    def answer(self) -> list[str]:
        """People answer whatever they are handed; the keys, in that order."""
        return []


@dataclass
class JsonDeskRig(Rig):
    """The example connector, with people who write answers into its folder."""

    desk: Path

    def answer(self) -> list[str]:
        paths = list((self.desk / "tasks").glob("*.json"))
        tasks = {path.stem: json.loads(path.read_text()) for path in paths}
        waiting = [
            number
            for number, task in tasks.items()
            if task["open"] and not (self.desk / "answers" / f"{number}.json").exists()
        ]
        waiting.sort(key=lambda number: tasks[number]["position"])
        for number in waiting:
            mask = self.truth[tasks[number]["image"]].tolist()
            answer = {"annotator": "ada", "mask": mask}
            (self.desk / "answers" / f"{number}.json").write_text(json.dumps(answer))
        return [tasks[number]["image"] for number in waiting]


@dataclass
class LabelStudioRig(Rig):
    """Adds people and a way around the connector."""

    api: Api
    project: int
    source: FolderSource | None
    person: Callable[[str], WebUser]
    key_of: Callable[[OpenTask], str] = field(repr=False)
    classes: ClassSet = CLASSES

    def answer(self) -> list[str]:
        answered = []
        while question := self.person("ada").next_task(self.project):
            answered.append(self.key_of(question))
            self.submit("ada", question, self.truth[answered[-1]])
        return answered

    def submit(self, name: str, question: OpenTask, mask: Mask) -> str:
        """Submit a mask as drawn by hand; the annotation's id."""
        regions = [{**one, "origin": "manual"} for one in encode(mask, self.classes, CONTROL, {})]
        return str(self.person(name).submit(question, self.project, regions)["id"])

    def taken(self, name: str) -> OpenTask:
        """What this person is handed next."""
        question = self.person(name).next_task(self.project)
        assert question is not None, f"{name} was handed nothing"
        return question


@dataclass(frozen=True)
class Server:
    """A running Label Studio, real or fake; closes the clients of its rigs when its block ends.

    files: what it may serve lies below.
    """

    url: str
    token: str
    files: Path
    person: Callable[[str], WebUser]
    clients: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.clients.close()


def make_pictures(folder: Path, size: tuple[int, int] = SIZE) -> dict[str, Mask]:
    """Eight pictures below `folder`; their masks by key. size: (height_px, width_px)."""
    rng = np.random.default_rng(7)
    truth = {}
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Picture.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8)).save(folder / name)
        truth[name] = rng.integers(0, 3, size).astype(np.uint8)
    return truth


def folder_rig(tmp_path: Path) -> Rig:
    truth = make_pictures(tmp_path / "images")
    for name, mask in truth.items():
        (tmp_path / "truth" / name).parent.mkdir(parents=True)
        Picture.fromarray(mask).save(tmp_path / "truth" / name)
    connector = Folder(
        images=tmp_path / "images",
        truth=tmp_path / "truth",
        state=tmp_path / "state",
        classes=CLASSES,
    )
    return Rig(connector=connector, images=stored(connector), truth=truth)


def json_desk_rig(tmp_path: Path) -> JsonDeskRig:
    truth, desk = make_pictures(tmp_path / "images"), tmp_path / "desk"
    connector = JsonDesk(images=tmp_path / "images", desk=desk, classes=CLASSES)
    return JsonDeskRig(connector=connector, images=stored(connector), truth=truth, desk=desk)


def folder_source_rig(
    server: Server, size: tuple[int, int] = SIZE, classes: ClassSet = CLASSES
) -> LabelStudioRig:
    """Images in a folder that Label Studio serves; a push creates tasks."""
    root = server.files / uuid.uuid4().hex
    truth = make_pictures(root, size)
    source = FolderSource(root, server.files)
    adopted = create_or_adopt_project(
        url=server.url,
        token=lambda: server.token,
        project=f"folder {root.name}",
        classes=classes,
        source=source,
    )
    return _rig(server, adopted.id, source, truth, lambda data: str(data["maskloop_key"]), classes)


def project_source_rig(server: Server) -> LabelStudioRig:
    """A team's project that holds its images as tasks already, and five more that stay quiet."""
    root = server.files / uuid.uuid4().hex
    source = FolderSource(root, server.files)
    address = {source.address(name): mask for name, mask in make_pictures(root).items()}
    adopted = create_or_adopt_project(
        url=server.url,
        token=lambda: server.token,
        project=f"project {root.name}",
        classes=CLASSES,
        source=None,
    )
    with Api(server.url, lambda: server.token) as api:
        api.post("api/storages/localfiles/", {"project": adopted.id, "path": str(root)})
        rows = [{"data": {"image": image}} for image in address]
        api.post(f"api/projects/{adopted.id}/import", rows)
    return _rig(server, adopted.id, None, address, lambda data: str(data["image"]))


def stored(connector: Connector) -> dict[str, Image]:
    """The images as the store would hold them: looked into, with an id of their own."""
    return {
        found.key: _stored(number, found, connector.read(found))
        for number, found in enumerate(connector.images(), start=101)
    }


def _stored(number: int, found: FoundImage, content: bytes) -> Image:
    seen = inspect(content)
    return Image(
        id=number,
        key=found.key,
        name=found.name,
        uri=found.uri,
        path=Path("cache") / found.name,
        height_px=seen.height_px,
        width_px=seen.width_px,
        sha256=seen.sha256,
    )


def _rig(
    server: Server,
    project: int,
    source: FolderSource | None,
    truth: dict[str, Mask],
    key_of: Callable[[Any], str],
    classes: ClassSet = CLASSES,
) -> LabelStudioRig:
    connector = LabelStudio(
        url=server.url,
        project=project,
        token=lambda: server.token,
        classes=classes,
        source=source,
    )
    server.clients.enter_context(closing(connector))
    return LabelStudioRig(
        connector=connector,
        images=stored(connector),
        truth=truth,
        api=server.clients.enter_context(Api(server.url, lambda: server.token)),
        project=project,
        source=source,
        person=server.person,
        key_of=lambda question: key_of(question.details["data"]),
        classes=classes,
    )

"""`LabelStudio`: the connector of one Label Studio project."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx

from connectors.images.addresses import AllowedHosts
from connectors.images.cache import MAX_BYTES, require_nonempty
from connectors.images.data_urls import decode, is_inline, key_of_address
from connectors.label_studio import label_config as label_configs
from connectors.label_studio import people, prediction_versions, tasks
from connectors.label_studio import project as projects
from connectors.label_studio.api import CONNECT_S, READ_S, Api
from connectors.label_studio.api_errors import ApiRefused
from connectors.label_studio.cursor import Cursor
from connectors.label_studio.image_fetch import ImageFetcher
from connectors.label_studio.image_source import FolderSource, ProjectSource, Source
from connectors.label_studio.label_config import LabelConfig
from connectors.label_studio.ml_backend_connection import connect_ml_backend
from connectors.label_studio.project_images import ProjectImages
from connectors.label_studio.pull import Puller
from connectors.label_studio.push import Pusher
from connectors.label_studio.review_tasks import Reviews
from connectors.label_studio.smart_tags import smart_faults
from connectors.unreadable import typed
from daemon.domain import Changes, ClassSet, Draft, Fault, FoundImage, TaskRequest
from daemon.domain.errors import ConnectorRefused, ImageRefused
from daemon.domain.reviews import ReviewRequest
from daemon.pixels import require_shown_in_browser
from daemon.pixels.folders import LeftOut


class LabelStudio:
    """One project of a Label Studio server, 1.23 or newer. See connectors.base.Connector.

    url: the server's address. project: its number. token: called before each request; returns a
    legacy token or a personal access token. source: the folder with the images; None when the
    project holds its images as tasks already. connect_s, read_s: seconds to wait for a connection
    and for an answer. max_bytes: of an image that is fetched from the project. allowed: hosts that
    images may be fetched from beside the public internet and this server. smart_tool: whether the
    guide says how to click. sleep: how to pause between tries. now: our own clock. transport: how
    requests travel; None for sockets.
    """

    def __init__(
        self,
        *,
        url: str,
        project: int,
        token: Callable[[], str],
        classes: ClassSet,
        source: FolderSource | None,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
        max_bytes: int = MAX_BYTES,
        allowed: AllowedHosts | None = None,
        smart_tool: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._api = Api(
            url, token, connect_s=connect_s, read_s=read_s, sleep=sleep, transport=transport
        )
        self._image_fetcher = ImageFetcher(self._api, allowed, max_bytes)
        self._project_id, self._classes, self._folder = project, classes, source
        self._max_bytes, self._smart_tool = max_bytes, smart_tool
        self._pusher = Pusher(self._api, project, classes)
        self._puller = Puller(self._api, project, classes, now)
        self._reviews = Reviews(self._api, project, classes)
        self._project_images = ProjectImages(self._api, project, now)

    def close(self) -> None:
        """Close the connections."""
        self._image_fetcher.close()
        self._api.close()

    def check(self) -> Sequence[Fault]:
        """Token, project, label config, sampling, version, and whether images are served."""
        try:
            project = self._project()
        except ApiRefused as exc:
            return [self._refusal(exc)]
        faults = [
            *projects.version_fault(self._api),
            *projects.config_faults(project, self._classes),
            *projects.sampling_fault(project),
        ]
        readable = not isinstance(label_configs.parse(str(project["label_config"])), Fault)
        return [*faults, *(self._image_faults() if readable else [])]

    def notes(self) -> Sequence[str]:
        """What a person should know about the project's label config, one line each."""
        return label_configs.notes(str(self._project()["label_config"]))

    def claim(self, owner: str) -> None:
        """Write the mark of a store into the project's description, or refuse another's."""
        projects.claim(self._api, self._project(), owner)

    def images(self) -> Iterable[FoundImage]:
        """Every image of the folder or of the project's tasks, each key once."""
        project = self._project()
        source = self._source(self._label_config(project))
        if isinstance(source, FolderSource):
            if project["task_number"]:
                require_nonempty(source.root, "the images of the tasks")
            return source.images()
        return self._project_images.images(source, project["task_number"])

    def read(self, image: FoundImage) -> bytes:
        """The bytes of an image, bounded. Raises ImageRefused."""
        if self._folder is not None:
            content = self._folder.read(image)
        elif is_inline(image.uri):
            content = self._inline(image)
        else:
            content = self._image_fetcher.read(image)
        require_shown_in_browser(content, f"image {image.name}")
        return content

    def fingerprint(self, image: FoundImage) -> str:
        """ETag and time of change of an image of the project; "" for an image of a folder."""
        return "" if self._folder is not None else self._image_fetcher.fingerprint(image)

    def left_out(self) -> Sequence[LeftOut]:
        """Files of the image folder that are not used, and why."""
        return () if self._folder is None else self._folder.left_out()

    def changes(
        self,
        cursor: str | None,
        sizes: Mapping[str, tuple[int, int]],
        asked: Collection[str] = (),
    ) -> Changes:
        """What people did since `cursor`, in pages. `deletions` stays empty: the store compares
        `annotation_ids`."""
        project = self._project()
        label_config = self._label_config(project)
        since = Cursor.parse(cursor)
        since = replace(since, tasks=since.tasks.union(map(int, asked)))
        source = self._source(label_config)
        return self._puller.changes(since, sizes, source, label_config, project["task_number"])

    def push(self, asks: Sequence[TaskRequest], key: str, version: str) -> Mapping[int, str]:
        """Ask people for these images; image id -> task. Repeating it asks once."""
        label_config = self._label_config(self._project())
        source = self._source(label_config)
        if isinstance(source, FolderSource):
            return self._pusher.create(asks, key, version, source, label_config)
        again = [ask for ask in asks if ask.needs_new_task]
        first = [ask for ask in asks if not ask.needs_new_task]
        found = self._pusher.ask_existing(first, version, source, label_config) if first else {}
        return found | (
            self._pusher.create(again, key, version, source, label_config) if again else {}
        )

    def rerank(self, version: str, asks: Sequence[TaskRequest]) -> None:
        """Give every open task its new position and prediction, by one switch."""
        self._pusher.rerank(version, asks, self._label_config(self._project()))

    def retire(self, tasks: Collection[str]) -> None:
        """Stop handing these tasks out: each gets overlap 0."""
        self._pusher.retire(sorted(int(task) for task in tasks))

    def delete_predictions(self, version: str) -> bool:
        """Delete some hundreds of predictions of this version; returns whether none is left."""
        return prediction_versions.delete_some(self._api, self._project_id, version)

    def repair(
        self, version: str | None, open_tasks: Collection[str], pause_min: int | None = None
    ) -> Sequence[str]:
        """Put back the settings that the loop needs, and the stream; returns what was repaired."""
        required = projects.required_settings(self._folder)
        repaired = projects.repair_settings(
            self._api,
            self._project(),
            required,
            version,
            self._classes,
            pause_min,
            smart_tool=self._smart_tool,
        )
        stream = projects.repair_stream(self._api, self._project_id, self._pusher, open_tasks)
        return [*repaired, *stream]

    def smart_tool_faults(self) -> Sequence[Fault]:
        """Why people cannot click, though the loop can run."""
        return smart_faults(str(self._project()["label_config"]))

    def connect_smart_tool(self, target: str, password: str) -> Sequence[str]:
        """Let the project send clicks to the address `target`."""
        return connect_ml_backend(self._api, self._project_id, target, password)

    def people(self) -> Mapping[str, str]:
        """The number of each user -> full name or e-mail address."""
        return people.user_names(self._api)

    def drafts(self, open_tasks: Collection[str]) -> Sequence[Draft]:
        """Who has begun which of these tasks."""
        return people.drafts(self._api, self._project_id, open_tasks)

    def open_reviews(self, version: str, requests: Sequence[ReviewRequest]) -> Collection[str]:
        """Hand answered tasks to another person; those for which it is possible."""
        return self._reviews.open(version, requests, self._label_config(self._project()))

    def keep_reviews_open(self, answers: Mapping[str, int]) -> Collection[str]:
        """Put open reviews back into the stream; returns the tasks that are gone."""
        return self._reviews.keep_open(answers)

    def withdraw_reviews(self, tasks: Collection[str]) -> None:
        """Take reviews back."""
        self._reviews.withdraw(tasks)

    def _inline(self, image: FoundImage) -> bytes:
        """The bytes of an image that is embedded in the data of its task."""
        numbers = [] if image.task is None else [int(image.task)]
        for task in tasks.find_each(self._api, self._project_id, "id", numbers, ["data"]):
            for value in task["data"].values():
                if isinstance(value, str) and key_of_address(value) == image.uri:
                    return decode(value, self._max_bytes)
        raise ImageRefused(
            got=f"no task {image.task} that holds it", expected="one", cure="import it again"
        )

    def _project(self) -> dict[str, Any]:
        path = f"api/projects/{self._project_id}/"
        found = self._api.get(path)
        if not isinstance(found, dict) or not isinstance(found.get("task_number"), int):
            raise ConnectorRefused(
                f"GET {self._api.url}/{path}: got {typed(found)}; expected a project and how many "
                f"tasks it holds; see Label Studio's log"
            )
        return found

    def _label_config(self, project: Mapping[str, Any]) -> LabelConfig:
        found = label_configs.parse(str(project["label_config"]))
        if isinstance(found, Fault):
            raise ConnectorRefused(str(found))
        return found

    def _source(self, label_config: LabelConfig) -> Source:
        return self._folder or ProjectSource(label_config.image_field)

    def _refusal(self, exc: ApiRefused) -> Fault:
        if exc.status == 404:
            return Fault(
                where=self._api.url,
                got=f"no project {self._project_id}",
                expected="the project of config.toml",
                cure="correct its number, or write project = 0 and run `maskloop init`, which "
                "lists the projects",
            )
        return Fault(where=exc.where, got=exc.got, expected="access to the project", cure=exc.cure)

    def _image_faults(self) -> Sequence[Fault]:
        """Whether Label Studio shows the first image to annotators."""
        for image in self.images():
            try:
                source = self._source(self._label_config(self._project()))
                self._image_fetcher.read(replace(image, uri=source.address(image.key)))
            except ImageRefused as exc:
                return [_not_served(image, exc)]
            return []
        return [
            Fault(
                where="images",
                got="none",
                expected="at least one",
                cure="put images into the folder of config.toml, or import them as tasks",
            )
        ]


def _not_served(image: FoundImage, exc: ImageRefused) -> Fault:
    return Fault(
        where=f"image {image.key}",
        got=f"no picture ({exc})",
        expected="that it can be fetched",
        cure="for a folder start Label Studio with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true "
        "and LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, then run `maskloop init`; an image from "
        "elsewhere must be within reach of the daemon and of the annotators' browsers",
    )

"""What every schedule begins with: images, a project in a Label Studio, a configuration."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from connectors.label_studio import FolderSource, create_or_adopt_project
from daemon.config.loading import Config
from daemon.store import FILE, Store
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.labeling import Labeling
from tests.faults.learner import SIZE
from tests.faults.people import ANNOTATORS, CLASSES

IMAGES = 14
LATER = 4  # images that people may add by hand
TOKEN = "1" * 40
PEOPLE = (*ANNOTATORS, "zoe")
SETTINGS: dict[str, Any] = {
    "classes": {"names": list(CLASSES.names)},
    "loop": {
        "budget_labels": 11,
        "batch_images": 3,
        "seed_images": 3,
        "done_share": 0.5,
        "queue_low": 2,
        "queue_top_up": 2,
        "push_chunk": 3,
        "max_skips": 1,
    },
    "validation": {"min_images": 2, "max_images": 2},
    "selection": {"duplicate_similarity": 1.0, "strategy": "entropy"},
    "storage": {"min_free_gb": 0.0},
    "web": {"enabled": False},
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """files: the images, by source. address: of the server that hands out images.
    labeling: the project before anything happened, by source. store: an empty one."""

    files: Path
    address: str
    labeling: dict[str, Labeling]
    store: Path

    def project(self, source: str) -> Labeling:
        """A Label Studio of its own."""
        return copy.deepcopy(self.labeling[source])

    def config(self, home: Path, source: str) -> Config:
        """The configuration of one schedule, with an empty store in `home`."""
        (home / "state").mkdir(parents=True)
        shutil.copy(self.store, home / "state" / FILE)
        return configured(home, self.files, self.address, source)

    def addresses(self, source: str) -> list[str]:
        """Of all images, those that are not in the project yet last."""
        folder = FolderSource(self.files / source, self.files)
        return [folder.address(found.key) for found in folder.images()]


def configured(home: Path, files: Path, url: str, source: str, **changes: Any) -> Config:
    return Config.model_validate(
        {
            "home": home,
            "project": {"state_dir": "state"},
            "images": {"source": source, "folder": str(files / source)},
            "label_studio": {
                "url": url,
                "project": 1,
                "document_root": str(files),
                "token_env": "MASKLOOP_FAULTS_TOKEN",
                "keep_versions_hours": 1.0,
                **changes,
            },
            **SETTINGS,
        }
    )


@contextmanager
def field(root: Path) -> Iterator[Field]:
    """The beginning of every schedule. root: an empty folder."""
    files, store = root / "files", root / "empty.db"
    paint(files)
    with Store(store):
        pass
    with handed_out(files) as address:
        labeling = {source: _made(files, source) for source in ("folder", "project")}
        yield Field(files=files, address=address, labeling=labeling, store=store)


def paint(files: Path) -> None:
    """Images for both sources."""
    rng = np.random.default_rng(3)
    for source in ("folder", "project"):
        (files / source).mkdir(parents=True)
        for number in range(IMAGES + (LATER if source == "project" else 0)):
            pixels = rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(files / source / f"plant {number:02d}.png")


@contextmanager
def handed_out(files: Path) -> Iterator[str]:
    """A process that serves the images as Label Studio does; its address."""
    ours, theirs = Pipe()
    pid = os.fork()
    if pid == 0:
        ours.close()
        with FakeLabelStudio(files) as server:
            server.token = TOKEN
            server.labeling.storages.append({"project": 1, "path": str(files)})
            theirs.send(server.url)
            theirs.poll(None)  # until the other end is closed
        os._exit(0)
    theirs.close()
    try:
        yield ours.recv()
    finally:
        ours.close()
        os.waitpid(pid, 0)


def _made(files: Path, source: str) -> Labeling:
    folder = FolderSource(files / source, files) if source == "folder" else None
    with FakeLabelStudio(files) as server:
        create_or_adopt_project(
            url=server.url,
            token=lambda: server.token,
            project="plants",
            classes=CLASSES,
            source=folder,
        )
        if folder is None:
            place = FolderSource(files / source, files)
            keys = [found.key for found in place.images()][:IMAGES]
            rows = [{"data": {"image": place.address(key)}} for key in keys]
            server.labeling.import_tasks(1, rows)
        return server.labeling

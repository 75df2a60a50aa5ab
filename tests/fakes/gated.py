"""The folder connector, whose images come when they are let through."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from connectors.folder import Folder
from daemon.config.loading import Config
from daemon.domain import FoundImage


class Gated(Folder):
    """reads: how often each image was read. raising: what a read of an image raises, by its key,
    or of every image under "". closed: images that hang until `open` is called."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.reads: Counter[str] = Counter()
        self.raising: dict[str, BaseException] = {}
        self._closed: dict[str, threading.Event] = {}

    def read(self, image: FoundImage) -> bytes:
        self.reads[image.key] += 1
        if (gate := self._closed.get(image.key)) is not None:
            gate.wait()
        error = self.raising.get(image.key) or self.raising.get("")
        if error is not None:
            raise error
        return super().read(image)

    def close(self, key: str) -> None:
        self._closed[key] = threading.Event()

    def open(self, key: str) -> None:
        self._closed.pop(key).set()


def gated(config: Config) -> Gated:
    return Gated(
        images=config.home / "images",
        truth=config.home / "masks",
        state=config.state / "folder",
        classes=config.class_set,
    )

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
    or of every image under "". `hold_back`: an image hangs until `let_through`."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.reads: Counter[str] = Counter()
        self.raising: dict[str, BaseException] = {}
        self._held: dict[str, threading.Event] = {}

    def read(self, image: FoundImage) -> bytes:
        self.reads[image.key] += 1
        if (gate := self._held.get(image.key)) is not None:
            gate.wait()
        error = self.raising.get(image.key) or self.raising.get("")
        if error is not None:
            raise error
        return super().read(image)

    def hold_back(self, key: str) -> None:
        self._held[key] = threading.Event()

    def let_through(self, key: str) -> None:
        self._held.pop(key).set()


def gated(config: Config) -> Gated:
    return Gated(
        images=config.home / "images",
        truth=config.home / "masks",
        state=config.state / "folder",
        classes=config.class_set,
    )

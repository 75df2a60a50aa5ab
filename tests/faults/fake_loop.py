"""A loop on a fake Label Studio whose ticks, answers and clock a test moves by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.label_studio import LabelStudio, create_or_adopt_project
from daemon.loop.components import folder_source
from daemon.loop.service import Ticker
from daemon.store import FILE, Store
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.labeling import Labeling
from tests.faults.field import configured, paint
from tests.faults.learner import DirectLauncher
from tests.faults.people import CLASSES

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def answered(labeling: Labeling, task: int) -> dict[str, Any]:
    """Somebody submits an annotation that holds nothing."""
    return labeling.annotate(task, 1, {"result": []})


class Loop:
    """A loop on the fake that ticks when told, on a clock that is moved by hand."""

    def __init__(self, fake: FakeLabelStudio, home: Path, source: str) -> None:
        files = home / "files"
        paint(files)
        self.fake, self.now = fake, NOON
        self.config = configured(home, files, fake.url, source)
        create_or_adopt_project(
            url=fake.url,
            token=lambda: fake.token,
            project="plants",
            classes=CLASSES,
            source=folder_source(self.config),
        )
        self.connector = LabelStudio(
            url=fake.url,
            project=1,
            token=lambda: fake.token,
            classes=CLASSES,
            source=folder_source(self.config),
            sleep=lambda seconds: None,
            now=lambda: self.now,
        )
        launcher = DirectLauncher(0)
        self.ticker = Ticker(self.config, self.connector, launcher, lambda: self.now, None)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.fake.labeling.wait(seconds)

    def labels(self) -> int:
        with Store(self.config.state / FILE) as store:
            return len(store.labeled_ids())

"""More masks than memory bears: a pull goes on until all are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.domain import TaskRequest
from daemon.loop.components import open_connector
from daemon.stages.context import Context
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.fakes.sync import synchronize
from tests.fakes.versions import version
from tests.integration.workbench import configured, paint


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state" / FILE) as store:
        yield store


def test_a_pull_takes_in_every_portion(tmp_path: Path, store: Store) -> None:
    paint(tmp_path, images=3)
    config = configured(tmp_path)
    context = Context(
        config=config,
        store=store,
        connector=open_connector(config),
        launcher=ForkLauncher(),
        now=lambda: datetime.now(UTC),
    )
    synchronize(context)
    images = context.store.images()
    panorama = replace(images[0], key="p", sha256="p", height_px=12_000, width_px=12_000)
    context.store.add_image(panorama, None)  # so large that masks are read one by one
    asks = [
        TaskRequest(image=image, position=place, cycle=0, reason="")
        for place, image in enumerate(images)
    ]
    context.connector.push(asks, "push-1", version(0, 1))

    synchronize(context)

    assert context.store.labeled_ids() == {image.id for image in images}

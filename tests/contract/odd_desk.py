"""A store beside a project whose tasks are the images, on the fake Label Studio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.store import FILE, Store
from tests.contract.rigs import Server, project_source_rig
from tests.contract.test_asked_again import Desk


@pytest.fixture
def desk(fake_server: Server, tmp_path: Path) -> Iterator[Desk]:
    """A project whose tasks are the images."""
    tool = project_source_rig(fake_server)
    with Store(tmp_path / "state" / FILE) as store:
        yield Desk(tool, store, tmp_path)


def answered(desk: Desk, images: int) -> list[str]:
    desk.ask(images)
    return [str(desk.answer("ada", well=True)) for _ in range(images)]

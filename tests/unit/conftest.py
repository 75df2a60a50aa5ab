"""Two web servers for the tests of downloads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.hostile import HostileServer


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer() as running:
        yield running


@pytest.fixture
def other() -> Iterator[HostileServer]:
    with HostileServer() as running:
        yield running

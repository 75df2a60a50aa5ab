"""A real Label Studio for tests: migrated once a machine, copied and started once a session.

Use it in another folder with `from tests.live.live_server import annotator, label_studio`
in that folder's conftest.py.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.demo.installation import VERSION, find_executable
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.demo.ports import free_port
from daemon.demo.web_user import WebUser

MakeUser = Callable[[str], WebUser]
SECRETS = ".env"


def migrated_folder(cache: Path, executable: Path) -> Path:
    """A folder with an empty Label Studio and its admin; making it takes a minute, once."""
    ready = cache / "migrated"
    with (cache / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            making = cache / "making"
            shutil.rmtree(making, ignore_errors=True)
            server = LabelStudioServer(folder=making, document_root=making, executable=executable)
            with server:
                pass
            making.rename(ready)
    return ready


@pytest.fixture(scope="session")
def migrated(request: pytest.FixtureRequest) -> Path:
    """The folder to copy; fails with what to run where Label Studio is not installed."""
    assert request.config.cache is not None, "the live tests need pytest's cache folder"
    cache = request.config.cache.mkdir(f"label-studio-{VERSION}")
    return migrated_folder(cache, find_executable(os.environ))


def start_copy(migrated: Path, folder: Path) -> LabelStudioServer:
    """Start a server of its own in `folder`; files below `folder`/files may be served."""
    shutil.copytree(migrated, folder, dirs_exist_ok=True)
    (folder / "files" / "images").mkdir(parents=True, exist_ok=True)
    server = LabelStudioServer(
        folder=folder,
        document_root=folder / "files",
        executable=find_executable(os.environ),
        port=free_port(),
    )
    return server.start()


@pytest.fixture(scope="session")
def label_studio(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LabelStudioServer]:
    """A server for this session: `.url`, `.credentials.token`, `.credentials.username`.

    Make a project of your own in it; tests share the server, never a project.
    """
    server = start_copy(migrated, tmp_path_factory.mktemp("label-studio"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def annotator(label_studio: LabelStudioServer) -> Iterator[MakeUser]:
    """Make or fetch a signed-in person: `annotator("ada").next_task(project)`."""
    known: dict[str, WebUser] = {}
    admin = WebUser(label_studio.url)
    assert admin.sign_in(label_studio.credentials.username, label_studio.credentials.password)

    def person(name: str) -> WebUser:
        if name not in known:
            email, password = f"{name}@example.org", "a long enough password"
            user = WebUser(label_studio.url)
            if not user.sign_in(email, password):
                assert user.sign_up(admin.invite_url(), email, password)
            known[name] = user
        return known[name]

    yield person
    for user in (admin, *known.values()):
        user.close()

"""The same schedules on a real Label Studio, with fresh processes and a proxy where things break.

Nobody moves its clock, and time goes by as it does; the rest is as on the fake.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from connectors.label_studio import FolderSource, create_or_adopt_project
from connectors.label_studio.api import Api
from daemon.config.loading import Config
from daemon.config.rendering import render
from daemon.demo.installation import VERSION, find_executable
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.demo.web_user import WebUser
from daemon.store import FILE, Store
from tests.fakes.faults import Unanswered
from tests.fakes.faulty import Faulty
from tests.fakes.proxy import FaultyProxy
from tests.faults.child import END, LOOK
from tests.faults.field import IMAGES, configured, paint
from tests.faults.people import CLASSES, Call, People
from tests.faults.running import Verdict, verdict_of
from tests.faults.schedule import Life, Schedule, schedule
from tests.faults.world import World
from tests.live.live_server import migrated_folder, start_copy

ROOT = Path(__file__).parents[2]


class KillingProxy(FaultyProxy):
    """Kills the daemon at a request. daemon: the one that lives now."""

    daemon: FreshDaemon | None = None

    def forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> httpx.Response:
        daemon = self.daemon
        dies = daemon is not None and daemon.dies_at_this_request()
        if daemon is not None and dies and not daemon.after_the_work:
            daemon.kill()
            raise Unanswered("closed")
        try:
            return super().forward(method, path, headers, body)
        finally:
            if daemon is not None and dies:
                daemon.kill()


class FreshDaemon:
    """A daemon process as its parent sees it; see world.Lifelike."""

    def __init__(self, home: Path, token: str, train_polls: int, life: Life | None) -> None:
        self.killed = False
        self._life, self._requests = life, 0
        self.after_the_work = life is not None and life.after_the_work
        statements = (life and life.killed_at_statement) or 0
        words = [sys.executable, "-m", "tests.faults.process", str(home)]
        self._process = subprocess.Popen(
            [*words, str(train_polls), str(statements), life.killed_in if life else ""],
            cwd=ROOT,
            env={**os.environ, "MASKLOOP_FAULTS_TOKEN": token},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait(self, server: Faulty) -> bool:
        """Until it is ready to look; False where it is gone."""
        assert self._process.stdout is not None
        ready = self._process.stdout.readline().strip() == LOOK
        self.killed = self.killed or not ready
        return ready

    def look(self, server: Faulty) -> bool:
        return self._tell(LOOK) and self.wait(server)

    def end(self) -> None:
        self._tell(END)
        self._process.communicate(timeout=240)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)

    def dies_at_this_request(self) -> bool:
        number, self._requests = self._requests, self._requests + 1
        return self._life is not None and number == self._life.killed_at_request

    def _tell(self, what: str) -> bool:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{what}\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return False
        return True


class RealWorld(World):
    """home: where its configuration is. server: a KillingProxy."""

    def __init__(
        self, told: Schedule, config: Config, proxy: KillingProxy, people: People, token: str
    ) -> None:
        super().__init__(told, config, proxy, people)
        self._proxy, self._token = proxy, token

    def daemon(self, life: Life | None) -> FreshDaemon:
        made = FreshDaemon(self.config.home, self._token, self._told.train_polls, life)
        self._proxy.daemon = made
        return made


@contextmanager
def running_server(folder: Path) -> Iterator[LabelStudioServer]:
    """A real Label Studio of its own in `folder`."""
    cache = ROOT / ".pytest_cache" / "d" / f"label-studio-{VERSION}"
    cache.mkdir(parents=True, exist_ok=True)
    server = start_copy(migrated_folder(cache, find_executable(os.environ)), folder)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def signed_in(server: LabelStudioServer, names: Sequence[str]) -> Iterator[Call]:
    """How these people reach the server; they are made where they are not known."""
    with ExitStack() as stack:
        admin = stack.enter_context(WebUser(server.url))
        assert admin.sign_in(server.credentials.username, server.credentials.password)
        users = {name: stack.enter_context(WebUser(server.url)) for name in names}
        for name, user in users.items():
            email = f"{name}@example.org"
            if not user.sign_in(email, "a long enough password"):
                assert user.sign_up(admin.invite_url(), email, "a long enough password")

        def call(who: str, method: str, path: str, body: Any) -> tuple[int, Any]:
            http = users[who]._http
            headers = {"X-CSRFToken": http.cookies.get("csrftoken") or ""}
            answer = http.request(method, path, json=body, headers=headers)
            return answer.status_code, answer.json() if answer.content else None

        yield call


def judged_really(server: LabelStudioServer, call: Call, home: Path, seed: int) -> Verdict:
    """Run one schedule on this server. home: an empty folder."""
    told = schedule(seed)
    files = server.document_root / f"faults-{seed}"
    paint(files)
    folder = FolderSource(files / told.source, server.document_root)
    addresses = [folder.address(found.key) for found in folder.images()]
    number = _project(server, folder, told, addresses)
    with KillingProxy(server.url) as proxy:
        url, root = proxy.url, str(server.document_root)
        config = configured(home, files, url, told.source, project=number, document_root=root)
        with Store(config.state / FILE):
            (home / "config.toml").write_text(render(config))
        rng = np.random.default_rng([seed, 1])
        people = People(call, number, rng, addresses[IMAGES - 2 :])
        world = RealWorld(told, config, proxy, people, server.credentials.token)
        return verdict_of(world, seed, world.run())


def _project(
    server: LabelStudioServer, folder: FolderSource, told: Schedule, addresses: Sequence[str]
) -> int:
    token = server.credentials.token
    made = create_or_adopt_project(
        url=server.url,
        token=lambda: token,
        project=f"faults {told.seed} {folder.root.parent.name}",
        classes=CLASSES,
        source=folder if told.source == "folder" else None,
    )
    if told.source == "project":
        api = Api(server.url, lambda: token)
        place = {"project": made.id, "path": str(folder.root)}
        api.post("api/storages/localfiles/", {**place, "use_blob_urls": True})
        rows = [{"data": {"image": address}} for address in addresses[:IMAGES]]
        api.post(f"api/projects/{made.id}/import", rows)
        api.close()
    return made.id

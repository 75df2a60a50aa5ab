from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from daemon.demo.installation import find_executable
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.demo.ports import free_port, is_free
from daemon.domain.errors import DemoFailed
from tests.fakes.child_process import running
from tests.live.live_server import start_copy

pytestmark = pytest.mark.live

LABEL_CONFIG = """<View><Image name="image" value="$image"/>
<BitmaskLabels name="seg" toName="image" smart="false"><Label value="crop"/></BitmaskLabels>
</View>"""


def call(server: LabelStudioServer, method: str, path: str, **request: object) -> httpx.Response:
    headers = {"Authorization": f"Token {server.credentials.token}"}
    return httpx.request(
        method, server.url + path, headers=headers, trust_env=False, timeout=120, **request
    )


def test_a_killed_server_comes_back_with_the_same_credentials_and_data(label_studio):
    before = label_studio.credentials
    made = call(
        label_studio,
        "POST",
        "/api/projects/",
        json={"title": "kept through a kill", "label_config": LABEL_CONFIG},
    )
    assert made.status_code == 201
    killed = label_studio.pid

    os.kill(killed, signal.SIGKILL)
    while label_studio.pid == killed:
        time.sleep(0.05)
    label_studio.wait_ready()

    assert label_studio.pid != killed
    assert label_studio.credentials == before
    kept = call(label_studio, "GET", f"/api/projects/{made.json()['id']}")
    assert kept.json()["title"] == "kept through a kill"


def test_secrets_are_readable_by_their_owner_only(label_studio):
    mode = stat.S_IMODE((label_studio.folder / ".env").stat().st_mode)
    assert mode == 0o600


def test_no_command_line_and_no_log_shows_a_secret(label_studio):
    shown = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True)
    said = label_studio.log_file.read_text(errors="replace")
    known = label_studio.credentials
    for secret in (known.password, known.token, known.annotator_password):
        assert secret not in shown.stdout
        assert secret not in said
        assert secret not in repr(known)
    assert (
        str(label_studio.pid)
        in subprocess.run(
            ["ps", "ax", "-o", "pid"], capture_output=True, text=True, check=True
        ).stdout
    )


def test_it_listens_on_the_loopback_interface_only(label_studio):
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    port = f":{label_studio.credentials.port:04X}"
    addresses = {row.split()[1] for row in rows if row.split()[3] == "0A"}
    assert {address for address in addresses if address.endswith(port)} == {f"0100007F{port}"}


def test_strangers_cannot_sign_up_without_an_invite(label_studio):
    with httpx.Client(base_url=label_studio.url, trust_env=False, timeout=60) as stranger:
        stranger.get("/user/login/")
        form = {
            "email": "stranger@example.org",
            "password": "a long enough password",
            "csrfmiddlewaretoken": stranger.cookies["csrftoken"],
        }
        assert stranger.post("/user/signup/", data=form).status_code == 403


def test_a_second_start_continues_with_the_same_port_and_data(migrated, tmp_path):
    first = start_copy(migrated, tmp_path)
    made = call(first, "POST", "/api/projects/", json={"title": "kept through a stop"})
    url, known = first.url, first.credentials
    first.stop()
    assert is_free(known.port)

    second = LabelStudioServer(
        folder=tmp_path, document_root=tmp_path, executable=find_executable(os.environ)
    )
    with second:
        assert (second.url, second.credentials) == (url, known)
        assert call(second, "GET", f"/api/projects/{made.json()['id']}").status_code == 200


def test_a_folder_is_served_once_at_a_time(label_studio):
    twin = LabelStudioServer(
        folder=label_studio.folder,
        document_root=label_studio.folder,
        executable=label_studio.executable,
    )
    with pytest.raises(DemoFailed, match="another process runs a Label Studio there"):
        twin.start()


def test_a_server_dies_with_the_process_that_supervises_it(migrated, tmp_path):
    folder = shutil.copytree(migrated, tmp_path / "copy")
    port = free_port()
    script = (
        "import os, pathlib, time\n"
        "from daemon.demo.installation import find_executable\n"
        "from daemon.demo.label_studio_server import LabelStudioServer\n"
        f"folder = pathlib.Path({str(folder)!r})\n"
        "server = LabelStudioServer(folder=folder, document_root=folder, "
        f"port={port}, executable=find_executable(os.environ)).start()\n"
        "print(server.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", script]
    with running(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 60
    while (_alive(child) or not is_free(port)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(child)
    assert is_free(port)


def test_a_taken_port_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("daemon.demo.label_studio_server.STOP_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = LabelStudioServer(
            folder=tmp_path,
            document_root=tmp_path,
            executable=find_executable(os.environ),
            port=port,
        )
        with pytest.raises(DemoFailed, match=rf"port {port} is taken.*--port"):
            server.start()
    assert server.pid is None


def test_a_server_that_cannot_start_is_reported_with_its_own_words(tmp_path):
    broken = tmp_path / "label-studio"
    broken.write_text("#!/bin/sh\necho 'no module named django' >&2\nexit 3\n")
    broken.chmod(0o755)
    server = LabelStudioServer(folder=tmp_path / "demo", document_root=tmp_path, executable=broken)
    with pytest.raises(DemoFailed, match=re.compile("ended 5 times.*no module named django", re.S)):
        server.start()


def test_a_missing_installation_says_what_to_run():
    with pytest.raises(DemoFailed, match="make setup"):
        find_executable({"MASKLOOP_LABEL_STUDIO": "/nowhere/label-studio"})


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"

"""No command ends in a traceback: whatever file, folder, store or stream it is given, it says where
the fault is, what was got, what was expected and what to do, and exits with 1 (2 for usage)."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from daemon.config.loading import load_config
from tests.fakes.command import TRACEBACK, assert_said, run_command
from tests.integration.workbench import configured, faults_of, paint, run_out, ticker

BOM = b"\xef\xbb\xbf"
CONFIGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (lambda path: path.mkdir(), "is a folder; expected a file"),
    "UTF-16": (lambda path: path.write_text("[web]\n", "utf-16"), "is UTF-16; expected UTF-8"),
    "bytes": (lambda path: path.write_bytes(b"\x89PNG\xff"), "line 1 is no UTF-8 text"),
    "zeros": (lambda path: path.write_bytes(bytes(2000)), "cannot be read as TOML"),
    "huge": (lambda path: path.touch() or os.truncate(path, 10**8), "more than 2000000 bytes"),
    "no TOML": (lambda path: path.write_text("web: {port: 1}"), "cannot be read as TOML"),
    "deep": (lambda path: path.write_text(f"x = {'[' * 99_999}"), "cannot be read as TOML"),
    "absent": (lambda path: None, "`maskloop init` writes one"),
    "a pipe": (os.mkfifo, "is no file"),
    "a loop": (lambda path: path.symlink_to(path), "cannot be read|is a link"),
    "a lost link": (lambda path: path.symlink_to("none.toml"), "is a link to no file"),
    "a list": (lambda path: path.write_text("web = [1]"), r"expected a table; write \[web\]"),
    "stray": (lambda path: path.write_text("poll_s = 1\n"), r"expected it below \[loop\]"),
    "home": (lambda path: path.write_text("[home]\nx = 1\n"), "there is no such table"),
}
COMMANDS = (["status"], ["check"], ["once"], ["run"], ["web"], ["backup", "copy.db"], ["classes"])


def fill(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(1024)):
            pass


@pytest.fixture
def home(tmp_path: Path) -> Path:
    paint(tmp_path, images=12)
    configured(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_that_is_none_is_refused_by_every_command(tmp_path: Path, name: str) -> None:
    make, words = CONFIGS[name]
    make(tmp_path / "config.toml")

    for command in COMMANDS:
        assert_said(run_command(*command, folder=tmp_path), words)
    if name != "absent":
        assert_said(run_command("init", folder=tmp_path), words)
    report = run_command("doctor", folder=tmp_path)
    assert (report.code, TRACEBACK in report.err + report.out) == (0, False)
    assert re.search(words, report.out)


def test_a_config_with_a_byte_order_mark_is_read(home: Path) -> None:
    path = home / "config.toml"
    path.write_bytes(BOM + path.read_bytes().replace(b"\n", b"\r\n"))

    assert run_command("status", folder=home).code == 0


def test_a_config_that_nobody_may_read_is_refused(home: Path) -> None:
    (home / "config.toml").chmod(0)
    done = run_command("status", folder=home)

    assert TRACEBACK not in done.err
    assert done.code == 0 if os.geteuid() == 0 else "cannot be read: Permission denied" in done.err


def make_state(home: Path, content: bytes) -> None:
    (home / "state").mkdir()
    (home / "state" / "store.db").write_bytes(content)


STORES: dict[str, tuple[Callable[[Path], object], str]] = {
    "state is a file": (lambda home: (home / "state").touch(), "is a file; expected a folder"),
    "no database": (lambda home: make_state(home, b"junk" * 999), "restore a copy"),
    "torn": (lambda home: make_state(home, b"SQLite format 3\0" + bytes(999)), "restore a copy"),
    "a folder": (lambda home: (home / "state/store.db").mkdir(parents=True), "it is a folder"),
}


@pytest.mark.parametrize("name", STORES)
def test_a_store_that_is_none_is_refused_by_every_command(home: Path, name: str) -> None:
    make, words = STORES[name]
    make(home)

    for command in (["status"], ["once"], ["run"], ["backup", "copy.db"], ["classes"]):
        assert_said(run_command(*command, folder=home), words)
    report = run_command("doctor", folder=home)
    assert (report.code, TRACEBACK in report.err + report.out) == (0, False)


def test_pages_of_a_store_that_are_damaged_are_said(home: Path) -> None:
    path = home / "state" / "store.db"
    run_out(ticker(configured(home)))
    with closing(sqlite3.connect(path)) as store:
        store.execute("pragma wal_checkpoint(truncate)")
    content = bytearray(path.read_bytes())
    content[8192:-4096] = os.urandom(len(content) - 8192 - 4096)
    path.write_bytes(content)

    for command in ("status", "once"):
        assert_said(run_command(command, folder=home), "store.*(malformed|not a database|corrupt)")


BACKUPS: dict[str, tuple[Callable[[Path], object], str]] = {
    "copy.db": (lambda home: (home / "copy.db").touch(), "is there already"),
    "images": (lambda home: None, "is there already"),
    "none/copy.db": (lambda home: None, "its folder is missing"),
    "config.toml/copy.db": (lambda home: None, "its folder is missing"),
    "state/store.db": (lambda home: None, "is there already"),
    "dangling": (lambda home: (home / "dangling").symlink_to("no"), "is there already"),
    "$NO_SUCH_PLACE/copy.db": (lambda home: None, "no variable 'NO_SUCH_PLACE'"),
}


@pytest.mark.parametrize("target", BACKUPS)
def test_a_backup_that_cannot_be_written_is_refused(home: Path, target: str) -> None:
    run_command("classes", folder=home)
    ticker(configured(home)).tick()
    make, words = BACKUPS[target]
    make(home)

    assert_said(run_command("backup", target, folder=home), words, 2 if "$" in target else 1)


def test_a_backup_before_there_is_a_store_is_refused(home: Path) -> None:
    assert_said(run_command("backup", "copy.db", folder=home), "no store yet")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a full disk needs the right to mount one")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_and_nothing_half_is_left(home: Path, small_disk: Path) -> None:
    configured(home, project={"state_dir": str(small_disk / "state")})
    for command in (["once"], ["run"]):
        assert_said(run_command(*command, folder=home), "disk.*(full|No space).*free some space")
    full = load_config(home / "config.toml")
    assert "No space left" in faults_of(full, "state folder")[0]
    ticker(configured(home)).tick()
    fill(small_disk / "fill")

    assert_said(run_command("backup", small_disk / "copy.db", folder=home), "free some space")
    assert not (small_disk / "copy.db").exists()
    assert_said(run_command("--config", small_disk / "new.toml", "init", folder=home), "No space")
    assert not (small_disk / "new.toml").exists()


def test_a_page_that_cannot_be_served_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        configured(home, web={"enabled": True, "port": port})
        for command in ("web", "run"):
            assert_said(run_command(command, folder=home), f"port = {port}: cannot listen there")
    monkeypatch.setenv("MASKLOOP_WEB_TOKEN", "a" * 32)  # others might reach the page there
    for host in ("no.such.host.invalid", "256.256.256.256", "a" * 300, "ho st"):
        text = (home / "config.toml").read_text()
        text = re.sub(r"^host = .*$", f'host = "{host}"', text, flags=re.MULTILINE)
        (home / "config.toml").write_text(text)
        assert_said(run_command("web", folder=home), "cannot listen there")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["once", "--cycles", "-1"], "--cycles: -1: expected a whole number"),
        (["run", "--cycles", "1e3"], "--cycles: 1e3: expected a whole number"),
        (["once", "--cycles", "9" * 99], "expected a whole number"),
        (["--config", "$NO_SUCH_PLACE/config.toml", "status"], "no variable 'NO_SUCH_PLACE'"),
        (["stats"], "invalid choice"),
        ([], "required"),
        (["backup"], "required"),
    ],
)
def test_a_wrong_command_line_is_usage(home: Path, words: list[str], said: str) -> None:
    assert_said(run_command(*words, folder=home), said, code=2)


def test_the_image_folder_may_be_a_file_or_absent(home: Path) -> None:
    for folder in ("config.toml", "nowhere", "masks/field00.png"):
        configured(home, images={"folder": folder})
        config = load_config(home / "config.toml")
        assert [*faults_of(config, "labeling tool"), *faults_of(config, "images")]
        once = run_command("once", folder=home)
        assert (once.code, TRACEBACK in once.err + once.out) == (1, False)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_of_another_encoding_shows_every_name(home: Path, encoding: str) -> None:
    configured(home, classes={"names": ("soil", "Rübe", "杂草")})
    (home / "images" / "field00.png").rename(
        os.fsdecode(os.fsencode(home) + b"/images/caf\xe9.png")
    )

    for command in ("status", "doctor", "classes"):
        done = run_command(command, folder=home, encoding=encoding)
        assert (done.code, TRACEBACK in done.err + done.out) == (0, False), done.err
    wrong = run_command(
        "--config", "Rübe/杂草\udce9.toml", "status", folder=home, encoding=encoding
    )
    assert_said(wrong, "no such file")


def test_a_reader_that_goes_away_and_a_full_device_end_a_command_quietly(home: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as gone:
        for command in ("status", "doctor"):
            done = run_command(command, folder=home, out=gone)
            assert (done.code, done.err) == (1, "")
    with open("/dev/full", "wb") as full:
        assert_said(run_command("status", folder=home, out=full), "No space left on device")


def test_the_program_starts_with_closed_streams_and_in_ascii(home: Path) -> None:
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "PYTHONIOENCODING": "ascii",
        "PYTHONPATH": str(root),
    }
    program = f"{sys.executable} -m daemon.cli"
    shell = f"{program} status >&- && {program} doctor 2>&- | head -n 1; {program} stats 2>&-"

    done = subprocess.run(["sh", "-c", shell], cwd=home, env=environment, capture_output=True,
                          text=True, check=False)  # fmt: skip

    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith("findings")


def test_home_and_variables_in_paths_of_the_config(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home))
    path = home / "config.toml"
    text = path.read_text().replace('"images"', '"~/images"').replace('"masks"', '"$HOME/masks"')
    path.write_text(text.replace('state_dir = "state"', 'state_dir = "${HOME}/elsewhere"'))

    assert run_command("--config", "~/config.toml", "classes", folder=Path("/")).code == 0
    config = load_config(path)

    assert faults_of(config, "images") == faults_of(config, "state folder") == []
    assert (home / "elsewhere").is_dir()
    path.write_text(text.replace('"~/images"', '"$NO_SUCH_PLACE/images"'))
    assert_said(
        run_command("status", folder=home),
        r"line \d+: \[images\] folder: the environment has no variable 'NO_SUCH_PLACE'",
    )

"""`maskloop doctor`, whatever is broken, and never with a secret in it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.label_studio import create_or_adopt_project
from daemon.cli.commands import main
from daemon.config.loading import Config
from daemon.config.rendering import render
from daemon.diagnostics.doctor import diagnose
from daemon.diagnostics.report_text import text_lines
from daemon.domain import Fault
from daemon.store import FILE, Store, sole_writer
from tests.fakes.label_studio import FakeLabelStudio
from tests.integration.workbench import configured, paint, run_out, ticker

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "s3cr3t-t0ken/with+signs="


def report_on(config: Config, **environment: str) -> dict[str, Any]:
    return diagnose(config.home / "config.toml", datetime.now(UTC), environment)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeLabelStudio]:
    (tmp_path / "images").mkdir()
    with FakeLabelStudio(tmp_path) as server:
        yield server


def on_label_studio(home: Path, **changes: Any) -> Config:
    tables = {
        "label_studio": {"project": 1, "token_file": "token", **changes},
        "images": {"source": "project"},
        "home": home,
    }
    config = Config.model_validate(tables)
    (home / "config.toml").write_text(render(config))
    return config


def keep_token(home: Path, token: str) -> None:
    (home / "token").write_text(token)
    (home / "token").chmod(0o600)


def make_project(fake: FakeLabelStudio, config: Config, *addresses: str) -> None:
    create_or_adopt_project(
        url=fake.url,
        token=lambda: fake.token,
        project="doctor",
        classes=config.class_set,
        source=None,
    )
    for address in addresses:
        fake.labeling.import_tasks(1, [{"data": {"image": address}}])


def prints_of(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    kept = [path for path in files if not path.name.endswith(("-wal", "-shm"))]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def test_a_loop_that_ran_is_described_and_not_changed(tmp_path: Path) -> None:
    paint(tmp_path)
    config = configured(tmp_path)
    daemon = ticker(config)
    run_out(daemon)
    daemon.stop()
    before = prints_of(tmp_path)

    report = report_on(config)

    assert prints_of(tmp_path) == before
    store = report["store"]
    assert store["integrity"] == "ok"
    assert store["images by role"] == {"pool": 26, "validation": 4}
    assert store["tasks by state"] == {"labeled": 16}
    assert store["last cycles"][0]["id"] == 3
    assert store["steps of a newer Maskloop"] == []
    assert [run["finished"] for run in report["runs"]] == [True] * 5
    assert report["daemon"]["running"] == "no"
    assert report["daemon"]["store last written s ago"] < 60
    assert report["versions"]["torch"][0].isdigit()
    assert report["labeling tool"] == {"kind": "folder"}
    assert report["findings"] == []


def test_a_store_that_another_process_holds_is_described(tmp_path: Path) -> None:
    paint(tmp_path, images=1)
    config = configured(tmp_path)
    with sole_writer(config.state), Store(config.state / FILE) as store, store.atomic():
        store.add_event("info", "in the middle of a write", NOW)  # the write lock is held

        report = report_on(config)

    assert report["daemon"]["running"].startswith("process ")
    assert report["store"]["integrity"] == "ok"
    assert report["store"]["events"] == []


def test_a_daemon_that_is_silent_is_a_finding(tmp_path: Path) -> None:
    config = configured(tmp_path)
    with sole_writer(config.state), Store(config.state / FILE):
        later = datetime.now(UTC) + timedelta(hours=1)

        report = diagnose(tmp_path / "config.toml", later, {})

    assert any("wrote nothing for" in words for words in report["findings"])


def test_without_a_store_the_rest_is_still_told(tmp_path: Path) -> None:
    report = report_on(configured(tmp_path))

    assert "has not run yet" in report["store"]["fault"]
    assert report["runs"] == []
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("damage", ["not a database", "a page", "a newer schema"])
def test_a_store_that_cannot_be_used_is_a_finding(damage: str, tmp_path: Path) -> None:
    config = configured(tmp_path)
    path = config.state / FILE
    with Store(path) as store, store.atomic():
        for number in range(300):
            store.add_event("info", f"event {number} {'x' * 100}", NOW)
    database = sqlite3.connect(path, isolation_level=None)
    sql = "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)"
    if damage == "a newer schema":
        database.execute(sql, ("daemon", "m999_future", "2030"))
    database.close()
    content = bytearray(path.read_bytes())
    if damage == "not a database":
        content[:100] = b"x" * 100
    elif damage == "a page":
        content[-9000:-4096] = b"\xff" * 4904
    path.write_bytes(content)

    report = report_on(config)

    assert any(words.startswith("store: ") for words in report["findings"])
    assert list(text_lines(report))


def test_a_faulty_config_is_told_with_what_needs_none(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[label_studio]\ntoken = "{SECRET}"\n')

    report = diagnose(path, NOW, {})

    assert "there is no such setting" in report["config"]["fault"]
    assert SECRET not in json.dumps(report)
    assert report["versions"]["maskloop"]


def test_a_server_that_is_down_is_told(tmp_path: Path) -> None:
    with FakeLabelStudio() as gone:
        config = on_label_studio(tmp_path, url=gone.url)
    keep_token(tmp_path, SECRET)

    report = report_on(config)

    assert "does not answer" in report["labeling tool"]["fault"]
    assert any("does not answer" in words for words in report["findings"])


def test_a_missing_token_still_tells_whether_the_server_is_up(
    tmp_path: Path, fake: FakeLabelStudio
) -> None:
    report = report_on(on_label_studio(tmp_path, url=fake.url))

    assert report["labeling tool"]["health"] == "HTTP 200"
    assert "token_file" in report["labeling tool"]["fault"]
    assert "gives none" in report["config"]["token"]


def test_the_project_is_told_as_label_studio_has_it(tmp_path: Path, fake: FakeLabelStudio) -> None:
    config = on_label_studio(tmp_path, url=fake.url)
    keep_token(tmp_path, fake.token)
    make_project(fake, config, "/data/upload/1/a.png", "/data/upload/1/b.png", "s3://b/c.png")
    fake.labeling.projects[1]["sampling"] = "Sequential sampling"
    fake.labeling.wait(3e8)  # its clock is years away from ours

    found = report_on(config)

    tool = found["labeling tool"]
    assert "LABEL_STUDIO_TASK_LOCK_TTL" in tool["locks"]
    assert tool["release"] == "1.23.2"
    assert tool["images"] == {"uploads to Label Studio": 2, "s3 storage": 1}
    assert tool["project"]["sampling"] == "Sequential sampling"
    assert abs(tool["its clock is ahead by s"]) > 1e8
    assert any("sampling is 'Sequential" in words for words in found["findings"])
    assert any("NTP" in words for words in found["findings"])
    assert found["config"]["token"] == "file token: a legacy token by its looks, 40 characters"


def test_the_token_is_nowhere_in_the_report(
    tmp_path: Path, fake: FakeLabelStudio, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.token = SECRET
    config = on_label_studio(tmp_path, url=fake.url, title=SECRET)
    keep_token(tmp_path, f"{SECRET}\n")
    make_project(fake, config, f"http://h/{SECRET}.png")
    fake.labeling.projects[1] |= {"title": f"x {SECRET}", "description": SECRET, "sampling": SECRET}
    run = config.state / "runs" / f"0001-{SECRET.replace('/', '')}"
    run.mkdir(parents=True)
    (run / "log.txt").write_text(f"{'x' * 70_000}\nAuthorization: Token {SECRET}\n{SECRET}")
    (run / "error.json").write_text(json.dumps({"kind": "X", "message": f"with {SECRET}"}))
    (run / "result.json").write_text(json.dumps({SECRET: SECRET}))
    with Store(config.state / FILE) as store:
        store.add_event("error", f"got 401 for {SECRET}", NOW)
        store.keep_fact("waiting", SECRET)
        store.quarantine([Fault(where=SECRET, got=SECRET, expected="x", cure=SECRET)], NOW)

    for words in (["doctor"], ["doctor", "--json"]):
        assert main(["--config", str(tmp_path / "config.toml"), *words]) == 0
        shown = capsys.readouterr().out
        assert "[hidden]" in shown
        assert SECRET not in shown
        assert "s3cr3t-t0ken%2Fwith%2Bsigns%3D" not in shown
    assert json.loads(shown)["labeling tool"]["project"]["title"] == "x [hidden]"
    assert json.loads(shown)["store"]["events"][0]["message"] == "got 401 for [hidden]"


def test_a_password_in_the_address_is_nowhere_in_the_report(tmp_path: Path) -> None:
    config = on_label_studio(tmp_path, url="http://ada:hunter22@127.0.0.1:1/x", token_file="")

    report = report_on(config)

    assert "does not answer" in report["labeling tool"]["fault"]
    assert "hunter22" not in json.dumps(report)


def test_a_refused_token_is_told(tmp_path: Path, fake: FakeLabelStudio) -> None:
    config = on_label_studio(tmp_path, url=fake.url)
    keep_token(tmp_path, "2" * 40)

    report = report_on(config)

    assert "HTTP 401" in report["labeling tool"]["fault"]
    assert "2" * 40 not in json.dumps(report)

"""A plug-in that was written for other import paths: one clear error wherever it is met."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import strategies
from daemon.cli.commands import main
from daemon.config.loading import load_config
from daemon.diagnostics.check import checks
from daemon.domain.errors import ConfigError
from daemon.domain.moved_modules import MOVED
from tests.integration.workbench import configured, paint

AT_THE_TOP = "from daemon.errors import PoolInvalid\n"
A_NAME = "from daemon.config import Config\n"
AN_ATTRIBUTE = "import daemon\nREFUSED = daemon.errors.PoolInvalid\n"
NOT_OURS = "import maskloop_no_such_distribution\n"
GONE = "from strategies.base import Portion\n"
SELECTS = """

class Oldest:
    def select(self, pool, n, rng):
        return sorted(pool.ids.tolist())[:n]
"""
LAZY = """
class Oldest:
    def select(self, pool, n, rng):
        from daemon.errors import PoolInvalid
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A configuration that names a plug-in, which is laid out as pip would do it."""
    module = f"field_plug_in_{tmp_path.name}"  # imported once a process
    site = tmp_path / "site"
    info = site / "field_plug_ins-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: field-plug-ins\nVersion: 1.0\n")
    entry = f"[{strategies.GROUP}]\noldest = {module}:Oldest\n"
    (info / "entry_points.txt").write_text(entry)
    (site / f"{module}.py").write_text(request.param)
    monkeypatch.syspath_prepend(site)
    paint(tmp_path)
    configured(tmp_path, selection={"strategy": "oldest", "duplicate_similarity": 1.0})
    return tmp_path


def told(home: Path, capsys: pytest.CaptureFixture[str], command: str) -> tuple[int, str]:
    code = main(["--config", str(home / "config.toml"), command])
    return code, capsys.readouterr().err


MOVED_ERRORS = "daemon.errors of earlier versions is daemon.domain.errors now"
IMPORTS = [
    (AT_THE_TOP + SELECTS, MOVED_ERRORS),
    (AN_ATTRIBUTE + SELECTS, MOVED_ERRORS),
    (A_NAME + SELECTS, "daemon.config of earlier versions is daemon.config.loading now"),
    (GONE + SELECTS, "this version of Maskloop has no such name"),
    (NOT_OURS + SELECTS, "install what maskloop_no_such_distribution belongs to"),
]


@pytest.mark.parametrize(("home", "words"), IMPORTS, indirect=["home"])
def test_the_error_names_the_plug_in_the_line_and_the_new_place(home: Path, words: str) -> None:
    with pytest.raises(ConfigError) as failed:
        strategies.load("oldest")

    said = str(failed.value)
    assert "\n" not in said
    assert said.startswith("strategy oldest: cannot import field_plug_in_")
    assert ":Oldest of field-plug-ins 1.0: " in said
    assert str(home / "site") in said
    assert words in said


@pytest.mark.parametrize("home", [AT_THE_TOP + SELECTS], indirect=True)
def test_run_and_once_refuse_to_start_in_one_line_and_status_says_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command, expected in (("run", 1), ("once", 1), ("status", 0)):
        code, said = told(home, capsys, command)

        assert code == expected
        assert said.count("cannot import") == 1
        assert MOVED_ERRORS in said
        assert "Traceback" not in said


@pytest.mark.parametrize("home", [AT_THE_TOP + SELECTS, LAZY], indirect=True)
def test_check_finds_one_fault_also_where_the_import_waits_for_the_choice(home: Path) -> None:
    attempt = dict(checks(load_config(home / "config.toml")))["strategies"]

    [fault] = attempt()
    assert fault.startswith("[selection] strategy = 'oldest': strategy oldest: ")
    assert MOVED_ERRORS in fault


def test_every_new_place_of_a_moved_module_is_there() -> None:
    missing = [name for name in MOVED.values() if importlib.util.find_spec(name) is None]

    assert missing == []

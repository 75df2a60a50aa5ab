"""The reasons of a plug-in: tried before any training, and none made up for one that gives none."""

from __future__ import annotations

from pathlib import Path

import pytest

import strategies
from tests.integration.workbench import configured, faults_of, paint

PLUG_IN = '''
class Curt:
    """Gives one reason for all."""

    def select(self, pool, n, rng):
        return pool.ids[:n].tolist()

    def reasons(self, pool, picks):
        return ["far"]

class Mumbles(Curt):
    def reasons(self, pool, picks):
        raise KeyError("the words")

class Silent:
    def select(self, pool, n, rng):
        return pool.ids[:n].tolist()
'''
NAMES = ("curt", "mumbles", "silent")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with an installed distribution of these strategies, and images."""
    installed = tmp_path / "site" / "wordy-1.0.dist-info"
    installed.mkdir(parents=True)
    (tmp_path / "site" / "wordy_strategies.py").write_text(PLUG_IN)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: wordy\nVersion: 1.0\n")
    points = "\n".join(f"{name} = wordy_strategies:{name.title()}" for name in NAMES)
    (installed / "entry_points.txt").write_text(f"[{strategies.GROUP}]\n{points}\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    paint(tmp_path / "home")
    return tmp_path / "home"


@pytest.mark.parametrize("name", ["curt", "mumbles"])
def test_a_strategy_whose_reasons_fail_is_found_before_any_training(home: Path, name: str) -> None:
    config = configured(home, selection={"strategy": name})

    (fault,) = faults_of(config, "strategies")

    assert f"strategy = {name!r}" in fault
    assert "reason" in fault
    assert "strategies/README.md" in fault


def test_a_strategy_without_reasons_passes_its_trial(home: Path) -> None:
    assert faults_of(configured(home, selection={"strategy": "silent"}), "strategies") == []

"""The audit of labels inside the loop, and as a command on a labeled folder."""

from __future__ import annotations

import argparse
import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from daemon.cli.commands import COMMANDS as PROGRAM
from daemon.domain.errors import ExperimentRefused
from daemon.experiment.auditing.audit_options import add_options, read_options
from daemon.experiment.auditing.folder_audit import run_audit
from daemon.experiment.auditing.loop_labels import audit_loop
from daemon.runs.run_folder import RunFolder
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.web.app import create_app
from tests.fakes.learner import COMMANDS
from tests.integration.workbench import configured, paint, run_out, ticker

AUDITED = {"audit": {"enabled": True, "min_labels": 10}, "loop": {"budget_labels": 24}}


def swap_classes(path: Path) -> None:
    """A mask in which the first square has the class of the second."""
    mask = np.asarray(Image.open(path)).copy()
    mask[mask == 1] = 2
    Image.fromarray(mask).save(path)


def _squares(path: Path) -> int:
    """Pixels of the first class."""
    return int((np.asarray(Image.open(path)) == 1).sum())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    paint(tmp_path)
    return tmp_path


def test_the_loop_finds_wrong_labels_and_the_page_shows_them(home: Path) -> None:
    wrong = sorted((home / "masks").glob("*.png"))[::4]
    for path in wrong:
        swap_classes(path)
    config = configured(home, **AUDITED)

    run_out(ticker(config))

    with Store(config.state / FILE, read_only=True) as store:
        found = [finding for _, finding in store.findings(100)]
        names = {image.id: image.name for image in store.images()}
        audited = store.audited_labels()
    assert audited.compared > audited.weak
    swapped = [names[one.image_id] for one in found if one.type == "swap" and not one.weak]
    assert swapped
    assert {Path(name).stem for name in swapped} <= {path.stem for path in wrong}
    page = create_app(lambda: read_status(config), read_config=lambda: config).test_client()
    assert "Labeled weed; the model sees crop here." in page.get("/suspects").text
    assert page.get("/suspects.json").json["suspects"][0]["type"] == "swap"
    screens = Console(quiet=True), Console(quiet=True)
    now = datetime.now(UTC)
    audit_loop(config, home / "now", now, screens, planted=True, run_child=in_this_process)
    assert ",swap," in (home / "now/findings.csv").read_text()


@pytest.mark.long
def test_an_audit_that_fails_is_said_and_the_loop_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(run: RunFolder) -> None:
        raise SystemExit(1)

    monkeypatch.setitem(COMMANDS, "audit", fail)
    config = configured(home, **AUDITED)

    outcome = run_out(ticker(config))

    assert outcome.final
    with Store(config.state / FILE, read_only=True) as store:
        assert any("the audit of labels failed" in event.words for event in store.events(50))


def audit_of(home: Path, *further: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    folders = ["--images", str(home / "images"), "--masks", str(home / "masks")]
    return parser.parse_args([*folders, "--out", str(home / "out"), *further])


def in_this_process(run: RunFolder, command: str) -> None:
    if not run.finished():
        COMMANDS[command](run)


def test_the_command_trains_two_folds_and_writes_findings(home: Path) -> None:
    whole = [path for path in sorted((home / "masks").glob("*.png")) if _squares(path) == 64]
    swap_classes(whole[0])
    options, printed = read_options(audit_of(home)), io.StringIO()

    code = run_audit(options, Console(file=printed), Console(quiet=True), in_this_process)

    lines = (home / "out/findings.csv").read_text().splitlines()
    assert code == 0
    assert lines[1].split(",")[1:3] == [whole[0].stem, "swap"]
    assert f"\n1. {whole[0].stem}: Labeled " in "\n" + printed.getvalue()
    assert "data:image/jpeg" in (home / "out/findings.html").read_text()


def test_a_model_never_judges_a_label_that_it_learned_from(home: Path) -> None:
    screen = Console(quiet=True)
    run_audit(read_options(audit_of(home)), screen, screen, in_this_process)
    listed = home / "listed.txt"
    listed.write_text("field00\n")
    checkpoint = str(home / "out/fold-0/checkpoint.pth")
    (home / "images/copy.png").write_bytes((home / "images/field00.png").read_bytes())
    (home / "masks/copy.png").write_bytes((home / "masks/field00.png").read_bytes())

    again = ["--checkpoint", checkpoint, "--trained-on", str(listed)]
    options = read_options(audit_of(home, *again, "--out", str(home / "second")))
    run_audit(options, screen, screen, in_this_process)

    table = (home / "second/audit.json").read_text()
    assert "copy" in table
    assert '"copy"' not in (home / "second/audit/request.json").read_text()
    with pytest.raises(ExperimentRefused, match="expected both"):
        read_options(audit_of(home, "--checkpoint", checkpoint))


def test_the_program_knows_the_command() -> None:
    assert any(command.name == "audit" for command in PROGRAM)

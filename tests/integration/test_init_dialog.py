"""`maskloop init` with somebody at a terminal: everything that is open is asked."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.label_studio import label_config
from daemon.config.loading import load_config
from daemon.setup.init import init_project
from daemon.setup.project_choice import Dialog, InitOptions
from tests.fakes.label_studio import FakeLabelStudio
from tests.integration.three_projects import THEIRS, three_projects, written


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeLabelStudio]:
    with three_projects(tmp_path) as server:
        yield server


def talked(path: Path, *answers: str, **options: Any) -> tuple[list[str], list[str]]:
    """What init says and what it leaves to do when somebody answers so, questions included."""
    said: list[str] = []
    left = list(answers)

    def ask(question: str) -> str:
        said.append(question)
        return left.pop(0)

    to_do = init_project(path, InitOptions(**options), Dialog(say=said.append, ask=ask))
    assert left == []
    return said, list(to_do)


def test_the_images_of_a_project_are_taken_when_somebody_says_so(
    tmp_path: Path, fake: FakeLabelStudio
) -> None:
    path = written(tmp_path, fake, images={}, label_studio={"project": 2})

    said, to_do = talked(path, "y", "n")
    assert to_do == []
    assert 'source = "project"' in "\n".join(said)
    assert load_config(path).images.source == "project"


def test_somebody_at_a_terminal_is_asked_everything_that_is_open(
    tmp_path: Path, fake: FakeLabelStudio
) -> None:
    path = written(tmp_path, fake, images={}, classes={})

    said, to_do = talked(path, "2", "y", "", "yes")

    config = load_config(path)
    assert to_do == []
    assert (config.label_studio.project, config.images.source) == (2, "project")
    assert config.classes.names == ("soil", "Crop", "Weed")
    assert fake.labeling.projects[2]["show_instruction"] is True
    assert fake.labeling.projects[2]["label_config"] == THEIRS.replace(
        "<View>", f"<View>\n  {label_config.REASON_TAG}"
    )
    assert any("why an image is asked" in words for words in said)


def test_an_answer_that_names_none_makes_none(tmp_path: Path, fake: FakeLabelStudio) -> None:
    path = written(tmp_path, fake)

    for answer in ("", "7", "no", "Weeds 2025"):
        assert "expected the number of one of these" in talked(path, answer)[1][0]
    assert len(fake.labeling.projects) == 3
    assert "created project 4" in "\n".join(talked(path, "new")[0])


def test_a_terminal_is_asked_and_its_end_means_no(tmp_path: Path, fake: FakeLabelStudio) -> None:
    written(tmp_path, fake)

    shown = on_a_terminal(tmp_path, b"2\nn\n")

    assert "number of the project to adopt" in shown
    assert "ready; next: maskloop check" in shown
    assert fake.labeling.projects[2]["label_config"] == THEIRS
    written(tmp_path, fake)
    assert "expected the number of one of these" in on_a_terminal(tmp_path, b"\x04")


def on_a_terminal(home: Path, typed: bytes) -> str:
    """`maskloop init` with a terminal of its own; what it shows there."""
    ours, theirs = pty.openpty()
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-m", "daemon.cli", "init"],
        cwd=home,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": str(root)},
    ):
        os.close(theirs)
        os.write(ours, typed)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    return shown.decode()

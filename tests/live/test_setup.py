"""`maskloop init` and `check` against a real Label Studio, as a newcomer uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from daemon.cli.commands import main
from daemon.config.loading import Config, load_config
from daemon.config.rendering import render
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.diagnostics.check import checks

pytestmark = pytest.mark.live


@pytest.fixture
def config(
    label_studio: LabelStudioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A config.toml whose project is still to be made, and two images."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.credentials.token)
    images = label_studio.document_root / "setup"
    images.mkdir(exist_ok=True)
    pictures = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3), np.uint8)
    pictures[1, :16] = 0  # the two are no near-duplicates
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(images / f"{number}.png")
    settings = {
        "classes": {"names": ["soil", "crop"]},
        "images": {"folder": str(images)},
        "label_studio": {
            "url": label_studio.url,
            "title": f"setup {tmp_path.name}"[:50],
            "document_root": str(label_studio.document_root),
        },
    }
    path = tmp_path / "config.toml"
    path.write_text(render(Config.model_validate(settings)))
    return path


def edited(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def tool_faults(path: Path) -> Any:
    return "\n".join(dict(checks(load_config(path)))["labeling tool"]())


def test_init_makes_a_project_once_and_check_finds_no_fault(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", str(config), "init", "--new"]) == 0
    assert "LABEL_STUDIO_TASK_LOCK_TTL" in capsys.readouterr().out
    number = load_config(config).label_studio.project
    assert number > 0
    assert main(["--config", str(config), "init"]) == 0
    assert load_config(config).label_studio.project == number

    assert main(["--config", str(config), "check"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "all well"


def test_check_names_a_wrong_token_and_never_shows_it(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["--config", str(config), "init", "--new"])
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "0123456789012345678901234567890123456789")

    words = tool_faults(config)

    assert "401" in words
    assert "0123456789" not in words


def test_check_names_a_missing_project(config: Path) -> None:
    edited(config, "project = 0", "project = 4040404")

    assert "no project 4040404" in tool_faults(config)


def test_check_names_a_server_that_is_down(config: Path, label_studio: LabelStudioServer) -> None:
    edited(config, "project = 0", "project = 1")
    edited(config, label_studio.url, "http://127.0.0.1:9")

    words = tool_faults(config)

    assert "http://127.0.0.1:9" in words
    assert "start Label Studio" in words


def test_check_names_a_class_that_the_label_config_does_not_know(config: Path) -> None:
    main(["--config", str(config), "init", "--new"])
    edited(config, '"crop"', '"beet"')

    words = tool_faults(config)

    assert "beet" in words
    assert "crop" in words

"""Where the value of each setting comes from."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from daemon.config.loading import Config, load_config
from daemon.config.setting_sources import EffectiveSetting, effective_settings, setting_lines

TEXT = """[training]
preset = "gpu"
settings = { iterations = 400, method = "supervised" }
[label_studio]
url = "http://me:hunter22@host"
document_root = "$FIELD_ROOT/images"
"""


def found(folder: Path, text: str = TEXT) -> dict[str, EffectiveSetting]:
    (folder / "config.toml").write_text(text)
    return {".".join(one.key): one for one in effective_settings(folder / "config.toml")}


def test_each_value_has_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELD_ROOT", "/secret/place")
    settings = found(tmp_path)

    sources = {
        "loop.batch_images": "default",
        "training.preset": "config.toml line 2",
        "training.settings.iterations": "config.toml line 3",
        "training.settings.width": "preset gpu",
        "training.settings.unlabeled_weight": "method supervised",
        "training.settings.dropout": "default",
        "label_studio.document_root": "config.toml line 6",
    }
    assert {key: settings[key].source for key in sources} == sources
    assert settings["training.settings.width"].value == 256
    assert settings["training.settings.width"].differs
    assert not settings["training.settings.dropout"].differs


def test_a_variable_is_named_and_its_value_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIELD_ROOT", "/secret/place")
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "0123456789abcdef")
    settings = found(tmp_path)

    text = "\n".join(setting_lines(list(settings.values())))
    text += json.dumps([one.as_json() for one in settings.values()])

    assert "environment variable FIELD_ROOT, set" in text
    assert "environment variable LABEL_STUDIO_API_KEY, set" in text
    assert settings["label_studio.document_root"].environment == {"FIELD_ROOT": True}
    for secret in ("/secret", "0123456789abcdef", "hunter22"):
        assert secret not in text


def test_what_is_printed_is_a_config_that_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[training]\npreset = "paper"\n[web]\nport = 1\n')
    lines = setting_lines(effective_settings(tmp_path / "config.toml"))
    (tmp_path / "other.toml").write_text("\n".join(lines))

    again = load_config(tmp_path / "other.toml")

    assert again.web.port == 1
    assert again.training.settings["iterations"] == 40_000
    assert set(tomllib.loads("\n".join(lines))) == set(Config().model_dump())


def test_a_webhook_names_the_variable_of_its_secret(tmp_path: Path) -> None:
    settings = found(tmp_path, '[label_studio]\nwebhook = "http://me"\ntoken_file = "t"\n')

    assert settings["label_studio.webhook_secret_env"].environment == {
        "MASKLOOP_WEBHOOK_SECRET": False
    }
    assert settings["label_studio.token_env"].environment == {}

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config.loading import Config, load_config
from daemon.config.rendering import render
from daemon.config.tokens import token_reader
from daemon.domain import IGNORE
from daemon.domain.errors import ConfigError

ROOT = Path(__file__).parents[2]


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_the_file_in_the_repository_is_every_setting_with_its_default() -> None:
    assert (ROOT / "config.toml").read_text() == render(Config())


def test_what_is_rendered_is_read_back() -> None:
    assert load_config(ROOT / "config.toml") == Config(home=ROOT)


def test_every_fault_of_a_file_is_named_with_its_table(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[loop]\npoll_s = 0\nbatchsize = 5\n[classes]\nnames = ["a", "a"]\n[web]\nport = "x"\n',
    )

    with pytest.raises(ConfigError) as error:
        load_config(path)

    words = str(error.value)
    assert "line 2: [loop] poll_s = 0: expected a number from 0.01 to 86400 (seconds" in words
    assert "line 3: [loop] batchsize = 5: there is no such setting; did you mean batch" in words
    assert "line 5: [classes] names: class names must be distinct" in words
    assert "line 7: [web] port = 'x': expected a whole number from 0 to 65535" in words


def test_a_table_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lopp"):
        load_config(written(tmp_path, "[lopp]\npoll_s = 1\n"))


@pytest.mark.parametrize("text", ["[loop", "\xff"])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode("latin-1"))

    with pytest.raises(ConfigError, match="cannot be read as TOML"):
        load_config(path)


def test_a_missing_file_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="maskloop init"):
        load_config(tmp_path / "config.toml")


def test_a_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "secret")

    assert token_reader(Config())() == "secret"


def test_a_missing_token_says_which_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)

    with pytest.raises(ConfigError, match="export LABEL_STUDIO_API_KEY"):
        token_reader(Config())()


def test_a_token_file_is_read_again_and_must_be_private(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, '[label_studio]\ntoken_file = "token"\n'))
    file = tmp_path / "token"
    file.write_text("one\n")
    file.chmod(0o600)
    read = token_reader(config)

    assert read() == "one"
    file.write_text("two")
    assert read() == "two"
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"one\ntwo", b"x" * 20_000, "tökén".encode()])
def test_a_file_that_holds_no_token_is_refused_without_showing_it(
    tmp_path: Path, content: bytes
) -> None:
    config = load_config(written(tmp_path, '[label_studio]\ntoken_file = "token"\n'))
    file = tmp_path / "token"
    file.write_bytes(content)
    file.chmod(0o600)

    with pytest.raises(ConfigError, match="holds no token") as error:
        token_reader(config)()
    assert "xxx" not in str(error.value)


def test_a_token_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, '[label_studio]\ntoken_file = "token"\n'))
    file = tmp_path / "token"
    file.write_bytes(b"\xef\xbb\xbfsecret\r\n")
    file.chmod(0o600)

    assert token_reader(config)() == "secret"


def test_a_password_in_an_address_is_not_shown_with_its_fault(tmp_path: Path) -> None:
    path = written(tmp_path, '[label_studio]\nurl = 1\ntoken_env = ["http://me:pass123@host"]\n')

    with pytest.raises(ConfigError, match="token_env") as error:
        load_config(path)
    assert "pass123" not in str(error.value)


def test_what_nobody_drew_is_background_unless_config_says_no_label(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, '[classes]\nunlabeled = "ignore"\n'))

    assert config.class_set.unlabeled == IGNORE
    assert config.class_set.drawn == ("soil", "crop", "weed")
    assert Config().class_set.unlabeled == 0

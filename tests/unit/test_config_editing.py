"""One setting of a config.toml is changed, and nothing else in it."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest

from daemon.config.editing import with_setting, write_setting
from daemon.config.loading import Config
from daemon.config.rendering import render
from daemon.domain.errors import ConfigError

TEXT = """# mine
[classes]
names = ["a", "b"]  # two

[label_studio]
url = "http://x"
  project = 0 # the number
[web]
port = 8060
"""


def test_the_line_of_a_setting_is_changed_and_its_comment_stays() -> None:
    assert with_setting(TEXT, "label_studio", "project", 7) == TEXT.replace(
        "project = 0", "project = 7"
    )
    assert with_setting(TEXT, "classes", "names", ["x", "ü"]) == TEXT.replace(
        '["a", "b"]', '["x", "ü"]'
    )


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ('[label_studio]\nurl = "http://x"\n[web]\nport = 1\n', "the table is there"),
        ("[web]\nport = 1\n", "the table is not there"),
        ("", "nothing is there"),
        ("[label_studio]", "no line end"),
        ("[web]\r\nport = 1\r\n[label_studio]\r\nurl = 'x'\r\n", "lines of Windows"),
        ('[images]\nproject = "other"\n[label_studio]\n', "another table has that name"),
    ],
)
def test_a_setting_that_people_deleted_is_put_into_its_table(text: str, table: str) -> None:
    changed = with_setting(text, "label_studio", "project", 7)

    assert changed is not None
    before, after = tomllib.loads(text), tomllib.loads(changed)
    assert after.pop("label_studio") == {**before.pop("label_studio", {}), "project": 7}
    assert after == before


@pytest.mark.parametrize(
    "text",
    [
        "label_studio.project = 0\n",
        "label_studio = { project = 0 }\n",
        "[label_studio]\nproject = [\n 1,\n 2]\n",
        '[classes]\nnames = """\n[label_studio]\nproject = 0\n"""\n',
        "[label_studio] # the server\n# its number\nproject = 0x0 # of July\n",
        '["label_studio"]\n"project" = 0\n',
    ],
)
def test_a_setting_is_changed_in_every_form_that_toml_knows(text: str) -> None:
    changed = with_setting(text, "label_studio", "project", 7)

    assert changed is not None
    before, after = tomllib.loads(text), tomllib.loads(changed)
    assert after.pop("label_studio") == {**before.pop("label_studio", {}), "project": 7}
    assert after == before
    assert all(line in changed for line in text.splitlines() if line.startswith("#"))


@pytest.mark.parametrize("text", ["not toml", "label_studio = 3\n", "[[label_studio]]\nx = 1\n"])
def test_a_file_with_no_place_for_the_setting_is_not_touched(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=r"write project = 7 under \[label_studio\]"):
        write_setting(path, "label_studio", "project", 7)

    assert path.read_text() == text


def test_every_scalar_of_our_own_file_can_be_changed() -> None:
    text = render(Config())
    for table, name in (("images", "source"), ("label_studio", "project"), ("classes", "names")):
        value: str | int | list[str] = {"source": "project", "project": 3, "names": ["x", "y"]}[
            name
        ]
        changed = with_setting(text, table, name, value)
        assert changed is not None
        assert len(changed.splitlines()) == len(text.splitlines())


def test_mode_mark_and_link_of_the_file_stay(tmp_path: Path) -> None:
    real, path = tmp_path / "real.toml", tmp_path / "config.toml"
    real.write_bytes(b"\xef\xbb\xbf[label_studio]\r\nproject = 0\r\n")
    real.chmod(0o640)
    path.symlink_to(real)

    write_setting(path, "label_studio", "project", 7)

    assert path.is_symlink()
    assert real.read_bytes() == b"\xef\xbb\xbf[label_studio]\r\nproject = 7\r\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640

"""Any setting of any form of config.toml is set and removed, and nothing else is touched."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from daemon.config.editing import with_content, with_leaf, without_content, without_leaf
from daemon.config.loading import Config
from daemon.config.rendering import render
from daemon.config.setting_keys import flat_settings

KEY = ("training", "settings", "width")
FORMS = [
    "[training]\nsettings = {}\n",
    "[training]\nsettings = { iterations = 4 }  # few\n",
    "[training.settings]  # mine\niterations = 4\n[web]\nport = 1\n",
    "[training]\nsettings.iterations = 4\n",
    "training.settings.iterations = 4\n[web]\nport = 1\n",
    "[training]\r\npreset = 'cpu'\r\n[web]\r\nport = 1\r\n",
    "[web]\nport = 1\n[training.settings]\nwidth = 1 # one\n[loop]\n[training]\nseed = 3\n",
    "",
]
OTHER: dict[type, Any] = {str: "x", int: 7, float: 0.5, bool: False, tuple: ["a"]}


@pytest.mark.parametrize("text", FORMS)
def test_a_setting_of_an_inner_table_is_set_and_removed_in_every_form(text: str) -> None:
    changed = with_leaf(text, KEY, 32)

    assert changed is not None
    assert tomllib.loads(changed) == with_content(tomllib.loads(text), KEY, 32)
    assert all(comment in changed for comment in ("# few", "# mine", "# one") if comment in text)
    removed = without_leaf(changed, KEY)
    assert removed is not None
    assert tomllib.loads(removed) == without_content(tomllib.loads(changed), KEY)


def test_a_setting_of_our_own_file_changes_its_line_alone() -> None:
    text = render(Config())
    one_of_a_type = {type(value): (key, value) for key, value in flat_settings(Config()).items()}
    for key, value in one_of_a_type.values():
        changed = with_leaf(text, key, OTHER[type(value)])

        assert changed is not None, key
        lines = list(zip(text.splitlines(), changed.splitlines(), strict=True))
        assert sum(old != new for old, new in lines) <= 1, key
        removed = without_leaf(text, key)
        assert removed is not None
        assert len(removed.splitlines()) == len(lines) - 1


@pytest.mark.parametrize("text", ["training = 3\n", "[[training]]\nseed = 1\n", "[training", "\0"])
def test_where_there_is_no_place_nothing_is_changed(text: str) -> None:
    assert with_leaf(text, KEY, 32) is None
    assert without_leaf(text, KEY) is None

"""Every setting of config.toml states what it may be, and is checked when the file is read."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.config.loading import Config, load_config
from daemon.config.loop_sections import Loop
from daemon.config.ranges import expanded_path, expected
from daemon.config.rendering import render
from daemon.config.section import Section
from daemon.config.toml_lines import lines_of
from daemon.domain.errors import ConfigError

TABLES = {
    name: field.default
    for name, field in Config.model_fields.items()
    if isinstance(field.default, Section)
}
SETTINGS = [
    (table, name, getattr(section, name))
    for table, section in TABLES.items()
    for name in type(section).model_fields
]
NUMBERS = [
    (table, name)
    for table, name, value in SETTINGS
    if isinstance(value, int | float) and not isinstance(value, bool)
]
STRANGE = (
    *("nan", "inf", "-inf", "1e300", "-1e300", "1e-300", "-1", "-0.5", "0", "1", f"{10**30}", '""'),
    *('"\\u0000"', '"$NO"', '"~nobody-here/x"', '"(("', '"http://["', '"a\\nb"', "true", "[]"),
    *("[1]", "[[[]]]", "{}", "{ a = { b = 1 } }", "{ a = nan }", "{ width = -1 }", "1979-05-27"),
    *('["a", "a"]', '["a", ""]', '[" a", "b"]', "{ soil = 1 }", '"cuda:-1"', '"🌱"', "0x7f"),
)


def refused(folder: Path, text: str) -> str:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_config(path)
    return str(error.value)


@pytest.mark.parametrize(("table", "name"), NUMBERS)
def test_no_number_may_be_endless_or_of_the_wrong_sign(
    tmp_path: Path, table: str, name: str
) -> None:
    for value in ("nan", "inf", "-inf", "-1", "1e300", str(10**30), "true", '"1"'):
        words = refused(tmp_path, f"# settings\n[{table}]\n{name} = {value}\n")

        assert f"line 3: [{table}] {name} = " in words
        assert ": expected a" in words or ": expected one of " in words
        assert "delete the line for the default" in words


@pytest.mark.parametrize(("table", "name", "value"), SETTINGS)
def test_every_setting_can_say_what_it_may_be(table: str, name: str, value: object) -> None:
    field = type(TABLES[table]).model_fields[name]

    assert field.description
    assert expected(field) not in ("another value", "")


@pytest.mark.parametrize(("table", "name", "value"), SETTINGS)
def test_strange_values_end_in_a_config_or_in_words(
    tmp_path: Path, table: str, name: str, value: object
) -> None:
    path = tmp_path / "config.toml"
    for strange in STRANGE:
        path.write_text(f"[{table}]\n{name} = {strange}\n", encoding="utf-8")
        try:
            load_config(path)
        except ConfigError as exc:
            assert "line 2" in str(exc) or "line 1" in str(exc)  # noqa: PT017 - or it loads


def test_files_of_strange_pieces_end_in_a_config_or_in_words(tmp_path: Path) -> None:
    rng, path = random.Random(0), tmp_path / "config.toml"
    pieces = [*STRANGE, *(f"[{table}]\n" for table in TABLES), "\n", "=", "names", "'", '"""', "#"]
    for _ in range(500):
        path.write_text(" ".join(rng.choices(pieces, k=8)), encoding="utf-8")
        try:
            load_config(path)
        except ConfigError as exc:
            assert str(path) in str(exc)  # noqa: PT017 - or it loads


def test_all_faults_of_learner_and_sections_come_at_once(tmp_path: Path) -> None:
    words = refused(
        tmp_path,
        "[training]\nsettings = { learning_rate = -0.1, itterations = 3, clip_norm = nan }\n"
        'preset = "gpuu"\ndevice = "gpu"\n\n[training.extra]\n[loop]\npoll_s = 0\n',
    )

    for said in (
        "line 2: [training] settings: learning_rate = -0.1: expected a number above 0",
        "line 2: [training] settings: itterations: unknown setting; did you mean iterations?",
        "line 2: [training] settings: clip_norm = nan: expected a number from 0 to 1000000",
        "line 3: [training] preset = 'gpuu': expected one of cpu, gpu, supervisely, paper",
        "line 4: [training] device = 'gpu': expected auto, cpu, cuda or cuda:N",
        "[training] extra = {}: there is no such setting",
        "line 8: [loop] poll_s = 0: expected a number from 0.01 to 86400",
    ):
        assert said in words, words


def test_a_table_of_settings_may_be_written_line_by_line(tmp_path: Path) -> None:
    words = refused(tmp_path, "[training.settings]\niterations = 7\n\nwidth = 0\n")

    assert "line 4: [training] settings: width = 0: expected a whole number from 1" in words


def test_the_lines_of_settings_are_those_of_a_person() -> None:
    text = (
        '# x\n[classes]\nnames = [\n  "a", # [loop]\n  "b",\n]\n[ "loop" ]\npoll_s = 1\n\nx.y = 2\n'
    )

    assert lines_of(text) == {
        ("classes",): 2,
        ("classes", "names"): 3,
        ("loop",): 7,
        ("loop", "poll_s"): 8,
        ("loop", "x"): 10,
        ("loop", "x", "y"): 10,
    }


@pytest.mark.parametrize(
    ("hours", "age", "is_dropped"),
    [(0.0, timedelta(days=9999), False), (1.0, timedelta(hours=2), True),
     (1.0, timedelta(minutes=59), False), (1e6, timedelta(days=9999), False)],
)  # fmt: skip
def test_an_image_is_dropped_after_its_hours_and_never_with_0(
    hours: float, age: timedelta, is_dropped: bool
) -> None:
    assert Loop(max_wait_hours=hours).too_old(age) is is_dropped


def test_endless_waiting_is_refused_with_the_word_for_never(tmp_path: Path) -> None:
    assert "0: never" in refused(tmp_path, "[loop]\nmax_wait_hours = inf\n")


@pytest.mark.parametrize("dropped", [("classes", "renamed"), ("training", "processes")])
def test_a_file_of_an_older_version_still_loads(tmp_path: Path, dropped: tuple[str, str]) -> None:
    table, name = dropped
    lines = render(Config()).splitlines()
    path = tmp_path / "config.toml"
    path.write_text("\n".join(line for line in lines if not line.startswith(f"{name} = ")))

    assert getattr(load_config(path), table) == TABLES[table]


@pytest.mark.parametrize("table", ["project", "images", "label_studio", "folder", "test"])
def test_home_is_meant_by_a_tilde_in_every_path(
    tmp_path: Path, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    names: dict[str, list[str]] = {
        "project": ["state_dir"],
        "images": ["folder"],
        "label_studio": ["token_file", "document_root"],
        "folder": ["truth"],
        "test": ["images", "masks", "ids"],
    }
    path = tmp_path / "config.toml"
    for name in names[table]:
        for written in ("~/x", "$HOME/x", "${HOME}/x"):
            path.write_text(f"[{table}]\n{name} = {json.dumps(written)}\n")
            found: Any = getattr(load_config(path), table)
            assert getattr(found, name) == str(tmp_path / "x")


@pytest.mark.parametrize("text", ["$NO_SUCH_PLACE/x", "${NO_SUCH_PLACE}", "~nobody-here/x", "a\0b"])
def test_a_path_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a path|in full"):
        expanded_path(text)


@pytest.mark.parametrize("text", ["http://host/$x~", "a$", "a$/b", "x~", "", "splits.json:test"])
def test_what_is_no_variable_stays_as_it_is(text: str) -> None:
    assert expanded_path(text) == text

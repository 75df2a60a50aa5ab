"""Keys and values as a command line takes them."""

from __future__ import annotations

import pytest

from daemon.config.loading import Config
from daemon.config.setting_keys import (
    changes_between,
    flat_settings,
    key_text,
    parse_key,
    parse_value,
    require_known,
)
from daemon.domain.errors import ConfigError

RENAMED = ("classes", "renamed", 'old "name", v1.2')


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("loop.batch_images", ("loop", "batch_images")),
        (" loop . batch_images ", ("loop", "batch_images")),
        ("training.settings.width", ("training", "settings", "width")),
        ('classes.renamed."ümlaut 😀"', ("classes", "renamed", "ümlaut 😀")),
        ("classes.renamed.'a.b'", ("classes", "renamed", "a.b")),
        (r'classes.renamed."old \"name\", v1.2"', RENAMED),
    ],
)
def test_a_dotted_key_has_its_parts(text: str, key: tuple[str, ...]) -> None:
    assert parse_key(text) == key
    assert parse_key(key_text(key)) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "loop",
        "a..b",
        "a.b = 1\nc.d",
        'a."b',
        "a.b # c",
        "[a]\nb.c",
        "a\0.b",
        "." * 9999,
        "a." * 9999 + "b",
        "a.'\udcff'",
    ],
)
def test_what_is_no_key_is_refused_in_words(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no key of a setting; expected TABLE\.NAME"):
        parse_key(text)


def test_a_key_without_its_table_is_answered_with_the_whole_one() -> None:
    with pytest.raises(ConfigError, match=r"such as selection\.strategy;"):
        parse_key("strategy")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("loop.batch_images", "8", 8),
        ("loop.batch_images", "8  # eight", 8),
        ("loop.batch_images", "eight", "eight"),
        ("selection.strategy", "random", "random"),
        ("selection.strategy", '"random"', "random"),
        ("label_studio.title", "3", "3"),  # a text that looks like a number
        ("label_studio.title", "true", "true"),
        ("web.host", "127.0.0.1", "127.0.0.1"),
        ("web.enabled", "false", False),
        ("training.settings.precision", "fp32", "fp32"),
        ("training.settings.encoder_module", "2026-01-01", "2026-01-01"),
        ("classes.names", '["a", "b"]', ["a", "b"]),
        ("label_studio.title", "1\n[loop]\npoll_s = 3", "1\n[loop]\npoll_s = 3"),
    ],
)
def test_a_value_is_toml_or_a_bare_text(key: str, text: str, value: object) -> None:
    found = parse_value(text, parse_key(key))

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["x" * 200_000, "\udc80", "a\0b"])
def test_a_value_that_no_file_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^loop\.batch_images: "):
        parse_value(text, ("loop", "batch_images"))


def test_two_configurations_differ_in_single_settings() -> None:
    after = Config.model_validate(
        {"loop": {"batch_images": 4}, "training": {"settings": {"width": 32}}}
    )

    words = [change.words() for change in changes_between(Config(), after)]

    assert words == ["[loop] batch_images 20 -> 4", "[training] settings.width not set -> 32"]


def test_a_table_names_all_its_settings_and_a_typing_error_the_nearest() -> None:
    known = flat_settings(Config())

    assert ("web", "port") in require_known("web", known)
    assert require_known("web.port", known) == [("web", "port")]
    with pytest.raises(ConfigError, match=r"did you mean web\.port\?"):
        require_known("web.prot", known)

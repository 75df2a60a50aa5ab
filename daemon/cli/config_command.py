"""`maskloop config`: the settings in effect, and how one is changed.

Without a further word it prints a config.toml with every setting and its default.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.cli import options as common
from daemon.cli.console import say
from daemon.config.loading import Config, load_config
from daemon.domain.errors import ConfigError


def add_options(parser: argparse.ArgumentParser) -> None:
    """The words behind `maskloop config`, each with its own options."""
    words = parser.add_subparsers(metavar="WHAT")
    show = _word(words, "show", show_settings, "print the settings in effect and their sources")
    show.add_argument("key", nargs="?", metavar="KEY", help="a setting, or a table of them")
    show.add_argument(
        "--changed", action="store_true", help="only settings that differ from their default"
    )
    common.add_json(show)
    write = _word(words, "set", set_setting, "change one setting of config.toml")
    write.add_argument("key", metavar="KEY", help="such as loop.batch_images")
    write.add_argument("value", metavar="VALUE", help="as TOML, or a text without quotes")
    remove = _word(words, "unset", unset_setting, "remove one setting, so that its default counts")
    remove.add_argument("key", metavar="KEY", help="such as loop.batch_images")
    diff = _word(words, "diff", show_diff, "say what other settings would mean; write nothing")
    diff.add_argument(
        "changes",
        nargs="+",
        metavar="FILE|KEY=VALUE",
        help="another config.toml, or changes such as loop.batch_images=8",
    )
    common.add_json(diff)
    history = _word(words, "history", show_history, "print which settings were changed, by whom")
    common.add_json(history)


def print_defaults(_: argparse.Namespace) -> int:
    """Print a config.toml with every setting, its default and its meaning."""
    from daemon.config.rendering import render

    sys.stdout.write(render(Config()))
    return 0


def show_settings(options: argparse.Namespace) -> int:
    """Print the settings in effect, where each comes from, and their defaults as JSON."""
    from daemon.config.setting_keys import require_known
    from daemon.config.setting_sources import effective_settings, setting_lines
    from daemon.stages.setting_effects import effect_of

    path: Path = options.config
    found = {one.key: one for one in effective_settings(path)}
    wanted = require_known(options.key, found) if options.key else list(found)
    chosen = [found[key] for key in wanted if found[key].differs or not options.changed]
    if options.json:
        settings = [{**one.as_json(), "counts": effect_of(one.key).value} for one in chosen]
        _write_json({"file": str(path.absolute()), "settings": settings})
    elif chosen:
        sys.stdout.write("\n".join([*setting_lines(chosen), ""]))
    else:
        say("every setting has its default" if options.changed else "no setting stands there")
    return 0


def set_setting(options: argparse.Namespace) -> int:
    """Change one setting of config.toml, whole or not at all."""
    from daemon.config.setting_keys import parse_key, parse_value
    from daemon.setup import config_changes

    key = parse_key(options.key)
    value = parse_value(options.value, key)
    return _say_all(config_changes.set_setting(options.config, key, value, datetime.now(UTC)))


def unset_setting(options: argparse.Namespace) -> int:
    """Remove one setting from config.toml."""
    from daemon.config.setting_keys import parse_key
    from daemon.setup import config_changes

    key = parse_key(options.key)
    return _say_all(config_changes.unset_setting(options.config, key, datetime.now(UTC)))


def show_diff(options: argparse.Namespace) -> int:
    """Print what other settings would mean: effects, runs, and the next batch."""
    from daemon.cli.config_diff_text import diff_lines
    from daemon.setup.config_diff import as_json, config_diff

    found = config_diff(options.config, options.changes, datetime.now(UTC))
    if options.json:
        _write_json(as_json(found))
        return 0
    return _say_all(diff_lines(found))


def show_history(options: argparse.Namespace) -> int:
    """Print the kept changes, oldest first."""
    from daemon.config.change_history import FILE, changes

    state = load_config(options.config).state
    try:
        kept = changes(state)
    except OSError as exc:
        raise ConfigError(f"{state / FILE}: cannot be read: {exc.strerror}") from exc
    if options.json:
        _write_json({"changes": [vars(one) for one in kept]})
        return 0
    none = "no setting was changed by `maskloop config`"
    return _say_all([one.line() for one in kept] or [none])


def _word(words: Any, name: str, run: Any, help_text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = words.add_parser(name, help=help_text, description=help_text)
    parser.set_defaults(run=run)
    common.add_config(parser, default=argparse.SUPPRESS)
    return parser


def _say_all(lines: Any) -> int:
    for line in lines:
        say(line)
    return 0


def _write_json(value: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(value, indent=1)}\n")

"""maskloop: the command line."""

from __future__ import annotations

import argparse
import json
import logging
import sqlite3
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from daemon.cli import arguments, streams, terminal
from daemon.config.loading import Config, load_config
from daemon.domain.errors import MaskloopError
from daemon.domain.formatting import quarantine_line
from daemon.domain.os_errors import in_words
from daemon.status.snapshot import snapshot
from daemon.store import FILE, Store

streams.prepare()
OUT = Console(
    highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160
)
ERR = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


INTERRUPTED = 130  # the shell's code for Ctrl-C


def now() -> datetime:
    """The clock of the daemon; everything below is given it."""
    return datetime.now(UTC)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all is well, 1 for a fault, 2 for wrong usage."""
    try:
        return _answered(_parser().parse_args(words))
    except MaskloopError as exc:
        return _said(str(exc))
    except BrokenPipeError:
        streams.discard_output()  # whoever read it has gone, as `| head` does
        return 1
    except OSError as exc:
        return _said(in_words(exc))
    except sqlite3.Error as exc:
        return _said(f"the store: {exc}; `maskloop doctor` says how it is; restore a backup of it")
    except KeyboardInterrupt:
        _said("stopped")
        return INTERRUPTED


def _answered(options: argparse.Namespace) -> int:
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    for noisy in ("httpx", "httpcore", "PIL", "waitress", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a look that is left out is no news
    code = int(options.command(options))
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as exc:
        words = in_words(exc, "standard output")
        streams.discard_output()
        raise MaskloopError(words) from exc
    return code


def _said(words: str) -> int:
    ERR.print(f"maskloop: {words}", markup=False)
    return 1


def _loaded(options: argparse.Namespace) -> Config:
    """The settings, and a state folder that is one, where it is there."""
    config = load_config(options.config)
    if config.state.exists() and not config.state.is_dir():
        raise MaskloopError(
            f"[project] state_dir = {config.project.state_dir!r}: {config.state} is a file; "
            f"expected a folder, or a name that is free; correct state_dir"
        )
    return config


def init(options: argparse.Namespace) -> int:
    """Write config.toml where there is none, then make or adopt the project."""
    from daemon.setup.init import init_project
    from daemon.setup.project_choice import Dialog, InitOptions, command_line

    path: Path = options.config
    wanted = InitOptions(project=options.project, new=options.new, add_reason=options.add_reason)
    dialog = Dialog(
        say=lambda words: OUT.print(words, markup=False),
        ask=_ask if sys.stdin.isatty() and sys.stdout.isatty() else None,
    )
    to_do = init_project(path, wanted, dialog)
    if not to_do:
        dialog.say(f"ready; next: {command_line(path, 'check')}")
        return 0
    dialog.say("not ready yet. To do:")
    for number, words in enumerate(
        [*to_do, f"then run {command_line(path, 'init')} again"], start=1
    ):
        dialog.say(f"{number}. {words}")
    return 1


def _ask(question: str) -> str:
    """The answer of whoever sits at the terminal; "no" where the terminal is closed."""
    OUT.print(question, markup=False, end="")
    answer = sys.stdin.readline()
    return answer.rstrip("\n") if answer else "no"


def check(options: argparse.Namespace) -> int:
    """Verify everything before the loop runs."""
    from daemon.diagnostics.check import print_checks

    faults = print_checks(_loaded(options), lambda words: OUT.print(words, markup=False))
    return min(faults, 1)


def once(options: argparse.Namespace) -> int:
    """Do all that can be done until people have to label."""
    from daemon.loop.service import run_once

    config = _loaded(options)
    with terminal.live_progress(lambda: snapshot(config), ERR):
        outcome = run_once(config, now, options.cycles, lambda: time.sleep(1.0))
    OUT.print(outcome.waiting, markup=False)
    faults = snapshot(config)["quarantine"]
    for row in faults:
        OUT.print(quarantine_line(row), markup=False)
    return 1 if faults or outcome.fault else 0


def run(options: argparse.Namespace) -> int:
    """Run the daemon until it is told to stop."""
    from daemon.loop.service import run_forever

    config = _loaded(options)
    with terminal.live_progress(lambda: snapshot(config), ERR):
        run_forever(config, now, options.cycles)
    return 0


def status(options: argparse.Namespace) -> int:
    """Say where the loop stands."""
    from daemon.loop.components import strategy_faults

    config = _loaded(options)
    for words in strategy_faults(config):
        _said(words)
    found = snapshot(config)
    if options.json:
        sys.stdout.write(f"{json.dumps(found, indent=1)}\n")
    else:
        terminal.show_status(found, OUT)
    return 0


def web(options: argparse.Namespace) -> int:
    """Serve the page without running the loop."""
    from daemon.web.server import serving

    config: Config = _loaded(options)
    with serving(lambda: snapshot(config), config.web.host, config.web.port) as address:
        OUT.print(f"the page is at {address}; stop with Ctrl-C", markup=False)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return 0


def doctor(options: argparse.Namespace) -> int:
    """Print everything that a support engineer would ask for, without secrets."""
    from daemon.diagnostics.doctor import diagnose
    from daemon.diagnostics.report_text import text_lines

    found = diagnose(options.config, now())
    words = json.dumps(found, indent=1) if options.json else "\n".join(text_lines(found))
    sys.stdout.write(f"{words}\n")
    return 0


def classes(options: argparse.Namespace) -> int:
    """Rewrite the store for classes that were removed, merged or reordered."""
    from daemon.setup.class_migration import migrate

    for line in migrate(_loaded(options), now, apply=options.apply):
        OUT.print(line, markup=False)
    return 0


def backup(options: argparse.Namespace) -> int:
    """Copy the store while it is in use."""
    config = _loaded(options)
    target: Path = options.target
    path = config.state / FILE
    if target.exists() or target.is_symlink():
        raise MaskloopError(f"{target}: is there already; expected a new name for the copy")
    if not target.absolute().parent.is_dir():
        raise MaskloopError(f"{target}: its folder is missing; make it, or name another one")
    if not path.exists():
        raise MaskloopError(f"{path}: no store yet; it is there after the first `maskloop run`")
    with Store(path, read_only=True) as store:
        store.backup(target)
    OUT.print(f"{target}: to restore, stop the daemon and put it in place of {path}", markup=False)
    return 0


def demo(options: argparse.Namespace) -> int:
    """Start a real Label Studio, field images, annotators and the daemon."""
    from daemon.demo.command import run_demo

    return run_demo(options)


def train(options: argparse.Namespace) -> int:
    """Train on plain folders and measure: an experiment without Label Studio."""
    from daemon.experiment.command import run_experiment
    from daemon.experiment.options import read_options

    return run_experiment(read_options(options), OUT, ERR)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="maskloop", description=__doc__)
    parser.add_argument(
        "--config",
        type=arguments.path,
        default=Path("config.toml"),
        help="settings (./config.toml)",
    )
    parser.add_argument("--verbose", action="store_true", help="log every step of the loop")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (init, check, once, run, status, web, doctor, backup, classes, demo, train):
        words = (command.__doc__ or "").strip()
        sub = commands.add_parser(command.__name__, help=words, description=words)
        sub.set_defaults(command=command)
        sub.add_argument(
            "--config", type=arguments.path, default=argparse.SUPPRESS, help="settings"
        )
        if command is init:
            _add_init_options(sub)
        elif command in (once, run):
            sub.add_argument(
                "--cycles", type=arguments.count, help="train so many cycles, then only watch"
            )
        elif command in (status, doctor):
            sub.add_argument("--json", action="store_true", help="for machines")
        elif command is classes:
            sub.add_argument("--apply", action="store_true", help="do it; without it: say it")
        elif command is backup:
            sub.add_argument("target", type=arguments.path, help="new file for the copy")
        elif command is demo:
            from daemon.demo.options import add_options

            add_options(sub)
        elif command is train:
            from daemon.experiment import options as experiment

            experiment.add_options(sub)
    return parser


def _add_init_options(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--project", type=arguments.project_number, help="adopt the project with this number"
    )
    which.add_argument("--new", action="store_true", help="make a project, also beside others")
    parser.add_argument(
        "--add-reason",
        action="store_true",
        help="show people why an image is asked: a line in the label config, and the instructions",
    )


if __name__ == "__main__":
    sys.exit(main())

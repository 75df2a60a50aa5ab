"""maskloop: the command line."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from daemon import terminal
from daemon.config import Config, load_config
from daemon.errors import MaskloopError
from daemon.status import snapshot
from daemon.store import FILE, Store

OUT = Console(
    highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160
)
ERR = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def now() -> datetime:
    """The clock of the daemon; everything below is given it."""
    return datetime.now(UTC)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all is well, 1 for a fault, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    for noisy in ("httpx", "httpcore", "PIL", "waitress", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a look that is left out is no news
    try:
        return int(options.command(options))
    except MaskloopError as exc:
        ERR.print(f"maskloop: {exc}", markup=False)
        return 1


def init(options: argparse.Namespace) -> int:
    """Write config.toml where there is none, then make or adopt the project."""
    from daemon.setup import adopt_project, write_config

    path: Path = options.config
    for line in write_config(path):
        OUT.print(line, markup=False)
    for line in adopt_project(path, load_config(path)):
        OUT.print(line, markup=False)
    return 0


def check(options: argparse.Namespace) -> int:
    """Verify everything before the loop runs."""
    from daemon.checks import checks, notes

    config, faults = load_config(options.config), 0
    OUT.print("ok     config.toml", markup=False)
    for name, attempt in checks(config):
        found = attempt()
        if not found:
            OUT.print(f"ok     {name}", markup=False)
        for fault in found:
            OUT.print(f"FAULT  {name}: {fault}", markup=False)
        faults += len(found)
    for words in notes(config):
        OUT.print(f"note   {words}", markup=False)
    return min(faults, 1)


def once(options: argparse.Namespace) -> int:
    """Do all that can be done until people have to label."""
    from daemon.service import run_once

    config = load_config(options.config)
    with terminal.live_progress(lambda: snapshot(config), ERR):
        outcome = run_once(config, now, options.cycles, lambda: time.sleep(1.0))
    OUT.print(outcome.waiting, markup=False)
    faults = snapshot(config)["quarantine"]
    for row in faults:
        OUT.print(terminal.quarantine_line(row), markup=False)
    return 1 if faults or outcome.fault else 0


def run(options: argparse.Namespace) -> int:
    """Run the daemon until it is told to stop."""
    from daemon.service import run_forever

    config = load_config(options.config)
    with terminal.live_progress(lambda: snapshot(config), ERR):
        run_forever(config, now, options.cycles)
    return 0


def status(options: argparse.Namespace) -> int:
    """Say where the loop stands."""
    found = snapshot(load_config(options.config))
    if options.json:
        sys.stdout.write(f"{json.dumps(found, indent=1)}\n")
    else:
        terminal.show_status(found, OUT)
    return 0


def web(options: argparse.Namespace) -> int:
    """Serve the page without running the loop."""
    from daemon.web.server import serving

    config: Config = load_config(options.config)
    with serving(lambda: snapshot(config), config.web.host, config.web.port) as address:
        OUT.print(f"the page is at {address}; stop with Ctrl-C", markup=False)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return 0


def doctor(options: argparse.Namespace) -> int:
    """Print everything that a support engineer would ask for, without secrets."""
    from daemon.doctor import diagnose, lines

    found = diagnose(options.config, now())
    words = json.dumps(found, indent=1) if options.json else "\n".join(lines(found))
    sys.stdout.write(f"{words}\n")
    return 0


def backup(options: argparse.Namespace) -> int:
    """Copy the store while it is in use."""
    config = load_config(options.config)
    target: Path = options.target
    path = config.state / FILE
    if target.exists() or not path.exists():
        words = f"{target} exists; name a new file" if target.exists() else f"{path}: no store yet"
        raise MaskloopError(words)
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
        "--config", type=Path, default=Path("config.toml"), help="settings (./config.toml)"
    )
    parser.add_argument("--verbose", action="store_true", help="log every step of the loop")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (init, check, once, run, status, web, doctor, backup, demo, train):
        words = (command.__doc__ or "").strip()
        sub = commands.add_parser(command.__name__, help=words, description=words)
        sub.set_defaults(command=command)
        if command in (once, run):
            sub.add_argument("--cycles", type=int, help="train so many cycles, then only watch")
        elif command in (status, doctor):
            sub.add_argument("--json", action="store_true", help="for machines")
        elif command is backup:
            sub.add_argument("target", type=Path, help="new file for the copy")
        elif command is demo:
            from daemon.demo.options import add_options

            add_options(sub)
        elif command is train:
            from daemon.experiment import options as experiment

            experiment.add_options(sub)
    return parser


if __name__ == "__main__":
    sys.exit(main())

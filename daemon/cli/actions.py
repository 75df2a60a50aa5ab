"""What each command does: options in, exit code out. A room is imported when its command runs, so
that the program starts fast."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.cli import terminal
from daemon.cli.console import ERR, OUT, ask, report_fault, say
from daemon.config.loading import Config, load_config
from daemon.domain.errors import MaskloopError
from daemon.domain.formatting import count
from daemon.status.model import Status
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store


def now() -> datetime:
    """The clock of the daemon; everything below is given it."""
    return datetime.now(UTC)


def init(options: argparse.Namespace) -> int:
    """Write config.toml where there is none, then create or adopt the project."""
    from daemon.setup.init import init_project
    from daemon.setup.project_choice import Dialog, InitOptions, command_line

    path: Path = options.config
    init_options = InitOptions(
        project=options.project,
        new=options.new,
        add_reason=options.add_reason,
        add_smart_tool=options.add_smart_tool,
    )
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    to_do = init_project(path, init_options, Dialog(say=say, ask=ask if at_terminal else None))
    if not to_do:
        say(f"ready; next: {command_line(path, 'check')}")
        return 0
    say("not ready yet. To do:")
    for number, step in enumerate(
        [*to_do, f"then run {command_line(path, 'init')} again"], start=1
    ):
        say(f"{number}. {step}")
    return 1


def check(options: argparse.Namespace) -> int:
    """Print what is wrong with settings, labeling tool, images and store; 1 for any fault."""
    from daemon.diagnostics.check import print_checks

    return min(print_checks(_load(options), say), 1)


def once(options: argparse.Namespace) -> int:
    """Do all that can be done until people have to label; 1 for any fault."""
    from daemon.loop.service import run_once

    config = _load(options)
    with terminal.live_progress(lambda: read_status(config), ERR):
        outcome = run_once(config, now, options.cycles, lambda: time.sleep(1.0))
    say(outcome.waiting)
    faults = read_status(config).quarantine
    for fault in faults:
        say(fault.line())
    return 1 if faults or outcome.fault else 0


def run(options: argparse.Namespace) -> int:
    """Run the daemon until a signal stops it."""
    from daemon.loop.service import run_forever

    config = _load(options)
    with terminal.live_progress(lambda: read_status(config), ERR):
        run_forever(config, now, options.cycles, options.config)
    return 0


def status(options: argparse.Namespace) -> int:
    """Print where the loop stands: as text, as JSON, or only the schema of that JSON."""
    if options.schema:
        _write_json(Status.json_schema())
        return 0
    from daemon.loop.components import strategy_faults

    config = _load(options)
    for fault in strategy_faults(config):
        report_fault(fault)
    found = read_status(config)
    if options.json:
        _write_json(found.as_json())
    else:
        terminal.show_status(found, OUT)
    return 0


def web(options: argparse.Namespace) -> int:
    """Serve the pages without running the loop, until Ctrl-C."""
    from daemon.web.server import serving

    config = _load(options)
    host, port = config.web.host, config.web.port
    with serving(lambda: read_status(config), host, port, read_config=lambda: config) as address:
        say(f"the page is at {address}; stop with Ctrl-C")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return 0


def doctor(options: argparse.Namespace) -> int:
    """Print what a support engineer would ask for, without secrets."""
    from daemon.diagnostics.doctor import diagnose
    from daemon.diagnostics.report_text import text_lines

    found = diagnose(options.config, now())
    if options.json:
        _write_json(found)
    else:
        sys.stdout.write("\n".join(text_lines(found)) + "\n")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Compute what was chosen again and compare; 1 where an image differs."""
    from daemon.diagnostics.verify import lines
    from daemon.diagnostics.verify import verify as verified

    found = verified(_load(options), options.cycle)
    if options.json:
        _write_json({"cycles": [one.model_dump(mode="json") for one in found]})
    else:
        for line in lines(found):
            say(line)
    return 0 if all(one.matches for one in found) else 1


def backup(options: argparse.Namespace) -> int:
    """Copy the store, also while it is in use. Raises MaskloopError where it cannot."""
    config = _load(options)
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
    say(f"{target}: to restore, stop the daemon and put it in place of {path}")
    return 0


def classes(options: argparse.Namespace) -> int:
    """Rewrite the store for classes that were removed, merged or reordered."""
    from daemon.setup.class_migration import migrate

    for line in migrate(_load(options), now, apply=options.apply):
        say(line)
    return 0


def demo(options: argparse.Namespace) -> int:
    """Start a real Label Studio, field images, simulated annotators and the daemon."""
    from daemon.demo.command import run_demo

    return run_demo(options)


def import_dataset(options: argparse.Namespace) -> int:
    """Turn a data set of another tool into plain folders; 1 for any fault in it, unless lenient."""
    from daemon.datasets.class_map import ClassMap, read_class_map
    from daemon.datasets.import_folder import ImportOptions, import_folder
    from daemon.datasets.samples import Trust

    chosen = ImportOptions(
        classes=read_class_map(options.classes) if options.classes else ClassMap(),
        trust=Trust(boxes=options.boxes_as_masks, machine=options.trust_machine),
        lenient=options.lenient,
    )
    with terminal.image_progress(ERR) as progress:
        report = import_folder(options.source, options.out, chosen, progress)
    report.show(OUT)
    say(
        f"{options.out}: {count(report.images, 'image')}, {report.labeled} with a mask, "
        f"{count(len(report.faults), 'fault')}; next: maskloop demo --data {options.out}, or "
        f"maskloop train --images {options.out}/images --masks {options.out}/masks ..."
    )
    return 1 if report.faults and not options.lenient else 0


def train(options: argparse.Namespace) -> int:
    """Train on plain folders and measure."""
    from daemon.experiment.command import run_experiment
    from daemon.experiment.options import read_options

    return run_experiment(read_options(options), OUT, ERR)


def simulate(options: argparse.Namespace) -> int:
    """Run the loop offline on a labeled folder, to compare strategies; 1 where a part failed."""
    from daemon.experiment.simulation.driver import run_simulation, write_saved_report
    from daemon.experiment.simulation.simulation_options import read_options

    if options.report:
        return write_saved_report(options.out, OUT, options.reference, options.add)
    return run_simulation(read_options(options), OUT, ERR, now)


def sample(options: argparse.Namespace) -> int:
    """Choose the images of a plain folder to label first."""
    from daemon.experiment.sampling.sample_command import run_sample
    from daemon.experiment.sampling.sample_options import read_options

    return run_sample(read_options(options), OUT, ERR)


def experiment(options: argparse.Namespace) -> int:
    """Do what a recipe says on plain folders; 1 where a part failed."""
    from daemon.experiment.recipes.experiment_driver import run_recipe
    from daemon.experiment.recipes.experiment_options import read_options

    return run_recipe(read_options(options), OUT, ERR)


def _load(options: argparse.Namespace) -> Config:
    """The settings. Raises MaskloopError for a faulty config.toml, and where the state folder is a
    file."""
    config = load_config(options.config)
    if config.state.exists() and not config.state.is_dir():
        raise MaskloopError(
            f"[project] state_dir = {config.project.state_dir!r}: {config.state} is a file; "
            f"expected a folder, or a name that is free; correct state_dir"
        )
    return config


def _write_json(value: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(value, indent=1)}\n")

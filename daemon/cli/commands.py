"""An active-learning loop for semantic segmentation: trains, and asks people for the labels that
teach the model most."""

from __future__ import annotations

import argparse
import logging
import sqlite3
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.cli import (
    actions,
    ask_command,
    audit_command,
    click_command,
    config_command,
    curve_command,
    export_command,
    open_command,
    options,
    serve_command,
    streams,
)
from daemon.cli.console import report_fault
from daemon.domain.errors import MaskloopError
from daemon.domain.os_errors import describe_os_error

INTERRUPTED = 130  # the shell's exit code for Ctrl-C
QUIET_LOGGERS = ("httpx", "httpcore", "PIL", "waitress", "werkzeug")


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command. help: what it does, in a line. run: options -> exit code. add_options: adds the
    options that are its own."""

    name: str
    help: str
    run: Callable[[argparse.Namespace], int]
    add_options: Callable[[argparse.ArgumentParser], None] = options.add_none


COMMANDS = (
    Command(
        name="init",
        help="write config.toml where there is none, then create or adopt the project",
        run=actions.init,
        add_options=options.add_init,
    ),
    Command(
        name="check",
        help="say what is wrong, before the loop runs",
        run=actions.check,
    ),
    Command(
        name="once",
        help="do all that can be done until people have to label, then end",
        run=actions.once,
        add_options=options.add_cycles,
    ),
    Command(
        name="run",
        help="run the daemon until it is stopped",
        run=actions.run,
        add_options=options.add_cycles,
    ),
    Command(
        name="status",
        help="say where the loop stands",
        run=actions.status,
        add_options=options.add_status,
    ),
    Command(
        name="ask",
        help="ask the running loop to do something, as the pages do; without a verb: list them",
        run=ask_command.ask,
        add_options=ask_command.add_options,
    ),
    Command(
        name="curve",
        help="show a simulation beside the learning curve: random control, arms, full-label line",
        run=curve_command.curve,
        add_options=curve_command.add_options,
    ),
    Command(
        name="web",
        help="serve the pages without running the loop",
        run=actions.web,
    ),
    Command(
        name="open",
        help="print a link that signs in to the pages",
        run=open_command.open_pages,
    ),
    Command(
        name="doctor",
        help="print a report for support, without secrets",
        run=actions.doctor,
        add_options=options.add_json,
    ),
    Command(
        name="verify",
        help="compute the choice of each batch again, and say whether it is the same",
        run=actions.verify,
        add_options=options.add_verify,
    ),
    Command(
        name="backup",
        help="copy the store, also while it is in use",
        run=actions.backup,
        add_options=options.add_target,
    ),
    Command(
        name="classes",
        help="rewrite the store for classes that were removed, merged or reordered",
        run=actions.classes,
        add_options=options.add_apply,
    ),
    Command(
        name="config",
        help="print every setting with its default, or show, set, unset or compare settings",
        run=config_command.print_defaults,
        add_options=config_command.add_options,
    ),
    Command(
        name="demo",
        help="start a real Label Studio, field images, simulated annotators and the daemon",
        run=actions.demo,
        add_options=options.add_demo,
    ),
    Command(
        name="import",
        help="turn a data set of another tool into plain folders: images, masks, splits, classes",
        run=actions.import_dataset,
        add_options=options.add_import,
    ),
    Command(
        name="export",
        help="write labels, splits, selection history and curve of the loop as plain files, or a "
        "model with its card",
        run=export_command.export,
        add_options=export_command.add_options,
    ),
    Command(
        name="serve",
        help="answer requests over HTTP with the masks of one model",
        run=serve_command.serve,
        add_options=serve_command.add_options,
    ),
    Command(
        name="audit",
        help="find labels that a person should look at again, of the loop or of a labeled folder",
        run=audit_command.audit,
        add_options=audit_command.add_options,
    ),
    Command(
        name="smart-eval",
        help="say how many clicks an object of a labeled folder costs, with each engine",
        run=click_command.evaluate,
        add_options=click_command.add_options,
    ),
    Command(
        name="train-clicks",
        help="train the network that turns clicks into masks, on a labeled folder",
        run=click_command.train_clicks,
        add_options=click_command.add_training_options,
    ),
    Command(
        name="train",
        help="train on plain folders and measure: an experiment without Label Studio",
        run=actions.train,
        add_options=options.add_train,
    ),
    Command(
        name="simulate",
        help="compare strategies: the loop itself, offline on a labeled folder",
        run=actions.simulate,
        add_options=options.add_simulate,
    ),
    Command(
        name="sample",
        help="choose the images of a plain folder to label first, before there is any model",
        run=actions.sample,
        add_options=options.add_sample,
    ),
    Command(
        name="experiment",
        help="sample, audit, train and compare by a recipe, on plain folders, with a report",
        run=actions.experiment,
        add_options=options.add_experiment,
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all is well, 1 for a fault, 2 for wrong usage.

    arguments: without the program's name; None: those of the process.
    """
    try:
        return _run(_parser().parse_args(arguments))
    except MaskloopError as exc:
        return _fail(str(exc))
    except BrokenPipeError:
        streams.discard_output()  # its reader has gone, as `| head` does
        return 1
    except OSError as exc:
        return _fail(describe_os_error(exc))
    except sqlite3.Error as exc:
        return _fail(f"the store: {exc}; `maskloop doctor` says how it is; restore a backup of it")
    except KeyboardInterrupt:
        _fail("stopped")
        return INTERRUPTED


def _run(chosen: argparse.Namespace) -> int:
    _configure_logging(verbose=chosen.verbose)
    code = int(chosen.run(chosen))
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as exc:
        message = describe_os_error(exc, "standard output")
        streams.discard_output()
        raise MaskloopError(message) from exc
    return code


def _configure_logging(*, verbose: bool) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that is left out is no news


def _fail(message: str) -> int:
    report_fault(message)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="maskloop", description=__doc__)
    options.add_config(parser, default=Path("config.toml"))
    parser.add_argument("--verbose", action="store_true", help="log every step of the loop")
    parsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        sub = parsers.add_parser(command.name, help=command.help, description=command.help)
        sub.set_defaults(run=command.run)
        options.add_config(sub, default=argparse.SUPPRESS)
        command.add_options(sub)
    return parser


if __name__ == "__main__":
    sys.exit(main())

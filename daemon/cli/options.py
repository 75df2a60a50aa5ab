"""The options of each command of `maskloop`."""

from __future__ import annotations

import argparse
from pathlib import Path

from daemon.cli import option_types


def add_none(_: argparse.ArgumentParser) -> None:
    """No options beside --config."""


def add_config(parser: argparse.ArgumentParser, default: Path | str) -> None:
    """--config, before or after the command."""
    parser.add_argument(
        "--config",
        type=option_types.path,
        default=default,
        help="file of the settings (default: ./config.toml)",
    )


def add_init(parser: argparse.ArgumentParser) -> None:
    """Which project, and whether people see why an image is asked."""
    project = parser.add_mutually_exclusive_group()
    project.add_argument(
        "--project",
        type=option_types.project_number,
        help="adopt the Label Studio project with this number",
    )
    project.add_argument(
        "--new", action="store_true", help="create a project, also where there are others"
    )
    parser.add_argument(
        "--add-reason",
        action="store_true",
        help="show annotators why an image is asked: a line in the labeling interface and in the "
        "instructions",
    )
    parser.add_argument(
        "--add-smart-tool",
        action="store_true",
        help="let annotators click instead of drawing: [smart_tool] in the settings, and a tag in "
        "the labeling interface",
    )


def add_cycles(parser: argparse.ArgumentParser) -> None:
    """How many cycles to train."""
    parser.add_argument(
        "--cycles",
        type=option_types.count,
        help="train this many cycles, then only take in labels",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """JSON instead of text."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def add_verify(parser: argparse.ArgumentParser) -> None:
    """Which cycle, and JSON instead of text."""
    parser.add_argument(
        "cycle",
        nargs="?",
        type=option_types.count,
        metavar="CYCLE",
        help="number of a cycle; without it every cycle",
    )
    add_json(parser)


def add_status(parser: argparse.ArgumentParser) -> None:
    """JSON or its schema instead of text."""
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON, for programs")
    output.add_argument(
        "--schema",
        action="store_true",
        help="print the JSON schema of --json: what each field means, its unit and range",
    )


def add_apply(parser: argparse.ArgumentParser) -> None:
    """Change the store, or only say what would change."""
    parser.add_argument(
        "--apply",
        action="store_true",
        help="copy the store, then rewrite it; without this option only say what would change",
    )


def add_target(parser: argparse.ArgumentParser) -> None:
    """Where the copy goes."""
    parser.add_argument("target", type=option_types.path, help="file to create for the copy")


def add_import(parser: argparse.ArgumentParser) -> None:
    """What is imported, whereto, and with which classes."""
    parser.add_argument(
        "source", type=option_types.path, help="folder, .zip or .tar; its format is recognized"
    )
    parser.add_argument(
        "--out", type=option_types.path, required=True, metavar="DIR", help="new or empty folder"
    )
    parser.add_argument(
        "--classes",
        type=option_types.path,
        metavar="map.toml",
        help="classes that are renamed, merged or ignored",
    )
    parser.add_argument(
        "--boxes-as-masks",
        action="store_true",
        help="take a rectangle for the mask of what lies in it (else its pixels have no label)",
    )
    parser.add_argument(
        "--trust-machine",
        action="store_true",
        help="take what a model drew and nobody changed for labels (else it is none)",
    )
    parser.add_argument(
        "--lenient",
        action="store_true",
        help="exit with 0 also where files had to be left out; leave links and encrypted files of "
        "an archive out instead of refusing it",
    )


def add_demo(parser: argparse.ArgumentParser) -> None:
    """Those of the demo."""
    from daemon.demo.options import add_options

    add_options(parser)


def add_train(parser: argparse.ArgumentParser) -> None:
    """Those of an experiment."""
    from daemon.experiment.options import add_options

    add_options(parser)


def add_simulate(parser: argparse.ArgumentParser) -> None:
    """Those of a simulation."""
    from daemon.experiment.simulation.simulation_options import add_options

    add_options(parser)


def add_sample(parser: argparse.ArgumentParser) -> None:
    """Those of a first choice."""
    from daemon.experiment.sampling.sample_options import add_options

    add_options(parser)


def add_experiment(parser: argparse.ArgumentParser) -> None:
    """Those of a recipe."""
    from daemon.experiment.recipes.experiment_options import add_options

    add_options(parser)

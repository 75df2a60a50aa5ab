"""The options of `maskloop experiment`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.options import absolute_path
from daemon.experiment.recipes.recipe_file import (
    ReadRecipe,
    narrowed,
    read_recipe,
    shipped_recipes,
)

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class ExperimentOptions:
    """The checked options. parallel: trainings at once; None: auto. only_plan, only_report: nothing
    is trained."""

    read: ReadRecipe
    out: Path
    parallel: int | None
    only_plan: bool
    only_report: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.epilog = (
        f"RECIPE: a file, or one of {', '.join(shipped_recipes())}, which need --data. Ctrl-C "
        f"saves; the same command goes on, also after a kill. Further arms and seeds may be asked "
        f"later in the same folder."
    )
    add = parser.add_argument
    add("recipe", metavar="RECIPE", help="recipe.toml; daemon/experiment/recipes/README.md")
    add("--data", type=Path, metavar="DIR", help="where its paths start (the recipe's folder)")
    add("--out", type=Path, metavar="DIR", help="report and all the rest (runs/NAME)")
    add("--print-plan", action="store_true", help="say what it does and about how long, then end")
    add("--report", action="store_true", help="only write the report of what is there")
    add("--arms", default="", metavar="NAME,NAME", help="only these arms of the recipe")
    add("--seeds", default="", metavar="N,N", help="these seeds for every arm")
    add("--parallel", default="1", metavar="N|auto", help="trainings at once (1)")
    add(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the recipe, as training.iterations=20; repeatable",
    )


def read_options(typed: argparse.Namespace) -> ExperimentOptions:
    """The options of a command line. Raises ExperimentRefused that lists the faults."""
    text = typed.parallel
    if text != AUTO and not (text.isdecimal() and len(text) < 4 and int(text)):
        raise ExperimentRefused(f"--parallel {text}: expected auto, or a number from 1 to 999")
    data = absolute_path(typed.data, "--data") if typed.data else None
    read = narrowed(read_recipe(typed.recipe, data, typed.set), typed.arms, typed.seeds)
    return ExperimentOptions(
        read=read,
        out=absolute_path(typed.out or Path("runs") / read.name, "--out"),
        parallel=None if text == AUTO else int(text),
        only_plan=typed.print_plan,
        only_report=typed.report,
    )

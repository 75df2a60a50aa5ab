"""A painted folder with a recipe, and `maskloop experiment` on it with the quick learner."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from daemon.experiment.recipes.experiment_driver import run_recipe
from daemon.experiment.recipes.experiment_options import add_options, read_options
from daemon.experiment.recipes.label_audit_request import LabelAudit
from daemon.launchers import Launcher
from tests.fakes.launcher import ForkLauncher
from tests.integration.workbench import paint

RECIPE = """
title = "Painted squares"
notes = ["Painted by a test: <b>no</b> field."]

[data]
classes = ["soil", "crop", "weed"]

[lists]
test = "splits.json:test"
pool = "splits.json:pool"

[sample]
n = 5
similarity = 1.0

[training]
seeds = [0, 1, 2]
device = "cpu"

[arms.hrda]
method = "hrda"

[arms.few]
method = "supervised"
labels = 2

[arms.all]
method = "segformer"
labels = "all"
seeds = [0]

[report]
reference = "all"
pictures = 1
published = { "somebody's figure" = 0.5 }
"""


def make_home(home: Path, recipe: str = RECIPE, images: int = 26, tested: int = 9) -> Path:
    """Images, masks, splits.json and recipe.toml, whose path is returned. With 30 images UMAP
    would draw the map, which takes half a minute to start."""
    paint(home, images)
    names = sorted(path.stem for path in (home / "images").iterdir())
    lists = {"pool": names[:-tested], "test": names[-tested:]}
    (home / "splits.json").write_text(json.dumps(lists))
    (home / "recipe.toml").write_text(recipe)
    return home / "recipe.toml"


def experiment(
    recipe: Path,
    *words: str,
    make_launcher: Callable[[], Launcher] = ForkLauncher,
    audit: LabelAudit | None = None,
) -> tuple[int, str]:
    """Run the command in this process: exit code and what it prints. Results are in HOME/out."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    typed = parser.parse_args([str(recipe), "--out", str(recipe.parent / "out"), *words])
    printed = io.StringIO()
    console = Console(file=printed, width=500)
    options = read_options(typed)
    code = run_recipe(options, console, console, make_launcher, audit, poll_s=0.01)
    return code, printed.getvalue()


def report(recipe: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((recipe.parent / "out/report.json").read_text())
    return found

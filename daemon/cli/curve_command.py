"""`maskloop curve`: which simulation the page of the curve shows beside the project's own curve."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from daemon.cli import option_types
from daemon.cli.console import say
from daemon.config.loading import Config, load_config

SEED = 0  # of the bootstrap: the same simulation has the same interval


def add_options(parser: argparse.ArgumentParser) -> None:
    """The simulation to show, or none."""
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--simulation",
        type=option_types.path,
        metavar="PATH",
        help="folder of `maskloop simulate`, or its results.json: its arms, its random control and "
        "its full-label line are drawn beside the curve from now on; give it again when it has "
        "gone on",
    )
    choice.add_argument(
        "--no-simulation", action="store_true", help="show no simulation from now on"
    )


def curve(options: argparse.Namespace) -> int:
    """Keep the summary of a simulation for the pages, forget it, or say which one is kept; 0.

    Raises ExperimentRefused for a file that holds no results, SimulationUnreadable for a kept one
    that cannot be read.
    """
    from daemon.insight.simulated_curves import saving_words
    from daemon.status.kept_simulation import forget_simulation, kept_simulation

    config = load_config(options.config)
    if options.no_simulation:
        there = forget_simulation(config.state)
        say("no simulation is shown from now on" if there else "no simulation was shown")
        return 0
    if options.simulation is not None:
        _keep(options, config)
    found = kept_simulation(config.state)
    if found is None:
        say("no simulation is shown; `maskloop curve --simulation PATH` shows one")
        return 0
    arms = ", ".join(f"{arm.name} ({len(arm.points)} points)" for arm in found.arms)
    say(f"{found.words} Arms: {arms}.")
    say(f"labels saved against random: {saving_words(found, config.selection.strategy)}")
    return 0


def _keep(options: argparse.Namespace, config: Config) -> None:
    import numpy as np

    from daemon.experiment.simulation.curve_summary import curve_summary
    from daemon.experiment.simulation.driver import read_simulation
    from daemon.status.kept_simulation import keep_simulation

    simulation = read_simulation(options.simulation)
    now = datetime.now(UTC)
    file = keep_simulation(
        config.state, curve_summary(simulation, np.random.default_rng(SEED), now)
    )
    say(f"kept in {file}")

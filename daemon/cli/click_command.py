"""`maskloop smart-eval` and `maskloop train-clicks`: engines measured, and the network trained."""

from __future__ import annotations

import argparse

from daemon.cli.console import ERR, OUT


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    from daemon.experiment.click_evaluation import click_options

    click_options.add_options(parser)


def evaluate(options: argparse.Namespace) -> int:
    """Click on the objects of a labeled folder."""
    from daemon.experiment.click_evaluation.click_evaluation import run_click_evaluation
    from daemon.experiment.click_evaluation.click_options import read_options

    return run_click_evaluation(read_options(options), OUT, ERR)


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """The options of `train-clicks`."""
    from daemon.experiment.click_networks import network_options

    network_options.add_options(parser)


def train_clicks(options: argparse.Namespace) -> int:
    """Train a click network on a labeled folder."""
    from daemon.experiment.click_networks.network_options import read_options
    from daemon.experiment.click_networks.network_training import run_network_training

    return run_network_training(read_options(options), OUT, ERR)

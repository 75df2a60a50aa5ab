"""`maskloop smart-eval`: how many clicks an object costs with each engine."""

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

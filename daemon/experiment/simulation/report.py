"""The report of a simulation: table.md, report.html, curve.png and curve.svg."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from daemon.experiment.simulation.comparison import compare
from daemon.experiment.simulation.comparison_page import report_page
from daemon.experiment.simulation.comparison_plot import draw_plot
from daemon.experiment.simulation.comparison_table import markdown
from daemon.experiment.simulation.simulated_runs import Simulation
from daemon.runs.durable import atomic_file

BOOTSTRAP_SEED = 0  # the same simulation gives the same report


def write_report(simulation: Simulation, out: Path, reference: Simulation | None = None) -> None:
    """Write the report of a simulation, finished or not, into the folder `out`.

    reference: another simulation of the same arms, such as HRDA's beside the probe's; the report
    then says how well both rank the arms alike.

    table.md and report.html say what is missing; curve.png and curve.svg hold the same curves, and
    are not written before two label counts were measured. The pixels of the classes in the
    training masks, by name, may stand in request["class_pixels"]; they decide which class is the
    rarest. Raises ExperimentRefused for a run that the simulation holds twice.
    """
    comparison = compare(simulation, np.random.default_rng(BOOTSTRAP_SEED), reference)
    texts = {
        "table.md": markdown(simulation, comparison),
        "report.html": report_page(simulation, comparison),
    }
    for name, text in texts.items():
        with atomic_file(out / name) as part:
            part.write_text(text, encoding="utf-8")
    draw_plot(comparison, (out / "curve.png", out / "curve.svg"))

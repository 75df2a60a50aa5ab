"""The map of a sample as PNG, by matplotlib."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from daemon.domain.formatting import count
from daemon.experiment.sampling.sample_page import ShownSample
from daemon.runs.durable import atomic_file

POOL, EXCLUDED, PICK, INK = "#b5bcb7", "#c98f8a", "#d9541e", "#18221c"


def draw_map(shown: ShownSample, file: Path) -> None:
    """Draw all images as dots, the chosen ones with their rank."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 8), layout="constrained")
    axes = figure.add_subplot()
    places, sample = shown.map.places, shown.sample
    excluded, picks = sorted(sample.excluded), list(sample.picks)
    others = np.setdiff1d(np.arange(len(places)), [*excluded, *picks])
    size = max(3.0, min(18.0, 6000 / max(1, len(places))))
    for rows, colour, words in (
        (others, POOL, "other images"),
        (excluded, EXCLUDED, "excluded"),
        (picks, PICK, f"chosen by {shown.strategy}, in this order"),
    ):
        if len(rows):
            marker = 40 if colour == PICK else size
            label = f"{words} ({len(rows)})"
            x, y = places[rows].T
            axes.scatter(x, y, s=marker, c=colour, label=label, linewidths=0.4, edgecolors="white")
    for rank, row in enumerate(picks, 1):
        axes.annotate(
            str(rank), places[row], xytext=(4, 3), textcoords="offset points", fontsize=7, color=INK
        )
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title(
        f"{count(len(picks), 'image')} of {len(places)}; near: alike ({shown.map.method})",
        loc="left",
        fontsize=11,
    )
    figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=9)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=130)
    with atomic_file(file) as part:
        part.write_bytes(drawn.getvalue())

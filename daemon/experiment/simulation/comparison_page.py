"""report.html: one file without scripts and without a request to anywhere. Pure but for the
template beside it, whose texts Jinja escapes."""

from __future__ import annotations

from pathlib import Path

from daemon.domain.formatting import count, fraction
from daemon.experiment.report_pages.page_template import render
from daemon.experiment.simulation import comparison_drawing as drawing
from daemon.experiment.simulation import comparison_table as tables
from daemon.experiment.simulation import comparison_words as words
from daemon.experiment.simulation.comparison import Comparison
from daemon.experiment.simulation.simulated_runs import Simulation
from daemon.insight.paired_difference import MIN_PAIRS

TEMPLATE = Path(__file__).with_name("comparison.html")


def report_page(simulation: Simulation, comparison: Comparison) -> str:
    """The content of report.html."""
    title, sentence = words.headline(comparison)
    main = words.main_arm(comparison)
    bars, marks = drawing.bars(comparison)
    return render(
        TEMPLATE,
        difference_text=tables.difference_text,
        pairs_text=words.pairs_text,
        short_name=words.short_name,
        fraction=fraction,
        count=count,
        words=title,
        sentence=sentence,
        css=drawing.CSS[main.against.verdict] if main and main.against else "few",
        css_of=drawing.CSS,
        comparison=comparison,
        missing=words.missing(simulation),
        bars=bars,
        bar_marks=marks,
        panels=drawing.panels(comparison),
        seed_counts=seed_counts(comparison),
        references=tables.references(comparison),
        arms_table=tables.arms_table(comparison),
        measured=words.measured(simulation, comparison),
        caveats=words.caveats(simulation, comparison),
        source=_source(simulation),
    )


def seed_counts(comparison: Comparison) -> str:
    """How many seeds the arms have: ", n = 2 to 6 (drawn from 3 on)"."""
    numbers = {point.mean.n for arm in comparison.arms for point in arm.points if point.mean}
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    words = f", n = {low}" if low == high else f", n = {low} to {high}"
    return f"{words} (drawn from {MIN_PAIRS} on)" if low < MIN_PAIRS else words


def _source(simulation: Simulation) -> str:
    """The folders and the program."""
    request = simulation.request
    versions = request.get("versions")
    commit = versions.get("commit") if isinstance(versions, dict) else None
    parts = [
        f"{name}: {words.printable(str(request[name]))}"
        for name in ("images", "masks", "splits")
        if request.get(name)
    ]
    if commit:
        parts.append(f"commit {words.printable(str(commit))}")
    return f"Maskloop, {count(len(simulation.runs), 'run')}. {' · '.join(parts)}"

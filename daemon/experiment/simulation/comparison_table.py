"""A comparison as tables: rows of texts for the page, and table.md. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.domain.formatting import ABSENT, count, duration, fraction, signed
from daemon.experiment.simulation.comparison import (
    AUTO,
    REACHED_SHARES,
    ArmPoint,
    ArmResult,
    Comparison,
    Judgement,
)
from daemon.experiment.simulation.comparison_words import (
    caveats,
    headline,
    interval_text,
    measured,
    missing,
    pairs_text,
    percent,
    reached_text,
    saved_text,
    short_name,
)
from daemon.experiment.simulation.simulated_runs import Simulation
from daemon.insight.paired_difference import MeanEstimate

MARKDOWN = re.compile(r"([\\`*_\[\]|<>~$&])")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Texts. head: of the columns; the first column names the arm."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def labels_table(comparison: Comparison) -> Table:
    """mIoU of each arm at each number of labels, with its difference to random."""
    labels = comparison.all_labels
    head = [f"{n} labels ({labels[n]} with validation)" for n in comparison.train_labels]
    return Table(
        title="mIoU by training labels: mean (n), difference to random with its 95 % interval",
        head=("arm", *head),
        rows=tuple(
            (short_name(arm.arm), *(_at_labels(point) for point in arm.points))
            for arm in comparison.arms
        ),
    )


def arms_table(comparison: Comparison) -> Table:
    """The figures of each arm over all label counts."""
    rarest = short_name(comparison.rarest_class or "rarest class")
    reached = [f"labels to {percent(share)} of full" for share in REACHED_SHARES]
    return Table(
        title="Over all labels",
        head=(
            "arm",
            "area (n)",
            "difference to random",
            "verdict",
            *reached,
            "labels saved",
            f"IoU of {rarest} (n)",
            "redundant in a batch",
            "a training",
        ),
        rows=tuple(_over_labels(arm, comparison) for arm in comparison.arms),
    )


def judgement_text(judged: Judgement | None) -> str:
    """Verdict, and how many pairs would decide it."""
    if judged is None:
        return ABSENT
    return ", ".join(filter(None, (judged.verdict.value, pairs_text(judged))))


def difference_text(judged: Judgement | None) -> str:
    """The difference with its interval."""
    if judged is None:
        return ABSENT
    ends = judged.difference.interval
    return f"{signed(judged.difference.mean)} ({interval_text(ends)})"


def markdown(simulation: Simulation, comparison: Comparison) -> str:
    """The content of table.md."""
    words, sentence = headline(comparison)
    parts = [
        f"# {_escape(words)}",
        _escape(sentence),
        *_list("For comparison", references(comparison)),
        *(_table(table) for table in (arms_table(comparison), labels_table(comparison))),
        *_list("What is missing", missing(simulation)),
        *_list("What was measured", measured(simulation, comparison)),
        *_list("What this does not show", caveats(simulation, comparison)),
    ]
    return "\n\n".join(parts) + "\n"


def references(comparison: Comparison) -> list[str]:
    """The full-label lines, `auto` against the best other arm, agreement of two rankings."""
    lines = [
        f"All {comparison.full_labels} labels, {short_name(method)}: {fraction(estimate.mean)} mIoU"
        f" ({count(estimate.n, 'training')})."
        for method, estimate in comparison.full.items()
    ]
    best = comparison.best_other
    if best:
        lines.append(
            f"{AUTO} minus the best other arm, {short_name(best.arm)}: "
            f"{difference_text(best.against)}, {judgement_text(best.against)}."
        )
    agreement = comparison.agreement
    if comparison.referred and agreement is None:
        lines.append(
            "Order of the arms against the other simulation: fewer than three arms in both."
        )
    if agreement:
        lines.append(
            f"Order of the arms against that of the other simulation: Kendall's tau "
            f"{agreement.tau:.2f} over {len(agreement.arms)} arms (1: the same order, "
            f"0: unrelated; p = {agreement.p:.2g})."
        )
    return lines


def _at_labels(point: ArmPoint) -> str:
    if point.mean is None:
        return "missing"
    own = f"{fraction(point.mean.mean)} ({point.mean.n})"
    if point.against is None:
        return own
    judged = point.against
    return f"{own}; {difference_text(judged)}; {judgement_text(judged)}"


def _over_labels(arm: ArmResult, comparison: Comparison) -> tuple[str, ...]:
    reached = [
        reached_text(arm.reached[share], comparison) if share in arm.reached else ABSENT
        for share in REACHED_SHARES
    ]
    return (
        short_name(arm.arm),
        _mean_text(arm.area),
        difference_text(arm.against),
        judgement_text(arm.against),
        *reached,
        saved_text(arm.saved) if arm.saved else ABSENT,
        _mean_text(arm.rarest)
        + (f"; {difference_text(arm.rarest_against)}" if arm.rarest_against else ""),
        ABSENT if arm.redundancy is None else percent(arm.redundancy),
        duration(arm.seconds),
    )


def _mean_text(estimate: MeanEstimate | None) -> str:
    return f"{fraction(estimate.mean)} ({estimate.n})" if estimate else ABSENT


def _table(table: Table) -> str:
    rows = [table.head, ("---",) * len(table.head), *table.rows]
    lines = [_row(row) if index != 1 else f"|{'|'.join(row)}|" for index, row in enumerate(rows)]
    return "\n".join([f"## {_escape(table.title)}", "", *lines])


def _row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(_escape(text) for text in texts)} |"


def _list(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    return [f"## {title}\n\n" + "\n".join(f"- {_escape(line)}" for line in lines)]


def _escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    return MARKDOWN.sub(r"\\\1", text)

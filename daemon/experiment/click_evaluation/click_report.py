"""The report of an evaluation, as JSON and as lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from rich.console import Console
from rich.table import Table

from daemon.clicks.mask_objects import bin_names
from daemon.domain.formatting import count
from daemon.experiment.click_evaluation.click_figures import (
    MAIN_TARGET,
    ClickRecord,
    GroupFigures,
    Interval,
    Start,
    group_figures,
    paired_difference,
)
from daemon.experiment.click_evaluation.click_options import ClickOptions
from daemon.experiment.click_evaluation.evaluated_objects import EvaluatedObject, hash_of
from daemon.runs.records import Record

ALL = "all"


class ReportRow(Record):
    """The figures of one engine from one start, over the objects of a group: "all", a class, or a
    bin of sizes. difference: of its clicks to MAIN_TARGET minus those of the first engine, paired;
    None for the first one. change: the same minus those of this engine from this start in the other
    evaluation; None where there is none, or not of this engine."""

    engine: str
    start: Start
    group: str
    figures: GroupFigures
    difference: Interval | None = None
    change: Interval | None = None


class ClickReport(Record):
    """report.json. objects_sha256: names the list of objects. target: that `never` counts.
    against: folder of the other evaluation, "" for none."""

    images: int
    objects: int
    objects_sha256: str
    seed: int
    clicks: int
    rule: str
    model: str
    against: str = ""
    target: float = MAIN_TARGET
    rows: tuple[ReportRow, ...]


def report_of(
    options: ClickOptions,
    classes: Sequence[str],
    objects: Sequence[EvaluatedObject],
    records: Sequence[ClickRecord],
    others: Sequence[ClickRecord] | None = None,
) -> ClickReport:
    """The report of finished clicks on these objects. others: of the evaluation --against."""
    groups = _groups(classes, objects)
    return ClickReport(
        images=len({one.name for one in objects}),
        objects=len(objects),
        objects_sha256=hash_of(objects),
        seed=options.seed,
        clicks=options.clicks,
        rule=options.rule.value,
        model="" if options.model is None else str(options.model),
        against="" if options.against is None else str(options.against),
        rows=tuple(_rows(options, groups, records, others or ())),
    )


def print_clicks(report: ClickReport, folder: Path, out: Console) -> None:
    """The rows as a table; times are those of the engine alone."""
    table = Table(
        "engine", "objects", "n", "NoC80", "NoC85 (95 %)", "NoC90", "never .85", "ms", "CPU ms"
    )
    table.add_column("best IoU within 1 / 3 / 5 / 10 / 20")
    for row in report.rows:
        found, start = row.figures, " from model" if row.start is Start.MODEL else ""
        noc = found.noc["0.85"]
        table.add_row(
            f"{row.engine}{start}",
            row.group,
            str(found.objects),
            f"{found.noc['0.80'].mean:.1f}",
            f"{noc.mean:.1f} ({noc.low:.1f}-{noc.high:.1f})",
            f"{found.noc['0.90'].mean:.1f}",
            " / ".join(map(str, found.never.values())),
            *(" / ".join(f"{one:.0f}" for one in ms or ()) for ms in (found.ms, found.cpu_ms)),
            " / ".join(f"{iou:.2f}" for iou in found.iou.values()),
        )
    out.print(table)
    for row in report.rows:
        for line in _differences(row, report) if row.group == ALL else ():
            out.print(line, markup=False)
    out.print(
        f"{folder / 'report.json'}: {count(report.objects, 'object')} of "
        f"{count(report.images, 'image')}, list {report.objects_sha256[:12]}; never: objects "
        f"below {report.target} after 5 / 10 / 20 clicks; ms: 50th and 95th percentile",
        markup=False,
    )


def _differences(row: ReportRow, report: ClickReport) -> Iterator[str]:
    """What an engine cost more or fewer clicks than, on the same objects."""
    start = "" if row.start is Start.NOTHING else " from the model's mask"
    for by, other in (
        (row.difference, report.rows[0].engine),
        (row.change, f"itself in {report.against}"),
    ):
        if by is not None:
            yield (
                f"{row.engine}{start}: {by.mean:+.1f} clicks ({by.low:+.1f} to {by.high:+.1f}) "
                f"against {other}, on the same objects"
            )


def _groups(
    classes: Sequence[str], objects: Sequence[EvaluatedObject]
) -> Mapping[str, frozenset[int]]:
    """Name of a group -> places of its objects; groups without an object are left out."""
    found: dict[str, set[int]] = {}
    labels = [f"class {name}" for name in classes]
    for name in (ALL, *labels, *bin_names()):
        found[name] = set()
    for place, one in enumerate(objects):
        for name in (ALL, labels[one.label], bin_names()[one.in_mask().size_bin]):
            found[name].add(place)
    return {name: frozenset(places) for name, places in found.items() if places}


def _rows(
    options: ClickOptions,
    groups: Mapping[str, frozenset[int]],
    records: Sequence[ClickRecord],
    others: Sequence[ClickRecord],
) -> Iterator[ReportRow]:
    first = options.engines[0]
    for start in Start:
        for engine in options.engines:
            for group, places in groups.items():
                mine = _chosen(records, engine, start, places)
                if not mine:
                    continue
                there = _chosen(others, engine, start, {one.place for one in mine})
                yield ReportRow(
                    engine=engine,
                    start=start,
                    group=group,
                    figures=group_figures(mine, options.clicks, options.seed),
                    difference=None
                    if engine == first
                    else _difference(options, mine, _chosen(records, first, start, places)),
                    change=_difference(options, mine, there) if there else None,
                )


def _chosen(
    records: Sequence[ClickRecord], engine: str, start: Start, places: AbstractSet[int]
) -> list[ClickRecord]:
    return [
        one for one in records if (one.engine, one.start) == (engine, start) and one.place in places
    ]


def _difference(
    options: ClickOptions, mine: Sequence[ClickRecord], others: Sequence[ClickRecord]
) -> Interval:
    return paired_difference(mine, others, options.clicks, options.seed)

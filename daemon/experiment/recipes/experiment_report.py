"""The report of an experiment: report.json and report.html, also while it runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from daemon.domain.errors import RunFailed
from daemon.domain.evaluations import INTERVAL, MeasuredImage
from daemon.domain.formatting import signed
from daemon.experiment.recipes import experiment_tables as tables
from daemon.experiment.recipes import experiment_words as words
from daemon.experiment.recipes.experiment_figures import (
    ArmDifference,
    ExperimentFigures,
    experiment_figures,
)
from daemon.experiment.recipes.experiment_plan import ExperimentPlan
from daemon.experiment.recipes.experiment_records import ArmRun, Choice, Found
from daemon.experiment.recipes.loss_curves import curve_panels
from daemon.experiment.recipes.picture_rows import picture_rows
from daemon.experiment.recipes.shown_images import (
    CONFUSED,
    FALSE,
    MISSED,
    NO_LABEL,
    RIGHT,
    colour_of,
)
from daemon.experiment.report_pages.axes import Mark, Whisker, padded_axis
from daemon.experiment.report_pages.map_dots import MAP_PX, Dot, map_dots
from daemon.experiment.report_pages.page_template import render
from daemon.insight.model_difference import ModelDifference, model_difference
from daemon.insight.paired_difference import MIN_PAIRS, Verdict
from daemon.runs.durable import atomic_file, write_json
from daemon.runs.run_folder import PredictResult

TEMPLATE = Path(__file__).with_name("experiment.html")
BOOTSTRAP_SEED = 0  # the same figures give the same report
BAR_WIDTH, BAR_MARGIN = 300, 20  # px
CSS = {
    Verdict.BETTER: "better",
    Verdict.WORSE: "worse",
    Verdict.WITHIN_NOISE: "noise",
    Verdict.NOT_ENOUGH_PAIRS: "few",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bar:
    """A difference of two arms with its whisker. same_images: the same on the test images of the
    first seed that both have, in words; "" where that has no interval."""

    one: ArmDifference
    text: str
    css: str
    whisker: Whisker
    same_images: str


def write_report(plan: ExperimentPlan, found: Found) -> None:
    """Replace both files."""
    figures = experiment_figures(found, plan.recipe)
    same = {(one.arm, one.other): _same_images(plan, found, one) for one in figures.differences}
    content = found.model_dump(mode="json") | {
        "figures": _figures_json(figures),
        "same_test_images": [
            {"arm": arm, "other": other, **difference.as_json()}
            for (arm, other), difference in same.items()
            if difference
        ],
        "not_measured": words.caveats(found, plan.recipe, figures),
        "notes": list(plan.recipe.notes),
        "not_repeatable": list(plan.recipe.not_repeatable),
    }
    page = report_page(plan, found, figures, same)
    write_json(plan.folder.report_file, content)
    with atomic_file(plan.folder.page_file) as part:
        part.write_text(page, encoding="utf-8")


def report_page(
    plan: ExperimentPlan,
    found: Found,
    figures: ExperimentFigures,
    same: Mapping[tuple[str, str], ModelDifference | None],
) -> str:
    """The content of report.html."""
    recipe = plan.recipe
    title, sentence = words.headline(found, recipe, figures)
    return render(
        TEMPLATE,
        title=title,
        heading=recipe.title,
        sentence=sentence,
        missing=words.missing(found, recipe),
        notes=recipe.notes,
        not_repeatable=recipe.not_repeatable,
        caveats=words.caveats(found, recipe, figures),
        facts=tables.facts(found),
        audit=found.audit,
        audit_kinds=words.audit_kinds(found),
        choice=found.choice,
        dots=_dots(found.choice) if found.choice else [],
        map_px=MAP_PX,
        **_figures_part(found, figures, same),
        **_pictures_part(plan, found),
    )


def _figures_part(
    found: Found,
    figures: ExperimentFigures,
    same: Mapping[tuple[str, str], ModelDifference | None],
) -> dict[str, Any]:
    bars, marks = _bars(figures, same)
    return {
        "arms": tables.arms_table(found, figures),
        "shares": tables.shares_table(figures),
        "bars": bars,
        "bar_marks": marks,
        "runs": tables.runs_table(figures),
        "remarks": [
            *tables.common_remarks(figures),
            *(line for run in found.runs for line in _remarks(run)),
        ],
        "panels": curve_panels(figures.arms),
    }


def _pictures_part(plan: ExperimentPlan, found: Found) -> dict[str, Any]:
    rows = list(picture_rows(plan, found))
    return {
        "rule": words.picture_rule(plan.recipe, found),
        "rows": rows,
        "without_masks": list(dict.fromkeys(arm for row in rows for arm in row.without_masks)),
        "classes": [(name, colour_of(value)) for value, name in enumerate(found.classes)],
        "wrong": [
            ("right", RIGHT),
            ("missed (background instead)", MISSED),
            ("seen in the background", FALSE),
            ("one class instead of another", CONFUSED),
            ("no label", NO_LABEL),
        ],
    }


def _remarks(run: ArmRun) -> Iterator[str]:
    """Why a figure is missing, and which files were left out."""
    lines = [f"{name}: {why}" for name, why in run.reasons.items() if name != INTERVAL]
    lines += [f"left out: {fault}" for fault in run.faults]
    yield from (f"{run.arm}, seed {run.seed}: {line}" for line in lines)


def _bars(
    figures: ExperimentFigures, same: Mapping[tuple[str, str], ModelDifference | None]
) -> tuple[list[Bar], list[Mark]]:
    """The differences, largest first, and the marks of their common axis."""
    if not figures.differences:
        return [], []
    ends = [0.0]
    for one in figures.differences:
        ends += [one.difference.mean, *_drawn(one)]
    axis = padded_axis(ends, BAR_MARGIN, BAR_WIDTH - BAR_MARGIN)
    bars = []
    for one in sorted(figures.differences, key=lambda one: -one.difference.mean):
        low, high = _drawn(one)
        whisker = Whisker(
            at_px=axis.px(0),
            low_px=axis.px(low),
            mean_px=axis.px(one.difference.mean),
            high_px=axis.px(high),
            css=CSS[one.verdict],
        )
        on_images = same.get((one.arm, one.other))
        bars.append(
            Bar(
                one=one,
                text=words.difference_text(one.difference),
                css=CSS[one.verdict],
                whisker=whisker,
                same_images=on_images.words if on_images and on_images.interval else "",
            )
        )
    return bars, [Mark(px=axis.px(tick), text=signed(tick)) for tick in axis.ticks()]


def _drawn(one: ArmDifference) -> tuple[float, float]:
    """The interval as it is drawn: that of two pairs is longer than any plot."""
    ends, mean = one.difference.interval, one.difference.mean
    return (mean, mean) if ends is None or one.difference.n < MIN_PAIRS else ends


def _same_images(plan: ExperimentPlan, found: Found, one: ArmDifference) -> ModelDifference | None:
    """Both models of the first seed that both have, image by image."""
    seeds = [{run.seed for run in found.runs if run.arm == arm} for arm in (one.arm, one.other)]
    both = seeds[0] & seeds[1]
    if not both:
        return None
    before = _by_image(plan, one.other, min(both))
    after = _by_image(plan, one.arm, min(both))
    return model_difference(before, after, np.random.default_rng(BOOTSTRAP_SEED))


def _by_image(plan: ExperimentPlan, arm: str, seed: int) -> Sequence[MeasuredImage]:
    """What the model did on each test image; nothing where its run folder was deleted since."""
    try:
        test = plan.folder.predict(arm, seed).read_result(PredictResult).test
    except RunFailed:
        return ()
    return test.by_image if test else ()


def _dots(choice: Choice) -> list[Dot]:
    names = list(choice.map.places)
    rows = {name: row for row, name in enumerate(names)}
    places = np.array([choice.map.places[name] for name in names], np.float32).reshape(-1, 2)
    picks = [rows[name] for name in choice.labeled if name in rows]
    test = {rows[name] for name in choice.test if name in rows}
    return map_dots(places, picks, test) if names else []


def _figures_json(figures: ExperimentFigures) -> dict[str, Any]:
    """Without the runs, which stand beside it."""
    content = dataclasses.asdict(figures)
    for arm in content["arms"]:
        arm["seeds"] = [run.seed for run in arm.pop("runs")]
    return content

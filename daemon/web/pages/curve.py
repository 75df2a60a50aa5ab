"""The learning curve: how good, how much a further batch would add, and is it worth it. With CSV,
and SVG and PNG where matplotlib is installed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.util import find_spec

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue

from daemon.domain import Stage
from daemon.insight.annotator_agreement import AnnotatorAgreement, PersonOnGold
from daemon.insight.curve import Line, ServingModel
from daemon.insight.curve_groups import CurveGroup, ShownGroup
from daemon.insight.outlook import Foretold, Outlook, outlook, summary
from daemon.insight.people_time import PeopleTime, time_words
from daemon.insight.simulated_curves import SimulatedCurves, saving_words
from daemon.insight.view_model import Count, ViewModel
from daemon.status.model import Status
from daemon.web.curve_facts import CurveFacts, read_curve_facts
from daemon.web.curve_files import csv_text, picture
from daemon.web.gold_people import read_gold_people
from daemon.web.page import Page, Sources

PICTURES = {"svg": "image/svg+xml", "png": "image/png"}
NOTHING = CurveFacts()
LONGEST_GROUP = 200  # characters of the name of a group in an address


class CurveView(ViewModel):
    """The learning curve, and where it goes from here."""

    lines: tuple[Line, ...]
    """mIoU first, then the test mIoU where there is one, then each class; of the images of `group`
    alone, where there is one."""
    group: ShownGroup | None
    """The group of validation images whose curve `lines` are (?group=NAME); null for all images."""
    groups: tuple[CurveGroup, ...]
    """The groups that may be asked for, the largest first; empty without [validation] group_by."""
    people_time: tuple[PeopleTime, ...]
    """How long people had worked when each training began, by cycle."""
    time_words: str
    """What those minutes leave out, or why there are none."""
    simulation: SimulatedCurves | None
    """The simulation that is shown beside the curve (`maskloop curve`); null without one."""
    simulation_fault: str
    """Why a simulation that was kept is not shown; "" where it is, or there is none."""
    newest: ServingModel | None
    """The newest measured model that serves; null before any."""
    spent: Count
    """Labels now, validation included."""
    budget: Count
    """Labels that may be asked for in all, without those that went to second labels."""
    summary: str
    """The curve in one sentence."""
    outlook: Outlook
    """The forecast of the mIoU, with 80 % intervals."""
    labels_saved: str
    """Labels saved against a random choice, or why that is not known."""
    agreement: AnnotatorAgreement
    """How well two people agree: a model can hardly be expected to repeat labels better."""
    gold: tuple[PersonOnGold, ...]
    """Each person against the ground truth of others; empty for those who may not see names."""

    @property
    def band(self) -> tuple[Foretold, ...]:
        """The forecast of the curve that is shown; none for a group."""
        return () if self.group else self.outlook.band

    @property
    def minutes(self) -> Mapping[int, float]:
        """Cycle -> minutes of people until its training began, where they are known."""
        return {one.cycle: one.minutes for one in self.people_time if one.minutes is not None}

    @property
    def group_name(self) -> str:
        """The group that is shown; "" for all images."""
        return self.group.name if self.group else ""


def view_at(status: Status, now: datetime, facts: CurveFacts = NOTHING) -> CurveView:
    """The page at one moment. Pure."""
    ahead = curve_outlook(status, now)
    return CurveView(
        lines=facts.lines or status.curve,
        group=facts.group,
        groups=facts.groups,
        people_time=facts.times,
        time_words=time_words(facts.times),
        simulation=facts.simulation,
        simulation_fault=facts.simulation_fault,
        newest=status.newest,
        spent=status.labels.spent,
        budget=max(0, status.labels.total - status.labels.second),
        summary=summary(ahead, status.curve[0]),
        outlook=ahead,
        labels_saved=saving_words(facts.simulation, facts.strategy),
        agreement=status.agreement,
        gold=(),
    )


def curve_outlook(status: Status, now: datetime) -> Outlook:
    """Where the mIoU goes from here. Pure."""
    return outlook(
        status.curve[0],
        status.newest,
        spent=status.labels.spent,
        batch=next_batch(status),
        starts=_training_starts(status),
        now=now,
    )


def next_batch(status: Status) -> int:
    """Images of the next batch: as many as the newest trained cycle had more than the one before;
    of the newest batch, where there is but one."""
    labels = sorted({point.labels for point in status.evaluations})
    if len(labels) > 1:
        return labels[-1] - labels[-2]
    return status.batch.asked if status.batch else 1


def _training_starts(status: Status) -> list[tuple[datetime, int]]:
    """When each training began, and with how many labels."""
    labels = {point.cycle: point.labels for point in status.evaluations}
    return [
        (datetime.fromisoformat(time.started_at), labels[time.cycle])
        for time in status.stages
        if time.stage is Stage.TRAIN and time.cycle in labels
    ]


def build(sources: Sources) -> CurveView:
    """The page in this hour: then its JSON changes when something else does."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    group = request.args.get("group", "")[:LONGEST_GROUP]
    found = view_at(sources.read_status(), hour, read_curve_facts(sources, group))
    return found.model_copy(update={"gold": read_gold_people(sources)})


def draws_pictures() -> bool:
    """Whether matplotlib is installed, which Maskloop itself does not need."""
    return find_spec("matplotlib") is not None


def routes(routes: Blueprint, sources: Sources) -> None:
    """The curve as files."""

    @routes.get("/curve.csv")
    def table() -> ResponseReturnValue:
        found = build(sources)
        text = csv_text(found.lines, found.band, found.minutes, found.group_name)
        return _download(text, "text/csv", "csv")

    @routes.get("/curve.<any(svg, png):kind>")
    def drawing(kind: str) -> ResponseReturnValue:
        if not draws_pictures():
            words = "matplotlib is not installed: install it beside Maskloop, or take /curve.csv"
            abort(404, words)
        found = build(sources)
        return _download(picture(found.lines, found.band, kind), PICTURES[kind], kind)

    @routes.app_template_global("curve_pictures")
    def kinds() -> tuple[str, ...]:
        return tuple(PICTURES) if draws_pictures() else ()


def _download(content: str | bytes, mimetype: str, kind: str) -> Response:
    response = Response(content, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="learning-curve.{kind}"'
    return response


PAGE = Page(
    name="curve",
    title="Curve",
    template="curve.html",
    model=CurveView,
    build=build,
    routes=routes,
)

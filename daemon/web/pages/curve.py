"""The learning curve: how good, how much a further batch would add, and is it worth it. With CSV,
and SVG and PNG where matplotlib is installed."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from daemon.domain import Stage
from daemon.insight.annotator_agreement import AnnotatorAgreement
from daemon.insight.curve import Line, ServingModel
from daemon.insight.outlook import Outlook, outlook, summary
from daemon.insight.view_model import Count, ViewModel
from daemon.status.model import Status
from daemon.web.curve_files import csv_text, picture
from daemon.web.page import Page, Sources

PICTURES = {"svg": "image/svg+xml", "png": "image/png"}
SAVED = (
    "Not measured. It takes trainings on as many labels drawn at random from the same images, "
    "which `maskloop simulate` does on a labeled data set: this curve alone cannot tell it."
)


class CurveView(ViewModel):
    """The learning curve, and where it goes from here."""

    lines: tuple[Line, ...]
    """mIoU first, then the test mIoU where there is one, then each class."""
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


def view_at(status: Status, now: datetime) -> CurveView:
    """The page at one moment. Pure."""
    ahead = curve_outlook(status, now)
    return CurveView(
        lines=status.curve,
        newest=status.newest,
        spent=status.labels.spent,
        budget=max(0, status.labels.total - status.labels.second),
        summary=summary(ahead, status.curve[0]),
        outlook=ahead,
        labels_saved=SAVED,
        agreement=status.agreement,
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
    return view_at(sources.read_status(), hour)


def draws_pictures() -> bool:
    """Whether matplotlib is installed, which Maskloop itself does not need."""
    return find_spec("matplotlib") is not None


def routes(routes: Blueprint, sources: Sources) -> None:
    """The curve as files."""

    @routes.get("/curve.csv")
    def table() -> ResponseReturnValue:
        found = build(sources)
        return _download(csv_text(found.lines, found.outlook), "text/csv", "csv")

    @routes.get("/curve.<any(svg, png):kind>")
    def drawing(kind: str) -> ResponseReturnValue:
        if not draws_pictures():
            words = "matplotlib is not installed: install it beside Maskloop, or take /curve.csv\n"
            return Response(words, status=404, mimetype="text/plain")
        found = build(sources)
        return _download(picture(found.lines, found.outlook, kind), PICTURES[kind], kind)

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

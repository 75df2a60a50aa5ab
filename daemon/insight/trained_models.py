"""The trained models of a loop: which serves, what the gate said, which is the best. Pure."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from daemon.domain import CurvePoint, Evaluation
from daemon.domain.models import GateVerdict, JudgedModel, ModelNote
from daemon.insight.missing_figures import interval_words, remarks
from daemon.insight.view_model import Count, Seconds, Share, Timestamp, ViewModel


class ModelState(enum.StrEnum):
    """What becomes of a model."""

    SERVES = "serves"  # it scores the pool and draws the masks
    SERVES_NEXT = "serves_next"  # it was chosen, and serves from the next cycle on
    ASKS = "asks"  # a class fell: somebody has to approve it
    REFUSED = "refused"  # it was clearly worse
    HELD = "held"  # it asked, and the next model came before an answer
    EARLIER = "earlier"  # it served before


class NoteText(ViewModel):
    """A note on a model."""

    at: Timestamp
    """When it was written."""
    text: str
    """What it says."""
    author: str
    """Who wrote it, by what they may do: "a lead". Never the name of a person."""


class TrainedModel(ViewModel):
    """The model that a cycle trained."""

    cycle: Count
    """The cycle."""
    labels: Count
    """Labeled images when its training began, validation included."""
    miou: Share | None
    """mIoU on the validation images; null where it was not measured."""
    interval: tuple[Share, Share] | None
    """95 % interval of `miou`; null where there is none."""
    interval_words: str
    """What the interval was computed from, or why there is none."""
    remarks: tuple[str, ...]
    """What has to be shown beside `miou`."""
    iou: Mapping[str, Share | None]
    """Class name -> IoU on the validation images."""
    seconds: Seconds | None
    """Duration of the training, s."""
    state: ModelState
    """What becomes of it."""
    best: bool
    """Whether no other model has a higher `miou`."""
    kept: bool
    """Whether its checkpoint is kept."""
    verdict_words: str
    """What the gate said, as a sentence; "" for a model that serves as usual."""
    approved_at: Timestamp | None
    """When somebody approved it; null where nobody did."""
    approved_by: str | None
    """Who approved it, by what they may do; null where nobody did."""
    notes: tuple[NoteText, ...]
    """Notes on it, oldest first."""
    pictures: bool
    """Whether its masks of validation images are kept."""
    history: str
    """Changes when the history of its training does; "" where there is none."""


def trained_models(
    points: Sequence[CurvePoint],
    judged: Mapping[int, JudgedModel],
    notes: Sequence[ModelNote],
    *,
    scoring: int | None,
    next_serving: int | None,
    refused: Collection[int],
    kept: Collection[int],
    pictures: Collection[int],
    histories: Mapping[int, str],
) -> tuple[TrainedModel, ...]:
    """The models, newest first.

    scoring: the cycle whose model scores and draws now. next_serving: the one that goes on after
    the newest cycle. refused: cycles whose model never served. kept: cycles whose checkpoint is
    there. pictures: whose masks of validation images are. histories: cycle -> stamp of its history.
    """
    figures = [p.validation.miou for p in points if p.validation and p.validation.miou is not None]
    best, newest = max(figures, default=None), max(judged, default=0)
    rows = []
    for point in sorted(points, key=lambda point: -point.cycle):
        cycle, verdict = point.cycle, judged.get(point.cycle)
        rows.append(
            TrainedModel(
                cycle=cycle,
                labels=point.labels,
                seconds=point.seconds,
                state=_state(cycle, verdict, newest, scoring, next_serving, refused),
                kept=cycle in kept,
                verdict_words=verdict.words if verdict else "",
                approved_at=_stamp(verdict),
                approved_by=verdict.approved_by if verdict else None,
                notes=_notes(notes, cycle),
                pictures=cycle in pictures,
                history=histories.get(cycle, ""),
                **_figures(point.validation, best),
            )
        )
    return tuple(rows)


def _figures(found: Evaluation | None, best: float | None) -> dict[str, Any]:
    """The fields of a model that were measured."""
    if found is None:
        return {
            "miou": None, "interval": None, "interval_words": "", "remarks": (), "iou": {},
            "best": False,
        }  # fmt: skip
    return {
        "miou": found.miou,
        "interval": found.miou_interval,
        "interval_words": interval_words(found),
        "remarks": tuple(remarks(found)),
        "iou": found.iou,
        "best": found.miou is not None and found.miou == best,
    }


def _notes(notes: Sequence[ModelNote], cycle: int) -> tuple[NoteText, ...]:
    own = (note for note in notes if note.cycle == cycle)
    return tuple(
        NoteText(at=note.at.isoformat(), text=note.text, author=note.author) for note in own
    )


def _state(
    cycle: int,
    verdict: JudgedModel | None,
    newest: int,
    scoring: int | None,
    next_serving: int | None,
    refused: Collection[int],
) -> ModelState:
    if cycle == scoring:
        return ModelState.SERVES
    if cycle == next_serving:
        return ModelState.SERVES_NEXT
    if verdict is not None and verdict.verdict is GateVerdict.ASKED:
        if verdict.approved_at is not None:
            return ModelState.EARLIER
        return ModelState.ASKS if cycle == newest else ModelState.HELD
    return ModelState.REFUSED if cycle in refused else ModelState.EARLIER


def _stamp(verdict: JudgedModel | None) -> str | None:
    if verdict is None or verdict.approved_at is None:
        return None
    return verdict.approved_at.isoformat()

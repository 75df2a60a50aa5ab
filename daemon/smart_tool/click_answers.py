"""Answers of the smart tool: from a request of Label Studio to the region that it suggests.

Every request gets a valid answer, at worst one without a region; why is counted for the page.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from connectors.label_studio.label_config import LabelConfig, parse
from connectors.label_studio.ml_backend import (
    ClickedObject,
    Point,
    PredictRequest,
    clicked_object,
    read_predict,
)
from connectors.label_studio.smart_regions import (
    NOTHING_TO_STORE,
    Inside,
    mean_probability,
    no_region,
    object_mask,
    one_region,
    region_id,
    suggested_region,
)
from connectors.unreadable import UnreadableValue
from daemon.clicks.click import Click, ObjectProbability
from daemon.domain import Fault, Image
from daemon.domain.errors import ImageRefused
from daemon.insight.smart_tool_figures import SmartToolFigures, SmartToolTally
from daemon.pixels import Picture
from daemon.smart_tool.clicked_images import ClickedImages, Prior
from daemon.smart_tool.continued_sessions import ContinuedSessions
from daemon.smart_tool.decoded_pictures import DecodedPictures
from daemon.smart_tool.kept_suggestions import KeptSuggestions

log = logging.getLogger(__name__)

VERSION = "maskloop-smart-tool"  # never the version of a prediction: it must not enter the order


@dataclass(frozen=True, kw_only=True)
class AskedObject:
    """What an engine needs. clicks: at least one of them positive, all within the picture. label:
    name of the class; "" where none is asked for."""

    image: Image
    picture: Picture
    clicks: tuple[Click, ...]
    prior: Prior | None
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class FoundObject:
    """The object. engine: which found it. fell_back: whether another one was wanted."""

    probability: ObjectProbability
    engine: str
    fell_back: bool = False


class FindsObjects(Protocol):
    """The engines behind one method."""

    def find(self, asked: AskedObject) -> FoundObject:
        """The object that the clicks mean. Thread-safe."""


class _NoMaskError(Exception):
    """Why there is no mask, in a few words."""


class ClickAnswers:
    """The smart tool of one project. pictures: decoded ones.

    project: its number. secret: Label Studio's password. images: of the store. engines: which find
    objects. suggestions: where the newest of each session is kept. seconds: a monotonic clock.
    continues: whether a lone click near the last object of a task may go on with that object.
    """

    def __init__(
        self,
        *,
        project: int,
        secret: str,
        images: ClickedImages,
        engines: FindsObjects,
        suggestions: KeptSuggestions,
        seconds: Callable[[], float],
        continues: bool = False,
    ) -> None:
        self.secret = secret
        self._project, self._images, self._engines = project, images, engines
        self._suggestions = suggestions
        self._sessions = ContinuedSessions() if continues else None
        self.pictures, self._tally, self._seconds = DecodedPictures(), SmartToolTally(), seconds
        self._newest_s = seconds()

    def figures(self) -> SmartToolFigures:
        """What became of the clicks so far."""
        return self._tally.figures()

    def idle_s(self) -> float:
        """Seconds since the newest request."""
        return self._seconds() - self._newest_s

    def setup(self) -> Mapping[str, Any]:
        """The answer to `/setup`, whose content nobody needs: it holds a token."""
        return {"model_version": VERSION}

    def predict(self, content: bytes) -> Mapping[str, Any]:
        """The answer to a `/predict` request."""
        started = self._newest_s = self._seconds()
        try:
            request = _read(content)
            if request.entries is None:
                return NOTHING_TO_STORE
            return self._answer(request, _label_config(request), started)
        except _NoMaskError as exc:
            self._tally.count_nothing(str(exc))
        except Exception:
            log.warning("the smart tool could not answer a click", exc_info=True)
            self._tally.count_nothing("a fault of Maskloop, see its log")
        return no_region(VERSION)

    def _answer(
        self, request: PredictRequest, config: LabelConfig, started: float
    ) -> Mapping[str, Any]:
        clicked = clicked_object(request)
        if clicked is None:
            raise _NoMaskError("no positive click" if request.entries else "no click")
        self._count_newest(clicked)
        if clicked.label not in config.labels:
            raise _NoMaskError("a label that no mask tag has")
        if request.project != self._project:
            raise _NoMaskError("another project")
        task = request.tasks[0]
        image, picture = self._picture(task)
        size = (image.height_px, image.width_px)
        clicked, name = self._continued(request, clicked, size, started)
        prior = self._images.prior(image, f"{task} {clicked.session}")
        asked = AskedObject(
            image=image,
            picture=picture,
            clicks=clicked.clicks(*size),
            prior=prior,
            label=clicked.label,
        )
        found = self._engines.find(asked)
        inside = object_mask(found.probability, size, clicked.box(*size))
        region = suggested_region(
            inside,
            id=name,
            label=clicked.label,
            control=config.control,
            score=mean_probability(found.probability),
            note=_note(found, prior),
        )
        if region is None:
            raise _NoMaskError("no pixel found")
        self._remember(task, clicked, name, inside, started)
        seconds = self._seconds() - started
        self._tally.count_mask(found.engine, seconds, fell_back=found.fell_back)
        return one_region(VERSION, region)

    def _continued(
        self, request: PredictRequest, clicked: ClickedObject, size: tuple[int, int], now_s: float
    ) -> tuple[ClickedObject, str]:
        """The clicks of the object, and the id of its region."""
        if self._sessions is not None:
            last = self._sessions.continued(request, clicked, size, now_s)
            if last is not None:
                return last.clicked, last.region
        return clicked, region_id(request.tasks[0], clicked.session, request.region_ids)

    def _remember(
        self, task: int, clicked: ClickedObject, region: str, inside: Inside, now_s: float
    ) -> None:
        session, label = clicked.session, clicked.label
        self._suggestions.keep(
            task=task, session=session, region=region, label=label, inside=inside
        )
        if self._sessions is not None:
            self._sessions.remember(task, clicked, region, inside, now_s)

    def _picture(self, task: int) -> tuple[Image, Picture]:
        image = self._images.of_task(task)
        if image is None:
            raise _NoMaskError("a task that the daemon does not know")
        try:
            return image, self.pictures.picture(image)
        except ImageRefused as exc:
            self._tally.note_unreadable(image.name)
            raise _NoMaskError("an image that cannot be read") from exc

    def _count_newest(self, clicked: ClickedObject) -> None:
        newest = clicked.entries[-1]
        self._tally.count_click(positive=not isinstance(newest, Point) or newest.positive)


def _read(content: bytes) -> PredictRequest:
    try:
        return read_predict(json.loads(content))
    except (UnreadableValue, ValueError, RecursionError) as exc:
        raise _NoMaskError("a request that cannot be read") from exc


def _label_config(request: PredictRequest) -> LabelConfig:
    found = _parsed_config(request.label_config)
    if isinstance(found, Fault):
        raise _NoMaskError("a label config without masks")
    return found


@lru_cache(maxsize=8)
def _parsed_config(text: str) -> LabelConfig | Fault:
    return parse(text)


def _note(found: FoundObject, prior: Prior | None) -> str:
    model = "" if prior is None else f", model of cycle {prior.cycle}"
    return f"{found.engine}{model}"

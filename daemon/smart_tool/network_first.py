"""The click network or SAM in a worker, where it is there and in time; else the walks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol

from daemon.domain.errors import RunFailed
from daemon.runs.click_worker_messages import WorkerAnswer, WorkerQuestion
from daemon.smart_tool.click_answers import AskedObject, FindsObjects, FoundObject
from daemon.smart_tool.click_worker_process import NoAnswerError

NAME = "click_net"


class AsksWorker(Protocol):
    """The worker with the network; raises NoAnswerError."""

    def ask(self, question: WorkerQuestion, deadline_s: float) -> WorkerAnswer:
        """The answer, within the deadline."""


class NetworkFirst:
    """Asks the worker, and `otherwise` where it gives no answer within the deadline.

    name: of the worker's engine. usual_areas_px: class name -> median area of its objects.
    """

    def __init__(
        self,
        worker: AsksWorker,
        otherwise: FindsObjects,
        deadline_s: float,
        name: str = NAME,
        usual_areas_px: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self._worker, self._otherwise, self._deadline_s = worker, otherwise, deadline_s
        self._name, self._usual_areas_px = name, usual_areas_px

    def find(self, asked: AskedObject) -> FoundObject:
        """The object that the clicks mean."""
        try:
            answer = self._worker.ask(self._question(asked), self._deadline_s)
            return FoundObject(probability=answer.object_probability(), engine=self._name)
        except NoAnswerError as exc:
            return replace(self._otherwise.find(asked), fell_back=exc.is_wanted)
        except RunFailed:
            return replace(self._otherwise.find(asked), fell_back=True)

    def prepare(self, asked: AskedObject) -> bool:
        """Let the worker decode a picture before somebody clicks on it; whether it did."""
        try:
            self._worker.ask(self._question(asked), self._deadline_s)
        except NoAnswerError:
            return False
        return True

    def _question(self, asked: AskedObject) -> WorkerQuestion:
        return WorkerQuestion(
            id="",
            image=asked.image.path.absolute(),
            clicks=tuple((click.x, click.y, click.positive) for click in asked.clicks),
            prior=None if asked.prior is None else asked.prior.path.absolute(),
            usual_area_px=self._usual_areas_px.get(asked.label),
        )

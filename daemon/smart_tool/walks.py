"""The engines in this process: prior_walk, and colour_walk where no model knows the image."""

from __future__ import annotations

from daemon.clicks.click import ClickEngine, ClickQuestion
from daemon.clicks.click_replay import ClickSource, ReplayedClicks
from daemon.clicks.walk_engines import PriorWalk, colour_walk
from daemon.smart_tool.click_answers import AskedObject, FoundObject


class Walks:
    """Finds objects by random walks. Thread-safe. with_prior: whether the model's view counts."""

    def __init__(self, *, with_prior: bool = True) -> None:
        self._with_prior = with_prior
        self._prior_walk: ClickEngine = PriorWalk()
        self._colour_walk: ClickEngine = colour_walk()
        self._replayed = ReplayedClicks()

    def find(self, asked: AskedObject) -> FoundObject:
        """The object that the clicks mean."""
        prior = asked.prior if self._with_prior else None
        engine = self._colour_walk if prior is None else self._prior_walk
        question = ClickQuestion(
            image=asked.picture, clicks=asked.clicks, prior=None if prior is None else prior.map
        )
        source = ClickSource(image=asked.image.sha256, model="" if prior is None else prior.version)
        found = self._replayed.answer(engine, source, question)
        return FoundObject(probability=found.probability, engine=engine.name)

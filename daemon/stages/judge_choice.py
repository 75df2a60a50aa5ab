"""Which model judges which label. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from daemon.domain import Image
from daemon.stages.label_judges import Judge


@dataclass(frozen=True, kw_only=True)
class JudgeChoice:
    """kept: models that served, the one in service first. folds: the fold models, if there are any.
    judged_until: the newest cycle whose fold models have judged labels. done: ids of the images
    whose label an independent model judged before."""

    kept: Sequence[Judge]
    folds: Sequence[Judge]
    judged_until: int
    done: frozenset[int]

    def parts(self, images: Iterable[Image]) -> tuple[list[tuple[Judge, list[Image]]], list[Image]]:
        """Each model with the images whose label it judges; and the images that every model has
        seen and none has ever judged."""
        found: list[tuple[Judge, list[Image]]] = [(one, []) for one in (*self.kept, *self.folds)]
        left = []
        for image in images:
            judge = self._judge_of(image)
            if judge is not None:
                next(judged for one, judged in found if one is judge).append(image)
            elif image.id not in self.done:
                left.append(image)
        return found, left

    def _judge_of(self, image: Image) -> Judge | None:
        """A label that the model in service has not learned from is judged by that. Another one is
        judged by an older kept model at first, whose masks annotators may have begun with, and from
        then on by each new model of the other fold, whose findings replace the earlier ones."""
        kept = next((one for one in self.kept if not one.has_seen(image)), None)
        fold = next((one for one in self.folds if not one.has_seen(image)), None)
        if kept is self.kept[0] or fold is None:
            return kept
        if image.id in self.done:
            return fold if fold.cycle > self.judged_until else None
        return kept or fold

"""A team whose anna has labeled some images, one of them suspiciously, and its stage of reviews."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from daemon.domain import Mask
from daemon.domain.errors import OutcomeUnknown
from daemon.domain.label_findings import Finding, FindingType
from daemon.loop.service import Ticker
from daemon.stages import push
from daemon.stages.context import Context
from daemon.stages.reviews import advance_reviews
from daemon.stages.sync import close_tasks, sync_answers
from daemon.stages.tool_settings import repair_tool_settings
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.integration.team import Team

CROP, WEED = 1, 2


class Reviewed:
    """anna has answered three images, cleo one; an audit found a crop of `image` that is a weed."""

    def __init__(
        self, team: Team, share: float = 0.25, people: tuple[str, ...] = ("cleo",)
    ) -> None:
        self.team, self.labeling = team, team.server.labeling
        self.use(review_share=share)
        team.until("8 images wait")
        for name in (*people, "anna", "anna", "anna"):
            assert team.answer(name)
        self.stage(_read)
        self.stage(lambda context: push.rerank(context, 0))
        own = [
            row for row in self.labeling.annotations.values() if row["completed_by"] == self._anna
        ]
        self.task = own[0]["task"]
        with self.store() as store:
            tasks = store.label_tasks(store.labeled_ids())
            self.image = next(image for image, task in tasks.items() if task == str(self.task))
            self.label = mask_of(store.label_png(self.image))
            found = finding(self.image, self.label)
            store.keep_findings(0, store.label_ids([self.image]), [], [found], team.now())

    @property
    def _anna(self) -> int:
        return list(self.team.server.people).index("anna@example.org") + 1

    def use(self, **settings: Any) -> None:
        audit = self.team.config.audit.model_copy(update=settings)
        self.team.config = self.team.config.model_copy(update={"audit": audit})

    def store(self) -> Store:
        return Store(self.team.config.state / FILE)

    def stage(self, work: Callable[[Context], Any]) -> None:
        team = self.team
        with self.store() as store:
            work(
                Context(
                    config=team.config,
                    store=store,
                    connector=team.connector,
                    launcher=ForkLauncher(),
                    now=team.now,
                )
            )

    def tick(self) -> None:
        """What a tick does that concerns reviews."""
        self.stage(_read)
        self.stage(repair_tool_settings)
        self.stage(advance_reviews)

    def daemon(self) -> Ticker:
        """A daemon with the settings of now."""
        team = self.team
        return Ticker(team.config, team.connector, ForkLauncher(), team.now, None)

    def tick_that_fails(self) -> None:
        """The same, where the labeling tool does not answer."""
        with pytest.raises(OutcomeUnknown):
            self.tick()

    def with_weed(self) -> Mask:
        """The label as the model would have it."""
        changed = self.label.copy()
        changed[changed == CROP] = WEED
        return changed


def _read(context: Context) -> None:
    sync_answers(context)
    close_tasks(context)


def mask_of(png: bytes) -> Mask:
    return np.asarray(Image.open(io.BytesIO(png)))


def finding(image: int, label: Mask) -> Finding:
    """The crop of this label is a weed, says an audit."""
    rows, columns = ndimage.find_objects((label == CROP).astype(int))[0]
    return Finding(
        image_id=image,
        type=FindingType.SWAP,
        labeled="crop",
        proposed="weed",
        box_yxyx=(rows.start, columns.start, rows.stop, columns.stop),
        area_px=int((label == CROP).sum()),
        score=2.0,
        expected_precision=0.8,
        reason="Labeled crop; the model sees weed here.",
    )

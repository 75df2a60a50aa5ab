"""A person in a real browser: corrects a prediction with the brush, and submits over a re-rank."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from selenium.webdriver import Chrome

from connectors.label_studio.provenance import SourcePrediction
from daemon.config.loading import Config
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.domain import Label, Mask, Stage
from daemon.launchers.local import LocalLauncher
from daemon.stages.context import Context
from daemon.stages.sync import sync_answers
from daemon.store import FILE, Store
from daemon.store.labels import encode_png
from tests.browser.drawing_page import DrawingPage
from tests.contract.rigs import LabelStudioRig, Server, folder_source_rig
from tests.fakes.versions import version
from tests.live.live_server import MakeUser

pytestmark = [pytest.mark.live, pytest.mark.browser]

SIZE = (240, 320)
CROP, WEED = 1, 2


@pytest.fixture
def tool(label_studio: LabelStudioServer, annotator: MakeUser) -> Iterator[LabelStudioRig]:
    files = Path(label_studio.folder) / "files"
    token = label_studio.credentials.token
    with Server(label_studio.url, token, files, annotator) as server:
        yield folder_source_rig(server, SIZE)


class Work:
    """The daemon's store, with the images of the tool and the masks that a model predicted."""

    def __init__(self, home: Path, tool: LabelStudioRig, predicted: Mask) -> None:
        self._tool, self._config = tool, Config(home=home)
        self._config.state.mkdir()
        with self._opened() as context:
            for image in tool.images.values():
                context.store.add_image(image, None)
            self.ids = {image.key: image.id for image in context.store.images()}
            for image_id in self.ids.values():
                file = context.run(1, Stage.PREDICT).mask(image_id)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(encode_png(predicted))

    def labels(self) -> dict[str, tuple[Mask, Label]]:
        """What the daemon reads: the mask and its author, by image."""
        with self._opened() as context:
            sync_answers(context)
            assert context.store.quarantined() == []
            rows = context.store.labels()
            return {
                key: (_pixels(context.store.label_png(number)), rows[number])
                for key, number in self.ids.items()
                if number in rows
            }

    def effort(self, key: str) -> float:
        """The share of the pixels of the prediction that was changed."""
        with Store(self._config.state / FILE, read_only=True) as store:
            sql = "SELECT changed_share FROM annotations WHERE image_id = ?"
            return float(store._rows(sql, self.ids[key])[0]["changed_share"])

    @contextmanager
    def _opened(self) -> Iterator[Context]:
        with Store(self._config.state / FILE) as store:
            yield Context(
                config=self._config,
                store=store,
                connector=self._tool.connector,
                launcher=LocalLauncher(),
                now=lambda: datetime.now(UTC),
            )


def _pixels(png: bytes) -> Mask:
    with Picture.open(io.BytesIO(png)) as picture:
        return np.asarray(picture)


def test_a_stroke_on_a_prediction_and_a_submit_over_a_rerank_arrive_as_the_right_masks(
    label_studio: LabelStudioServer, tool: LabelStudioRig, browser: Chrome, tmp_path: Path
) -> None:
    predicted = np.zeros(SIZE, np.uint8)
    predicted[20:60, 20:80] = CROP
    predicted[200:220, 20:60] = WEED
    work = Work(tmp_path, tool, predicted)
    asks = tool.asks(tool.keys[:3], dict.fromkeys(tool.keys, predicted))
    tasks = tool.connector.push(asks, "push-1", version(1, 0))
    asks = [replace(ask, task=tasks[ask.image.id]) for ask in asks]
    tool.connector.rerank(version(1, 0), asks)
    page = DrawingPage(browser, label_studio)

    page.sign_in()
    page.label_all_tasks(tool.project)
    page.reads("image 0")  # the reason stands above the picture
    page.wait(lambda: page.regions() == 2)
    page.choose(1)
    page.stroke((0.5, 0.75), (0.9, 0.75))
    page.submit()
    page.reads("image 1")
    page.wait(lambda: page.regions() == 2)
    drawn, author = page.wait(lambda: work.labels().get(tool.keys[0])) or (predicted, {})

    turned = [replace(ask, position=3 - ask.position) for ask in asks]
    tool.connector.rerank(version(1, 1), turned)  # while the tab shows image 1
    page.submit()
    page.reads("image 2")
    over, untouched = page.wait(lambda: work.labels().get(tool.keys[1])) or (drawn, author)

    stroke = drawn != predicted
    assert drawn[180, 224] == WEED
    assert 200 < np.count_nonzero(stroke) < 10_000
    assert set(np.unique(drawn[stroke])) == {WEED}
    assert not stroke[:140].any()
    assert author.corrected
    assert work.effort(tool.keys[0]) == np.mean(stroke)
    assert np.array_equal(over, predicted)
    assert untouched.corrected is False

    # The page keeps the ids of the regions that it copies: connectors/label_studio/provenance.py.
    (shown, answer), (_, plain) = (_exchange(tool, ask.task) for ask in asks[:2])
    ids = [region["id"] for region in shown["result"]]
    assert {SourcePrediction.from_region_ids([text]) for text in ids} == {
        SourcePrediction(version=version(1, 0), regions=2)
    }
    assert [region["id"] for region in answer["result"]] == ids
    origins = [region["origin"] for region in answer["result"]]
    assert origins == ["prediction", "prediction-changed"]
    assert answer["parent_prediction"] == shown["id"]
    assert [region["origin"] for region in plain["result"]] == ["prediction", "prediction"]


def _exchange(tool: LabelStudioRig, task: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The prediction that was shown first, and the answer to it, as Label Studio keeps them."""
    found = tool.api.get(f"api/tasks/{task}/")
    (answer,) = found["annotations"]
    return next(
        row for row in found["predictions"] if row["model_version"] == version(1, 0)
    ), answer

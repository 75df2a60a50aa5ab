"""A loop with the smart tool: its predictions leave prior maps, and clicks use them."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.clicks.click import Click
from daemon.diagnostics.input_checks import smart_tool_faults
from daemon.domain import TaskState
from daemon.pixels import read_picture
from daemon.runs.predicted_masks import predict_run
from daemon.smart_tool.click_answers import AskedObject
from daemon.smart_tool.clicked_images import ClickedImages
from daemon.smart_tool.walks import Walks
from daemon.store import FILE, Store
from tests.integration.workbench import configured, paint, ticker


@pytest.mark.parametrize("enabled", [True, False])
def test_a_click_on_an_open_image_knows_what_the_model_sees(tmp_path: Path, enabled: bool) -> None:
    paint(tmp_path)
    config = configured(tmp_path, smart_tool={"enabled": enabled})
    daemon = ticker(config, cycle_limit=1)
    while (outcome := daemon.tick()).running or not predict_run(
        config.state / "runs", 1
    ).finished():
        assert not outcome.failing
    with Store(config.state / FILE, read_only=True) as store:
        cycles = {task.cycle for task in store.tasks(TaskState.LABELED, TaskState.OPEN)}
        (picked, *_) = [pick.image_id for pick in store.picks(1)]
        image = store.images_of([picked])[picked]
    images = ClickedImages(config.state)

    prior = images.prior(image, "a session")

    assert 1 in cycles
    if not enabled:
        assert prior is None
        return
    assert prior is not None
    assert prior.cycle == 1
    picture = read_picture(image.path)
    clicks = (Click(x=5, y=5),)
    found = Walks().find(AskedObject(image=image, picture=picture, clicks=clicks, prior=prior))
    plain = Walks(with_prior=False).find(
        AskedObject(image=image, picture=picture, clicks=clicks, prior=prior)
    )
    assert (found.engine, plain.engine) == ("prior_walk", "colour_walk")


def test_check_says_that_clicks_need_pages_and_a_tool_that_has_them(tmp_path: Path) -> None:
    off = configured(tmp_path)
    hidden = configured(tmp_path, smart_tool={"enabled": True})
    folder = configured(tmp_path, smart_tool={"enabled": True}, web={"enabled": True})

    assert smart_tool_faults(off) == []
    assert "[web] enabled = false" in smart_tool_faults(hidden)[0]
    assert "has no clicks" in smart_tool_faults(folder)[0]

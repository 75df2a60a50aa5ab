"""Each page follows the loop while somebody looks at it, without being loaded again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from selenium import webdriver

from daemon.config.loading import Config
from daemon.domain import Annotation, TaskState
from daemon.domain.commands import AccessRole
from daemon.domain.models import ModelNote
from daemon.store import FILE, Store
from daemon.web.pages import PAGES
from tests.browser.chromium import severe, wait_for
from tests.browser.conftest import Serve
from tests.browser.visits import until_it_stands
from tests.fakes.whole_loop import Moment, whole_loop

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.timeout(1200)]

LISTEN = (
    "window.loadedOnce = true; window.renewed = false;"
    "document.addEventListener('maskloop:swapped', () => { window.renewed = true; })"
)


def somebody_works(config: Config, at: datetime) -> None:
    """An open image is labeled, a model gets a note, and a lead asks for something."""
    with Store(config.state / FILE) as store:
        task = store.tasks(TaskState.OPEN)[0]
        image = store.images_of([task.image_id])[task.image_id]
        mask = np.ones((image.height_px, image.width_px), np.uint8)
        answer = Annotation(
            id=f"late {task.id}", task=task.id, image_key=image.key, mask=mask, annotator="1",
            updated_at=at, created_at=at, lead_time_s=40.0,
        )  # fmt: skip
        store.keep_annotation(task.image_id, answer)
        store.set_task_state([task.id], TaskState.LABELED, at)
        note = ModelNote(cycle=1, at=at, author="a lead", text=f"after task {task.id}")
        store.add_model_note(note)
        store.add_command("pause", {}, asked_by="a lead on a page", role=AccessRole.LEAD, at=at)


def test_every_page_follows_the_loop(
    browser: webdriver.Chrome, serve: Serve, tmp_path: Path
) -> None:
    stale, now = [], datetime.now(UTC)
    with whole_loop(tmp_path, Moment.LABELING, now) as config:
        address = serve(config)
        for minute, page in enumerate(PAGES, start=1):
            browser.get(address + page.html_path)
            until_it_stands(browser)
            wait_for(browser, "return document.getElementById('link').textContent", "live")
            browser.execute_script(LISTEN)

            somebody_works(config, now + timedelta(minutes=minute))

            try:
                wait_for(browser, "return window.renewed && window.loadedOnce", True)
            except AssertionError:
                stale.append(page.html_path)
            assert severe(browser) == []
    assert stale == []

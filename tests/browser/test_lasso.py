"""A lasso around images of the map, in a real browser, and Label Studio hands them out next: the
fake one, and the real one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from selenium import webdriver

from daemon.config.loading import Config
from daemon.demo.web_user import WebUser
from daemon.domain import Role
from daemon.store import FILE, Store
from tests.browser.chromium import click, wait_for, write
from tests.browser.conftest import Serve, SignIn
from tests.browser.hand import lasso
from tests.browser.sent import sent
from tests.browser.visits import until_it_stands
from tests.fakes.drawn_map import write_map
from tests.integration.conftest import make_team
from tests.integration.team import Team
from tests.live.live_field import Field, field

__all__ = ["field", "make_team"]
pytestmark = [pytest.mark.browser, pytest.mark.long]

VALIDATION, WANTED = 4, 3
TITLE = "return document.getElementById('selection-title').textContent"
ANSWER = "return document.getElementById('selection-answer').textContent"


def wanted_in_the_middle(config: Config) -> list[str]:
    """Draw a map with some images in its middle that nobody was asked for, all others around them.
    Their keys, in the order of their numbers."""
    with Store(config.state / FILE, read_only=True) as store:
        keys = {image.id: image.key for image in store.images()}
        wanted = sorted(set(store.ids(Role.POOL)) - store.queried_ids())[:WANTED]
    turn = np.linspace(0, 2 * np.pi, len(keys), endpoint=False)
    radius = np.where(np.isin(sorted(keys), wanted), 0.1, 1.0)
    around = radius[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    write_map(config, "0000-embed", positions=around)
    return [keys[image_id] for image_id in wanted]


def ask_by_lasso(browser: webdriver.Chrome, config: Config, tick: Callable[[], object]) -> None:
    """Draw it, say why, and wait for the page to say what the tick has done."""
    until_it_stands(browser)
    lasso(browser, f"{TITLE} === '{WANTED} images are selected'")
    click(browser, "[data-verb=ask_next]")
    write(browser, "#reason-text", "rare weeds\n")
    assert len(sent(config, "ask_next")) == 1
    tick()
    wait_for(browser, ANSWER, f"{WANTED} images next in the queue")


def assert_handed_next(handed: list[dict[str, object]], wanted: list[str]) -> None:
    """After the validation images come those that were asked for, with the reason."""
    ours = handed[VALIDATION : VALIDATION + WANTED]
    assert [row["maskloop_key"] for row in ours] == wanted
    assert all("rare weeds" in str(row["maskloop_reason"]) for row in ours)


def test_what_a_lasso_takes_is_handed_to_annotators_next_and_in_order(
    browser: webdriver.Chrome, make_team: Callable[..., Team], serve: Serve, sign_in: SignIn
) -> None:
    team = make_team()
    team.until("8 images wait")
    wanted = wanted_in_the_middle(team.config)
    sign_in(serve(team.config), team.config, "/map")

    ask_by_lasso(browser, team.config, team.daemon.tick)

    handed = []
    while (question := team.take("ada")) is not None:
        handed.append(question.details["data"])
        team.submit("ada", question)
    assert_handed_next(handed, wanted)


@pytest.mark.live
@pytest.mark.timeout(1200)
def test_the_real_label_studio_hands_them_out_next(
    browser: webdriver.Chrome,
    field: Field,
    annotator: Callable[[str], WebUser],
    serve: Serve,
    sign_in: SignIn,
) -> None:
    field.tick()  # validation and the first batch are sent
    wanted = wanted_in_the_middle(field.config)
    sign_in(serve(field.config), field.config, "/map")

    ask_by_lasso(browser, field.config, field.tick)

    handed = []
    while (question := field.answer(annotator("ada"))) is not None:
        handed.append(question.details["data"])
    assert_handed_next(handed, wanted)

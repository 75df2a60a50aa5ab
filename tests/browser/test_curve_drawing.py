"""A real Chromium draws what stands beside the curve: minutes, groups, simulated arms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from selenium import webdriver

from daemon.experiment.simulation.curve_summary import curve_summary
from daemon.status.kept_simulation import keep_simulation
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.web.server import serving
from tests.browser.chromium import severe, wait_for
from tests.fakes.labels import annotation, image
from tests.fakes.simulations import simulation
from tests.fakes.trained_runs import START, trained_home

pytestmark = [pytest.mark.browser, pytest.mark.long]

LEGEND = "return [...document.querySelectorAll('#plot .legendtext')].map((one) => one.textContent)"
TITLE = "return document.querySelector('#plot .xtitle')?.textContent"
CHOOSE = (
    "const box = document.getElementById(arguments[0]); box.value = arguments[1];"
    "box.dispatchEvent(new Event('change', { bubbles: true }))"
)


def test_simulated_arms_lie_beside_the_curve_by_labels_and_leave_it_by_minutes(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    config = trained_home(tmp_path, 3, classes={"names": ["soil", "crop", "weed"]})
    simulated = simulation({"random": 0.0, "<b>auto": 0.05})
    now = datetime(2026, 11, 27, tzinfo=UTC)
    keep_simulation(config.state, curve_summary(simulated, np.random.default_rng(0), now))
    with Store(config.state / FILE) as store:
        store.add_image(image("1"), None)
        given = replace(annotation("1", "1"), created_at=START, updated_at=START)
        store.keep_annotation(1, replace(given, lead_time_s=90.0))
    with serving(lambda: read_status(config), read_config=lambda: config) as address:
        browser.get(f"{address}/curve")
        beside = ["random, simulated, n 6", "<b>auto, simulated, n 6"]
        full = ["all 200 labels (hrda), simulated, n 1"]
        mine, classes = "mIoU, 95 % interval", ["IoU soil", "IoU crop", "IoU weed"]
        wait_for(browser, LEGEND, [mine, *classes, "forecast, 80 % interval", *beside, *full])
        wait_for(browser, TITLE, "labeled images, validation included")

        browser.execute_script(CHOOSE, "axis", "minutes")

        wait_for(browser, TITLE, "minutes of people, as the labeling tool measured them")
        wait_for(browser, LEGEND, [mine, *classes])
        assert severe(browser) == []

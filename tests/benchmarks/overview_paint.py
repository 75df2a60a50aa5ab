"""How long the pages of a large loop take, beside those of an empty one.

    .venv/bin/python -m tests.benchmarks.overview_paint [--images 100000] [--cycles 50] [--times 7]

Prints the processor time of the server and the first contentful paint in chromium, medians. The
empty page is the overview before the first run: the same layout, the same scripts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from selenium import webdriver

from daemon.config.loading import Config
from daemon.status.snapshot import read_status
from daemon.web.app import create_app
from daemon.web.server import serving
from tests.browser.chromium import chromium
from tests.fakes.large_store import Size, large_store

PAGES = ("/", "/batch", "/batch?cycle=10", "/curve")
PAINTED = (
    "const found = performance.getEntriesByName('first-contentful-paint')[0];"
    "return found ? found.startTime : null"
)


def main() -> None:
    """Print one line a page."""
    options = argparse.ArgumentParser()
    options.add_argument("--images", type=int, default=100_000)
    options.add_argument("--cycles", type=int, default=50)
    options.add_argument("--times", type=int, default=7)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        empty = Config.model_validate({"home": Path(folder) / "empty"})
        size = Size(images=given.images, cycles=given.cycles)
        began = time.monotonic()
        large = large_store(Path(folder) / "large", size, datetime.now(UTC))
        print(f"{size.images} images, {size.cycles} cycles, {size.asked} asked: made in "
              f"{time.monotonic() - began:.1f} s")  # fmt: skip
        with chromium() as chrome:
            base = figures(chrome, empty, "/", given.times)
            print(f"empty overview      server {base[0]:6.0f} ms  first paint {base[1]:6.0f} ms")
            for page in PAGES:
                server, paint = figures(chrome, large, page, given.times)
                print(
                    f"{page:18s}  server {server:6.0f} ms  first paint {paint:6.0f} ms  "
                    f"{paint / base[1]:.1f} times the empty page"
                )


def figures(chrome: webdriver.Chrome, config: Config, page: str, times: int) -> tuple[float, float]:
    """Medians, ms: of the server's work (processor time) and of the first contentful paint."""
    client = create_app(lambda: read_status(config), read_config=lambda: config).test_client()
    client.get(page)
    answers, paints = [], []
    for _ in range(times):
        began = time.process_time()
        client.get(page)
        answers.append(1000 * (time.process_time() - began))
    with serving(lambda: read_status(config), read_config=lambda: config) as address:
        for _ in range(times):
            chrome.get("about:blank")
            chrome.get(address + page)
            paints.append(painted(chrome))
    return median(answers), median(paints)


def painted(chrome: webdriver.Chrome) -> float:
    """When the page first showed something, ms since the navigation began."""
    deadline = time.monotonic() + 30
    while (found := chrome.execute_script(PAINTED)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{chrome.current_url}: nothing was painted within 30 s")
        time.sleep(0.02)
    return float(found)


if __name__ == "__main__":
    main()

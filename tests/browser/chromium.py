"""A headless chromium that talks to this machine only, and what tests ask of it.

It draws WebGL by software, so that a map is really painted, and keeps what its console says.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

PATIENCE_S = 60.0  # reached only where something is broken
SCRIPT_S = 300.0  # the same for one script, such as all of axe on a slow machine
WINDOW_PX = (1300, 1000)
PHONE_PX = 390  # wide
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-features=OptimizationHints,MediaRouter,Translate",
    "--no-first-run",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",  # WebGL by software
    f"--window-size={WINDOW_PX[0]},{WINDOW_PX[1]}",
)
# whatever the page and its frames asked for
REQUESTS = "return performance.getEntriesByType('resource').map((one) => one.name)"
_SIDEWAYS = """
const root = document.documentElement;
if (root.scrollWidth <= root.clientWidth) return [];
const wide = [...document.querySelectorAll("body *")].filter((one) => {
  if (one.getBoundingClientRect().right <= root.clientWidth + 0.5) return false;
  for (let box = one.parentElement; box; box = box.parentElement)
    if (getComputedStyle(box).overflowX !== "visible") return false;
  return true;
});
return [`${root.scrollWidth} of ${root.clientWidth} px`, ...wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 120))];
"""  # noqa: E501 - JavaScript


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """The browser, closed at the end of the block."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        chrome.set_script_timeout(SCRIPT_S)
        yield chrome
    finally:
        chrome.quit()


def forget(browser: webdriver.Chrome) -> None:
    """As if it had just been started: no page, no cookie, no emulation, an empty console."""
    browser.get("about:blank")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.set_window_size(*WINDOW_PX)
    browser.get_log("browser")


def wait_for(browser: webdriver.Chrome, script: str, expected: Any) -> None:
    """Wait until a script gives what is expected; fail with what it gave instead.

    A page that is being left or built may lack what the script reads; then it is asked again.
    """

    def seen() -> Any:
        try:
            return browser.execute_script(script)
        except WebDriverException as exc:
            return exc

    deadline = time.monotonic() + PATIENCE_S
    while (found := seen()) != expected and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found == expected, f"{script}: got {found!r}, expected {expected!r}"


def click(browser: webdriver.Chrome, selector: str) -> None:
    """Click what a CSS selector finds, once it is there and nothing covers it.

    A page that renews itself may replace it between the look and the click; then it is found again.
    """
    _once_possible(lambda: browser.find_element(By.CSS_SELECTOR, selector).click())


def write(browser: webdriver.Chrome, selector: str, *keys: str) -> None:
    """Press keys in what a CSS selector finds, once it is there."""
    _once_possible(lambda: browser.find_element(By.CSS_SELECTOR, selector).send_keys(*keys))


def _once_possible(act: Callable[[], None]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return act()
        except WebDriverException:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def keep_still(browser: webdriver.Chrome) -> None:
    """From now on the page does not renew itself: it takes itself for hidden."""
    browser.execute_script(
        "Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })"
    )


def sideways(browser: webdriver.Chrome) -> list[str]:
    """What reaches beyond the window after the page has been laid out anew; nothing, as it should.

    A plot follows the window a moment after it has changed.
    """
    deadline = time.monotonic() + PATIENCE_S
    while (found := browser.execute_script(_SIDEWAYS)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return list(found)


def severe(browser: webdriver.Chrome) -> list[str]:
    """What the console said since the last call, but for remarks."""
    return [row["message"] for row in browser.get_log("browser") if row["level"] != "INFO"]


def prefer(browser: webdriver.Chrome, scheme: str) -> None:
    """scheme: light or dark."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def as_phone(browser: webdriver.Chrome, height_px: int = 844) -> None:
    """A window as narrow as that of a phone."""
    narrow = {"width": PHONE_PX, "height": height_px, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)


def as_desk(browser: webdriver.Chrome) -> None:
    """The window as it was before `as_phone`."""
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def whole_page_png(browser: webdriver.Chrome) -> bytes:
    """A picture of the page from its top to its end."""
    asked = {"format": "png", "captureBeyondViewport": True}
    return base64.b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", asked)["data"])

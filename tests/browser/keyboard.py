"""What a person reaches with the keys of a keyboard alone."""

from __future__ import annotations

import json
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import keep_still, wait_for

# Numbers all that a person can press, write in or scroll, in the order of reading; returns how they
# are named. Of radio buttons with one name the chosen one is reached by Tab, the others by arrows.
_NUMBERED = """
const all = "a[href], button:not(:disabled), input:not([type=hidden]):not(:disabled), select, textarea, summary, iframe, [tabindex]";
window.reached = new Map();
const shown = [...document.querySelectorAll(all)].filter((one) => {
  if (one.tabIndex < 0 || !one.checkVisibility({ visibilityProperty: true })) return false;
  return one.type !== "radio" || one.checked;
});
shown.forEach((one, number) => {
  const style = getComputedStyle(one);
  window.reached.set(one, { number, outline: style.outlineStyle, shadow: style.boxShadow });
});
return shown.map((one) => one.outerHTML.slice(0, 90).replace(/\\s+/g, " "));
"""  # noqa: E501 - JavaScript
# The number of what has the focus, whether a ring shows that, and whether it can be seen at all.
_FOCUSED = """
const one = document.activeElement, before = window.reached?.get(one);
if (!before) return [one === document.body ? null : one.outerHTML.slice(0, 90), false, false];
const style = getComputedStyle(one), box = one.getBoundingClientRect();
const ring = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && before.outline === "none") || style.boxShadow !== before.shadow;
const points = [[box.left + box.width / 2, box.top + box.height / 2], [box.left + 3, box.top + 3], [box.right - 3, box.bottom - 3]];
const seen = points.some(([x, y]) => { const hit = document.elementFromPoint(x, y); return hit !== null && (one.contains(hit) || hit.contains(one)); });
return [before.number, ring, seen];
"""  # noqa: E501 - JavaScript


def press(browser: webdriver.Chrome, *keys: str) -> None:
    """Press keys, one after the other, on what has the focus."""
    ActionChains(browser, duration=0).send_keys(*keys).perform()


def tab(browser: webdriver.Chrome, *, back: bool = False) -> None:
    """Go to the next one, or back to the one before."""
    hand = ActionChains(browser, duration=0)
    if back:
        hand.key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    else:
        hand.send_keys(Keys.TAB).perform()


def focus(browser: webdriver.Chrome, selector: str) -> None:
    """Put the focus where a person would have come by Tab, once it can have it."""
    one = f"document.querySelector({json.dumps(selector)})"
    wait_for(browser, f"{one}.focus(); return document.activeElement === {one}", True)


def focused(browser: webdriver.Chrome) -> str:
    """The id of what has the focus, else its text."""
    script = "const one = document.activeElement; return one.id || one.textContent.trim()"
    return str(browser.execute_script(script))


def walked(browser: webdriver.Chrome) -> list[str]:
    """Go through the page by Tab, from its top to its end. Returns what is wrong with the way."""
    keep_still(browser)
    names: list[str] = browser.execute_script(_NUMBERED)
    faults = []
    for expected, name in enumerate(names):
        tab(browser)
        number, ring, seen = _focus(browser)
        if number != expected:
            was = names[number] if isinstance(number, int) else number
            return [*faults, f"stop {expected}: expected {name}, Tab goes to {was}"]
        faults += [f"no ring: {name}"] * (not ring) + [f"covered: {name}"] * (not seen)
    tab(browser)
    after, _, _ = _focus(browser)
    if after not in (None, 0):  # the browser's own buttons come next, then the top again
        faults.append(f"after the last one Tab goes to {after}")
    return faults


def _focus(browser: webdriver.Chrome) -> tuple[Any, bool, bool]:
    number, ring, seen = browser.execute_script(_FOCUSED)
    return number, ring, seen

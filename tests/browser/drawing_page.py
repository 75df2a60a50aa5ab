"""The labeling page of Label Studio, as somebody uses it who draws with a brush."""

from __future__ import annotations

from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.annotation_page import LabelingPage

# a region in the list beside the picture; its parts have longer classes that begin the same
ITEM = "//*[contains(concat(' ', normalize-space(@class), ' '), ' lsf-outliner-item ')]"


class DrawingPage(LabelingPage):
    """Regions are in the list beside the picture."""

    def pick(self, label: str) -> None:
        self.click_on(f"//*[contains(@class, 'lsf-label__text') and text()='{label}']")

    def stroke(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from one point to another; (x, y) as shares of the image."""
        canvas = self._largest_canvas()
        width, height = canvas.size["width"], canvas.size["height"]
        (x0, y0), (x1, y1) = (((x - 0.5) * width, (y - 0.5) * height) for x, y in (start, end))
        drag = ActionChains(self._browser).move_to_element_with_offset(canvas, int(x0), int(y0))
        drag = drag.click_and_hold()
        for step in range(1, 11):
            x, y = x0 + (x1 - x0) * step / 10, y0 + (y1 - y0) * step / 10
            drag = drag.move_to_element_with_offset(canvas, int(x), int(y))
        drag.release().perform()

    def regions(self) -> int:
        return len(self._browser.find_elements(By.XPATH, ITEM))

    def choose(self, region: int) -> None:
        """Click a region in the list beside the picture, so that a stroke adds to it."""
        self.click_on(f"({ITEM})[{region + 1}]")

    def reads(self, text: str) -> None:
        self.see(f"//*[text()='{text}']")

    def _largest_canvas(self) -> WebElement:
        """Once it stands still: a picture that is still laid out would move under the hand."""
        seen: list[dict[str, float]] = []

        def still() -> WebElement | None:
            found = self._browser.find_elements(By.TAG_NAME, "canvas")
            if not found:
                return None
            largest = max(found, key=lambda one: one.size["width"] * one.size["height"])
            seen.append(largest.rect)
            return largest if seen[-3:] == [largest.rect] * 3 else None

        canvas = self.wait(still)
        assert canvas is not None
        return canvas

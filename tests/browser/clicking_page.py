"""The labeling page of Label Studio, as somebody uses it who clicks on objects."""

from __future__ import annotations

import time
from collections.abc import Callable

from selenium.webdriver import ActionChains, Chrome, Keys

from daemon.demo.label_studio_server import LabelStudioServer
from tests.browser.annotation_page import PATIENCE_S, LabelingPage

CHIP = "//*[contains(@class, 'lsf-label__text') and text()='{}']"
ANSWER_S = 20  # after which a click is made again: a page that still builds itself loses the first


class ClickingPage(LabelingPage):
    """answers: how many clicks the smart tool has answered so far."""

    def __init__(
        self, browser: Chrome, server: LabelStudioServer, answers: Callable[[], int]
    ) -> None:
        super().__init__(browser, server)
        self._answers = answers

    def label_all_tasks(self, project: int) -> None:
        super().label_all_tasks(project)
        self.see("//img[@alt='image']")

    def turn_smart_tool_on(self) -> None:
        """Auto-Annotation on, Auto-Accept as it is: off; then the last tool of the bar."""
        self.click_on("//label[.//input[@data-testid='bottombar-auto-annotation-toggle']]")
        self.click_on("//button[contains(@class, 'lsf-tool_smart')]")

    def click(self, label: str, x: float, y: float, *, alt: bool = False) -> None:
        """Choose a class of the second row and click; x, y: shares of the image. Returns once the
        click is answered."""
        before, deadline = self._answers(), time.monotonic() + PATIENCE_S
        while self._answers() == before:
            assert time.monotonic() < deadline, "no click reached the smart tool"
            self.click_on(f"({CHIP.format(label)})[2]")
            self._press(x, y, alt=alt)
            patience = time.monotonic() + ANSWER_S
            while self._answers() == before and time.monotonic() < patience:
                time.sleep(0.05)
        time.sleep(1.0)  # until the answer is drawn

    def accept(self) -> None:
        """Accept what is suggested: the tick before Skip."""
        self.click_on("//button[@aria-label='skip-task']/preceding::button[1]")
        time.sleep(1.0)

    def _press(self, x: float, y: float, *, alt: bool) -> None:
        image = self.see("//img[@alt='image']")
        width, height = image.size["width"], image.size["height"]
        hand = ActionChains(self._browser)
        if alt:
            hand = hand.key_down(Keys.ALT)
        place = (int((x - 0.5) * width), int((y - 0.5) * height))
        hand = hand.move_to_element_with_offset(image, *place).click()
        (hand.key_up(Keys.ALT) if alt else hand).perform()

"""The labeling page of Label Studio, as somebody uses it who clicks on objects."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from daemon.demo.label_studio_server import LabelStudioServer

PATIENCE_S = 60
ANSWER_S = 5  # after which a click is made again: a page that still builds itself loses the first
T = TypeVar("T")


class ClickingPage:
    """answers: how many clicks the smart tool has answered so far."""

    def __init__(
        self, browser: Chrome, server: LabelStudioServer, answers: Callable[[], int]
    ) -> None:
        self._browser, self._server, self._answers = browser, server, answers
        browser.set_window_size(1400, 900)

    def sign_in(self) -> None:
        self._browser.get(f"{self._server.url}/user/login/")
        self._browser.find_element(By.NAME, "email").send_keys(self._server.credentials.username)
        password = self._browser.find_element(By.NAME, "password")
        password.send_keys(f"{self._server.credentials.password}\n")
        self.wait(lambda: "/user/login" not in self._browser.current_url)

    def label_all_tasks(self, project: int) -> None:
        self._browser.get(f"{self._server.url}/projects/{project}/data")
        self.see("//button[contains(., 'Label All Tasks')]").click()
        self.see("//button[@aria-label='Close modal']").click()  # the instructions
        self.see("//img[@alt='image']")

    def turn_smart_tool_on(self) -> None:
        """Auto-Annotation on, Auto-Accept as it is: off; then the last tool of the bar."""
        self.see("//label[.//input[@data-testid='bottombar-auto-annotation-toggle']]").click()
        self.see("//button[contains(@class, 'lsf-tool_smart')]").click()

    def click(self, label: str, x: float, y: float, *, alt: bool = False) -> None:
        """Choose a class of the second row and click; x, y: shares of the image. Returns once the
        click is answered."""
        before, deadline = self._answers(), time.monotonic() + PATIENCE_S
        while self._answers() == before:
            assert time.monotonic() < deadline, "no click reached the smart tool"
            self._chips(label)[1].click()
            self._press(x, y, alt=alt)
            patience = time.monotonic() + ANSWER_S
            while self._answers() == before and time.monotonic() < patience:
                time.sleep(0.05)
        time.sleep(1.0)  # until the answer is drawn

    def accept(self) -> None:
        """Accept what is suggested: the tick before Skip."""
        self.see("//button[@aria-label='skip-task']/preceding::button[1]").click()
        time.sleep(1.0)

    def submit(self) -> None:
        self.see("//button[@aria-label='Submit current annotation']").click()

    def see(self, path: str) -> WebElement:
        def shown() -> WebElement | None:
            found = self._browser.find_elements(By.XPATH, path)
            return next((one for one in found if one.is_displayed() and one.is_enabled()), None)

        element = self.wait(shown)
        assert element is not None
        return element

    def wait(self, until: Callable[[], T]) -> T:
        return WebDriverWait(self._browser, PATIENCE_S, 0.2).until(lambda _: until())

    def _chips(self, label: str) -> list[WebElement]:
        path = f"//*[contains(@class, 'lsf-label__text') and text()='{label}']"
        return self._browser.find_elements(By.XPATH, path)

    def _press(self, x: float, y: float, *, alt: bool) -> None:
        image = self.see("//img[@alt='image']")
        width, height = image.size["width"], image.size["height"]
        hand = ActionChains(self._browser)
        if alt:
            hand = hand.key_down(Keys.ALT)
        place = (int((x - 0.5) * width), int((y - 0.5) * height))
        hand = hand.move_to_element_with_offset(image, *place).click()
        (hand.key_up(Keys.ALT) if alt else hand).perform()

"""The labeling page of Label Studio, as somebody uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from daemon.demo.label_studio_server import LabelStudioServer

PATIENCE_S = 60
T = TypeVar("T")


class LabelingPage:
    """What a person sees and clicks."""

    def __init__(self, browser: Chrome, server: LabelStudioServer) -> None:
        self._browser, self._server, self.url = browser, server, server.url
        browser.set_window_size(1400, 900)

    def sign_in(self) -> None:
        email = self.wait(self._email_field)
        assert email is not None
        email.send_keys(self._server.credentials.username)
        password = self._browser.find_element(By.NAME, "password")
        password.send_keys(f"{self._server.credentials.password}\n")
        self.wait(lambda: "/user/login" not in self._browser.current_url)

    def label_all_tasks(self, project: int) -> None:
        self._browser.get(f"{self._server.url}/projects/{project}/data")
        self.see("//button[contains(., 'Label All Tasks')]").click()
        self.see("//button[@aria-label='Close modal']").click()  # the instructions

    def submit(self) -> None:
        self.see("//button[@aria-label='Submit current annotation']").click()

    def see(self, path: str) -> WebElement:
        def shown() -> WebElement | None:
            found = self._browser.find_elements(By.XPATH, path)
            return next((one for one in found if one.is_displayed() and one.is_enabled()), None)

        element = self.wait(shown)
        assert element is not None
        return element

    def _email_field(self) -> WebElement | None:
        """Of the page for signing in, as somebody new: an answer to the page before may have come
        late, with a cookie, and then there is no such page."""
        self._browser.delete_all_cookies()
        self._browser.get(f"{self._server.url}/user/login/")
        return next(iter(self._browser.find_elements(By.NAME, "email")), None)

    def wait(self, until: Callable[[], T]) -> T:
        return WebDriverWait(self._browser, PATIENCE_S, 0.2).until(lambda _: until())

"""The labeling page of Label Studio, as somebody uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from daemon.demo.label_studio_server import LabelStudioServer

PATIENCE_S = 120  # a page of a project comes in seconds where nothing else runs
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
        self.click_on("//button[contains(., 'Label All Tasks')]")
        self.click_on("//button[@aria-label='Close modal']")  # the instructions

    def submit(self) -> None:
        self.click_on("//button[@aria-label='Submit current annotation']")

    def click_on(self, path: str) -> None:
        """Click it once it is shown and nothing covers it, such as a window that still closes."""

        def clicked() -> bool:
            self.see(path).click()
            return True

        self.wait(clicked)

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
        """What `until` gives, once that is true. The page builds itself anew at any moment, so what
        has been found may be gone at the next look: then all of it is tried again."""
        waiting = WebDriverWait(self._browser, PATIENCE_S, 0.2, [WebDriverException])
        return waiting.until(lambda _: until())

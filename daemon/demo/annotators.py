"""Simulated annotators, who make the requests that the labeling page makes.

Each has an account, made by invite. They press "Label All Tasks", correct the regions of the
prediction to the true mask, and submit. They know the image and its true mask, nothing of the
daemon. They wait while there is no task, and while the server is down.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.label_studio import label_config
from daemon.demo.region_correction import correct
from daemon.demo.truth import Truth
from daemon.demo.web_user import WebUser
from daemon.domain import ClassSet, Fault
from daemon.domain.errors import ConnectorRefused, ConnectorUnavailable, MaskloopError

log = logging.getLogger(__name__)

MAX_IDLE_FACTOR = 4  # the wait for work grows up to this many times `idle_s`
MAX_REFUSALS = 20  # in a row, before an annotator gives up


@dataclass(frozen=True, kw_only=True)
class Person:
    """An account of the demo."""

    email: str
    password: str = field(repr=False)


class Annotator:
    """One person who labels in one project, in a thread of its own.

    invite: returns the address of an invite, for the first sign-in. pace_s: seconds spent on each
    image. idle_s: seconds to the next request when there is no task; it grows to MAX_IDLE_FACTOR
    times that. submitted: how many masks were stored since the start. failure: why the person gave
    up, else empty.
    """

    def __init__(
        self,
        *,
        url: str,
        person: Person,
        invite: Callable[[], str],
        project: int,
        classes: ClassSet,
        truth: Truth,
        pace_s: float,
        idle_s: float = 1.5,
    ) -> None:
        self.person = person
        self.submitted = 0
        self.failure = ""
        self._url = url
        self._invite = invite
        self._project = project
        self._classes = classes
        self._truth = truth
        self._pace_s = pace_s
        self._idle_s = idle_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._label_until_stopped, name=person.email, daemon=True
        )

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the task in progress and end the thread."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _label_until_stopped(self) -> None:
        """Label until `stop`, or until MAX_REFUSALS requests in a row were refused."""
        user, refusals, idle_factor = self._connect(), 0, 0
        while user and not self._stopping.is_set():
            try:
                answered = self.answer_one(user)
                refusals = 0
            except ConnectorUnavailable as exc:
                log.info("%s waits for Label Studio: %s", self.person.email, exc)
                answered = False
            except MaskloopError as exc:
                refusals += 1
                log.warning("%s was refused: %s", self.person.email, exc)
                if refusals >= MAX_REFUSALS:
                    self.failure = f"{self.person.email} gave up: {exc}"
                    log.exception(self.failure)
                    break
                user.close()
                user, answered = self._connect(), False
            idle_factor = 0 if answered else min(idle_factor + 1, MAX_IDLE_FACTOR)
            self._stopping.wait(self._idle_s * idle_factor)
        if user:
            user.close()

    def answer_one(self, user: WebUser) -> bool:
        """Fetch the next task, correct it and submit it; False if there is none.

        A submit whose response was lost is not repeated: if the server did not store it, it hands
        out the same task again.
        """
        task = user.next_task(self._project)
        if task is None:
            return False
        found = label_config.parse(user.label_config(self._project))
        if isinstance(found, Fault):
            raise ConnectorRefused(str(found))
        mask = self._truth.mask(user.image(task, found.image_field))
        self._stopping.wait(self._pace_s)
        regions = correct(task.result, mask, self._classes, found.control)
        user.submit(task, self._project, regions)
        self.submitted += 1
        log.info("%s labeled task %d", self.person.email, task.task)
        return True

    def _connect(self) -> WebUser | None:
        """Sign in, or sign up the first time, as often as it takes; None if `stop` was called."""
        while not self._stopping.is_set():
            user = WebUser(self._url)
            try:
                self._sign_in(user)
                return user
            except (ConnectorUnavailable, ConnectorRefused) as exc:
                log.info("%s cannot sign in yet: %s", self.person.email, exc)
                user.close()
                self._stopping.wait(self._idle_s)
        return None

    def _sign_in(self, user: WebUser) -> None:
        email, password = self.person.email, self.person.password
        if not user.sign_in(email, password) and not user.sign_up(self._invite(), email, password):
            raise ConnectorRefused(f"{email} can neither sign in nor sign up")

"""Simulated annotators: people with an account each, who work as the labeling page does.

They sign up by invite, press "Label All Tasks", look at the picture, correct the regions that
are shown to the truth, and submit. They know the picture and the truth, nothing of the daemon.
When there is nothing to do they wait; when the server is away they come back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.label_studio import label_config
from daemon.demo.corrections import correct
from daemon.demo.truth import Truth
from daemon.demo.web_user import WebUser
from daemon.domain import ClassSet, Fault
from daemon.domain.errors import ConnectorRefused, ConnectorUnavailable, MaskloopError

log = logging.getLogger(__name__)

MOST_PATIENT = 4
MAX_REFUSALS = 20  # in a row, before an annotator gives up


@dataclass(frozen=True, kw_only=True)
class Person:
    """An account of the demo."""

    email: str
    password: str = field(repr=False)


class Annotator:
    """One person at work in one project, in a thread of its own.

    invite: gives the address of an invite, for the first sign-in. pace_s: time spent looking
    at each picture. idle_s: time to the next look for work when there is none, four times
    that after a while.
    submitted: how many masks this person stored since the start.
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
        self._thread = threading.Thread(target=self._work, name=person.email, daemon=True)

    def start(self) -> None:
        """Sit down and begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the picture at hand and leave."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        """Work until told to stop; every outage is waited out."""
        user, refusals, looks = self._arrive(), 0, 0
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
                user, answered = self._arrive(), False
            looks = 0 if answered else min(looks + 1, MOST_PATIENT)
            self._stopping.wait(self._idle_s * looks)
        if user:
            user.close()

    def answer_one(self, user: WebUser) -> bool:
        """Fetch the next task, correct it, submit; False when there is nothing to do.

        A submit whose answer was lost is not repeated: the task, if it is still ours, is
        what the server hands out next.
        """
        question = user.next_task(self._project)
        if question is None:
            return False
        found = label_config.parse(user.label_config(self._project))
        if isinstance(found, Fault):
            raise ConnectorRefused(str(found))
        mask = self._truth.mask(user.image(question, found.image_field))
        self._stopping.wait(self._pace_s)
        regions = correct(question.result, mask, self._classes, found.control)
        user.submit(question, self._project, regions)
        self.submitted += 1
        log.info("%s labeled task %d", self.person.email, question.task)
        return True

    def _arrive(self) -> WebUser | None:
        """Sign in, or sign up the first time; None when told to stop meanwhile."""
        while not self._stopping.is_set():
            user = WebUser(self._url)
            try:
                self._enter(user)
                return user
            except (ConnectorUnavailable, ConnectorRefused) as exc:
                log.info("%s cannot sign in yet: %s", self.person.email, exc)
                user.close()
                self._stopping.wait(self._idle_s)
        return None

    def _enter(self, user: WebUser) -> None:
        email, password = self.person.email, self.person.password
        if not user.sign_in(email, password) and not user.sign_up(self._invite(), email, password):
            raise ConnectorRefused(f"{email} can neither sign in nor sign up")

"""A person's browser, without the browser: sign-up by invite, sign-in, the calls of the page.

Every call is one that Label Studio's own pages make, with the session cookie and the CSRF
token of a signed-in user. No API token is involved, and nothing of the daemon's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from daemon.domain.errors import ConnectorRefused, ConnectorUnavailable

TIMEOUT_S = 60.0
NOTHING_LEFT = "There are no tasks"
SHOWN = 300  # characters of a refusal that are worth reading


@dataclass(frozen=True, kw_only=True)
class OpenTask:
    """A task as the labeling page opens it.

    result: the regions of the prediction that is shown, to be corrected; empty without one.
    opened_at: on the monotonic clock, in seconds.
    """

    task: int
    details: Mapping[str, Any]
    prediction: int | None
    result: Sequence[Mapping[str, Any]]
    opened_at: float


class WebUser:
    """One signed-in person. Raises ConnectorUnavailable when the server does not answer."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connections; the session stays valid on the server."""
        self._http.close()

    def sign_in(self, email: str, password: str) -> bool:
        """Fill in the sign-in form. False when there is no such user with this password."""
        return self._fill_in("/user/login/", {"email": email, "password": password})

    def sign_up(self, invite_url: str, email: str, password: str) -> bool:
        """Fill in the form behind an invite. False when the form is shown again."""
        form = {"email": email, "password": password, "allow_newsletters": "false"}
        return self._fill_in(invite_url, form)

    def invite_url(self) -> str:
        """The path that lets others sign up; any signed-in user may ask for it."""
        return str(self._call("GET", "/api/invite").json()["invite_url"])

    def next_task(self, project: int) -> OpenTask | None:
        """What the button "Label All Tasks" fetches; None when nothing is left for this user."""
        answer = self._call(
            "POST",
            "/api/dm/actions",
            params={"id": "next_task", "project": project},
            json={"project": str(project)},
            allowed=(httpx.codes.NOT_FOUND,),
        )
        if answer.status_code == httpx.codes.NOT_FOUND:
            if NOTHING_LEFT not in answer.text:
                raise ConnectorRefused(f"next task of project {project}: {answer.text[:SHOWN]}")
            return None
        version = self._call("GET", f"/api/projects/{project}").json()["model_version"]
        return _question(answer.json(), version)

    def submit(
        self, question: OpenTask, project: int, result: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Press Submit: store the regions as this user's annotation, and return it."""
        body: dict[str, Any] = {
            "result": list(result),
            "lead_time": round(time.monotonic() - question.opened_at, 3),
            "draft_id": 0,
            "project": project,
        }
        if question.prediction is not None:
            body["parent_prediction"] = question.prediction
        path = f"/api/tasks/{question.task}/annotations"
        stored: Mapping[str, Any] = self._call(
            "POST", path, params={"project": project}, json=body
        ).json()
        return stored

    def skip(self, question: OpenTask, project: int) -> None:
        """Press Skip: the task goes to others."""
        body = {"result": [], "was_cancelled": True, "draft_id": 0, "project": project}
        path = f"/api/tasks/{question.task}/annotations"
        self._call("POST", path, params={"project": project}, json=body)

    def label_config(self, project: int) -> str:
        """The labeling interface, as the page sets itself up with it."""
        return str(self._call("GET", f"/api/projects/{project}").json()["label_config"])

    def image(self, question: OpenTask, field: str) -> bytes:
        """The picture that the page shows."""
        return self._call("GET", str(question.details["data"][field])).content

    def _csrf_token(self) -> str:
        return self._http.cookies.get("csrftoken") or ""

    def _fill_in(self, path: str, form: Mapping[str, str]) -> bool:
        self._http.cookies.clear()  # a signed-in user is sent on, whatever the form says
        self._call("GET", path)
        token = self._csrf_token()
        answer = self._call(
            "POST", path, data={**form, "csrfmiddlewaretoken": token}, headers={"Referer": path}
        )
        return answer.is_redirect

    def _call(
        self, method: str, path: str, *, allowed: Sequence[int] = (), **request: Any
    ) -> httpx.Response:
        headers = {"X-CSRFToken": self._csrf_token()}
        headers |= request.pop("headers", {})
        try:
            answer = self._http.request(method, path, headers=headers, **request)
        except httpx.HTTPError as exc:
            raise ConnectorUnavailable(f"{method} {path}: {exc}") from exc
        if answer.status_code in allowed or not answer.is_error:
            return answer
        message = f"{method} {path}: HTTP {answer.status_code}: {answer.text[:SHOWN]}"
        if answer.is_server_error:
            raise ConnectorUnavailable(message)
        raise ConnectorRefused(message)


def _question(task: Mapping[str, Any], version: str) -> OpenTask:
    """The page copies the prediction of the project's current version into a new annotation."""
    shown = [
        known for known in task["predictions"] if version and known["model_version"] == version
    ]
    return OpenTask(
        task=int(task["id"]),
        details=task,
        prediction=int(shown[0]["id"]) if shown else None,
        result=shown[0]["result"] if shown else [],
        opened_at=time.monotonic(),
    )

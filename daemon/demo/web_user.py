"""The requests of a person's browser: sign-up by invite, sign-in, the calls of the labeling page.

Label Studio's own pages make the same requests, with the session cookie and the CSRF token of a
signed-in user. No API token is used, and no code of the connector.
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
NO_TASK_MESSAGE = "There are no tasks"
MAX_ERROR_CHARS = 300  # of a refusal, in a message


@dataclass(frozen=True, kw_only=True)
class OpenTask:
    """A task as the labeling page opens it.

    task: its id. details: the task as the API returns it. prediction: id of the shown prediction;
    None: there is none. result: the regions of the prediction, to be corrected. opened_at: seconds
    of the monotonic clock.
    """

    task: int
    details: Mapping[str, Any]
    prediction: int | None
    result: Sequence[Mapping[str, Any]]
    opened_at: float


class WebUser:
    """The session of one person.

    Its calls raise ConnectorUnavailable if the server does not answer, ConnectorRefused if it
    refuses.
    """

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
        """Close the connections; the session stays valid on the server."""
        self._http.close()

    def sign_in(self, email: str, password: str) -> bool:
        """Submit the sign-in form. False if no user has this address and password."""
        return self._submit_form("/user/login/", {"email": email, "password": password})

    def sign_up(self, invite_url: str, email: str, password: str) -> bool:
        """Submit the form of an invite. False if the server shows the form again."""
        form = {"email": email, "password": password, "allow_newsletters": "false"}
        return self._submit_form(invite_url, form)

    def invite_url(self) -> str:
        """The path at which others can sign up; any signed-in user may ask for it."""
        return str(self._call("GET", "/api/invite").json()["invite_url"])

    def next_task(self, project: int) -> OpenTask | None:
        """The task that the button "Label All Tasks" opens; None if none is left for this user."""
        answer = self._call(
            "POST",
            "/api/dm/actions",
            params={"id": "next_task", "project": project},
            json={"project": str(project)},
            allowed=(httpx.codes.NOT_FOUND,),
        )
        if answer.status_code == httpx.codes.NOT_FOUND:
            if NO_TASK_MESSAGE not in answer.text:
                raise ConnectorRefused(
                    f"next task of project {project}: {answer.text[:MAX_ERROR_CHARS]}"
                )
            return None
        version = self._call("GET", f"/api/projects/{project}").json()["model_version"]
        return _open_task(answer.json(), version)

    def submit(
        self, task: OpenTask, project: int, result: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Press Submit: store the regions as this user's annotation, and return it."""
        body: dict[str, Any] = {
            "result": list(result),
            "lead_time": round(time.monotonic() - task.opened_at, 3),
            "draft_id": 0,
            "project": project,
        }
        if task.prediction is not None:
            body["parent_prediction"] = task.prediction
        path = f"/api/tasks/{task.task}/annotations"
        stored: Mapping[str, Any] = self._call(
            "POST", path, params={"project": project}, json=body
        ).json()
        return stored

    def skip(self, task: OpenTask, project: int) -> None:
        """Press Skip: the task goes to others."""
        body = {"result": [], "was_cancelled": True, "draft_id": 0, "project": project}
        path = f"/api/tasks/{task.task}/annotations"
        self._call("POST", path, params={"project": project}, json=body)

    def label_config(self, project: int) -> str:
        """The label config of the project, as XML."""
        return str(self._call("GET", f"/api/projects/{project}").json()["label_config"])

    def image(self, task: OpenTask, field: str) -> bytes:
        """The bytes of the image in this field of the task."""
        return self._call("GET", str(task.details["data"][field])).content

    def _csrf_token(self) -> str:
        return self._http.cookies.get("csrftoken") or ""

    def _submit_form(self, path: str, form: Mapping[str, str]) -> bool:
        self._http.cookies.clear()  # with a session, the server redirects whatever the form holds
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
        message = f"{method} {path}: HTTP {answer.status_code}: {answer.text[:MAX_ERROR_CHARS]}"
        if answer.is_server_error:
            raise ConnectorUnavailable(message)
        raise ConnectorRefused(message)


def _open_task(task: Mapping[str, Any], version: str) -> OpenTask:
    """The task with the prediction of the project's current version, which the page copies."""
    current = [
        prediction
        for prediction in task["predictions"]
        if version and prediction["model_version"] == version
    ]
    return OpenTask(
        task=int(task["id"]),
        details=task,
        prediction=int(current[0]["id"]) if current else None,
        result=current[0]["result"] if current else [],
        opened_at=time.monotonic(),
    )

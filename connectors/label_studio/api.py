"""Talking to Label Studio: label-studio-sdk's client for authentication, one place for errors.

A GET is tried three times. A write is sent once: the SDK's own retries import a task three
times when an answer is lost (measured), so they are off. When the answer to a write does not
come, nobody knows whether it happened: `OutcomeUnknown`, and the caller looks before it writes
again. Redirects are not followed, so the token goes to the configured origin only.
"""

from __future__ import annotations

import functools
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from label_studio_sdk import LabelStudio as Sdk
from label_studio_sdk.core.api_error import ApiError

from daemon.domain.errors import ConnectorRefused, ConnectorUnavailable, OutcomeUnknown
from daemon.domain.faults import printable

READ_S = 120.0
CONNECT_S = 10.0
PAUSES_S = (0.5, 1.5)  # between the tries of a GET

Body = Mapping[str, Any] | list[Any]
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class Refused(ConnectorRefused):
    """A refusal whose HTTP status the connector's own code wants to know."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """GET, POST and PATCH under one Label Studio address.

    url: with any path prefix, without `/api`. token: called before each request, so a
    rotated one is used at once; a legacy token or a personal access token. sleep: how to pause
    between tries. transport: how requests travel; None for sockets.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        *,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.sleep = sleep
        self._token = token
        self._http = httpx.Client(
            timeout=httpx.Timeout(read_s, connect=connect_s),
            verify=certificates(),
            transport=transport,
        )
        self._sdk: tuple[str, Any] | None = None  # the token and the client made for it
        self.server_time: datetime | None = None  # by the clock of the last answer

    def close(self) -> None:
        """Free the connections."""
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a GET; tried again when Label Studio does not answer."""
        for pause_s in PAUSES_S:
            try:
                return self._send("GET", path, params=params)
            except ConnectorUnavailable:
                self.sleep(pause_s)
        return self._send("GET", path, params=params)

    def post(self, path: str, body: Body, **params: Any) -> Any:
        """The JSON of a POST that is sent once. Raises OutcomeUnknown when none came."""
        return self._send("POST", path, params=params, body=body)

    def patch(self, path: str, body: Body) -> Any:
        """The JSON of a PATCH that is sent once. Raises OutcomeUnknown when none came."""
        return self._send("PATCH", path, params={}, body=body)

    def delete(self, path: str, body: Body | None) -> Any:
        """The JSON of a DELETE that is sent once. Raises OutcomeUnknown when none came."""
        return self._send("DELETE", path, params={}, body=body)

    def credentials(self) -> dict[str, str]:
        """The header that opens Label Studio, for its configured origin only.

        A personal access token is exchanged here when the last exchange has run out.
        """
        try:
            sent = self._client()._client_wrapper.get_headers()
        except httpx.InvalidURL as exc:
            raise ConnectorRefused(f"{self.url}: {exc}; correct it in config.toml") from exc
        except httpx.HTTPError as exc:
            raise _unreachable(self.url, exc) from exc
        except ApiError as exc:
            raise _not_exchanged(self.url, exc) from exc
        except ValueError as exc:
            raise Refused(
                f"{self.url}: the exchange of the personal access token gave no JSON; is this the "
                f"address of Label Studio?",
                200,
            ) from exc
        return {"Authorization": str(sent["Authorization"])}

    def forget_access(self) -> None:
        """Sign in anew at the next request: Label Studio did not take what we showed it."""
        self._sdk = None

    def _send(self, method: str, path: str, *, params: Mapping[str, Any], body: Any = None) -> Any:
        response = self._answer(method, path, params, body)
        if response.status_code == 401:  # refused before anything happened: safe to repeat
            self.forget_access()
            response = self._answer(method, path, params, body)
        return self._judge(method, path, response)

    def _answer(
        self, method: str, path: str, params: Mapping[str, Any], body: Any
    ) -> httpx.Response:
        where = f"{method} {self.url}/{path}"
        self.credentials()  # an exchange that fails here leaves no doubt about the request
        try:
            wire = self._client()._client_wrapper.httpx_client
            answer: httpx.Response = wire.request(
                path, method=method, params=params, json=body, request_options={"max_retries": 0}
            )
        except _NOT_SENT as exc:
            raise _unreachable(where, exc) from exc
        except httpx.HTTPError as exc:
            kind = ConnectorUnavailable if method == "GET" else OutcomeUnknown
            raise kind(f"{where}: {_words(exc)}; Label Studio did not answer") from exc
        return answer

    def _judge(self, method: str, path: str, response: httpx.Response) -> Any:
        """The JSON of an answer, or the error that it means."""
        where, status = f"{method} {self.url}/{path}", response.status_code
        with suppress(ValueError, OverflowError):
            told = parsedate_to_datetime(response.headers.get("date", ""))
            self.server_time = told if told.tzinfo else self.server_time
        if status in (408, 429) or status >= 500:
            kind = OutcomeUnknown if method != "GET" and status != 429 else ConnectorUnavailable
            raise kind(f"{where}: got HTTP {status} {_detail(response)}; see Label Studio's log")
        if 300 <= status < 400:
            target = printable(response.headers.get("location", "another address"), 300)
            raise Refused(
                f"{where}: got a redirect to {target}; expected an answer; "
                f"put the address it ends at into config.toml",
                status,
            )
        if status >= 400:
            raise refusal(where, status, _detail(response))
        return _json(method, where, response)

    def _client(self) -> Any:
        token = self._token().strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ConnectorRefused(
                "the Label Studio token is empty or holds characters that no token has; "
                "copy it again from Account & Settings"
            )
        if self._sdk is None or self._sdk[0] != token:
            make: Any = Sdk  # untyped
            # the slash keeps a path prefix when the SDK exchanges a personal access token
            base = f"{self.url}/"
            sdk = make(base_url=base, api_key=token, httpx_client=self._http, max_retries=0)
            self._sdk = (token, sdk)
        return self._sdk[1]


@functools.cache
def certificates() -> ssl.SSLContext:
    """TLS settings."""
    return httpx.create_ssl_context()  # 35 ms: once a process, not once a client


def _json(method: str, where: str, response: httpx.Response) -> Any:
    """What an answer holds. Raises Refused for what is no JSON, and OutcomeUnknown where it
    answers a write: something did answer, and nobody knows what it did."""
    if response.status_code == 204 or not response.content:
        return None
    try:
        return response.json()
    except (ValueError, RecursionError) as exc:  # no UTF-8, numbers of 5000 digits, deep nesting
        words = (
            f"{where}: got {response.headers.get('content-type', 'no type')} instead of JSON; "
            f"is this the address of Label Studio?"
        )
        if method != "GET":
            raise OutcomeUnknown(words) from exc
        raise Refused(words, response.status_code) from exc


def refusal(where: str, status: int, detail: str) -> Refused:
    """The error for a status from 400 to 499, with what to do about it."""
    cures = {
        401: "check the token: copy it again from Account & Settings",
        403: "this user may not do that: use the token of a member of the organization",
        404: "check the address and the project's number in config.toml",
    }
    cure = cures.get(status, "see Label Studio's log")
    if status == 401 and "legacy" in detail:
        cure = (
            "allow legacy tokens under Organization > Access Token Settings, "
            "or use a personal access token"
        )
    if "reserved network address" in detail:
        cure = (
            "Label Studio calls no private address by itself: start it with "
            "LABEL_STUDIO_SSRF_PROTECTION_ENABLED=false and LABEL_STUDIO_ML_BLOCK_LOCAL_IP=false, "
            "if everybody who may sign in is trusted"
        )
    return Refused(f"{where}: got HTTP {status} {detail}; {cure}", status)


def _unreachable(where: str, exc: httpx.HTTPError) -> ConnectorUnavailable:
    return ConnectorUnavailable(
        f"{where}: {_words(exc)}; start Label Studio, or correct its address in config.toml"
    )


def _not_exchanged(url: str, exc: ApiError) -> ConnectorRefused | ConnectorUnavailable:
    """The body only: the error's own words show the headers of the answer."""
    status = exc.status_code or 401
    said = exc.body.get("detail", exc.body) if isinstance(exc.body, dict) else exc.body
    if status >= 500 or status == 429:
        return ConnectorUnavailable(f"{url}: the token's exchange got HTTP {status}")
    return Refused(
        f"{url}: the personal access token was refused: HTTP {status} {str(said)[:300]}; make a "
        f"new one under Account & Settings and put it where the old one was",
        status,
    )


def _detail(response: httpx.Response) -> str:
    """What Label Studio says about a failure, in at most 300 characters."""
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict):
        return printable(str(answer), 300)
    faults = answer.get("validation_errors")
    return printable(str(faults or answer.get("detail", "")), 300)


def _words(exc: httpx.HTTPError) -> str:
    return str(exc) or type(exc).__name__

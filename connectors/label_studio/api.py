"""HTTP requests to Label Studio: label-studio-sdk's client for authentication, our own errors.

A GET is tried three times (tenacity). A write is sent once: the SDK's own retries import a task
three times when an answer is lost (measured), so they are off. When the answer to a write is lost,
nobody knows whether it happened: OutcomeUnknown, and the caller looks before it writes again.
Redirects are not followed, so the token goes to the configured origin only. A personal access
token is exchanged for access of five minutes; after a 401 it is exchanged once more.
"""

from __future__ import annotations

import functools
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx
from label_studio_sdk import LabelStudio as Sdk
from label_studio_sdk.core.api_error import ApiError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_chain, wait_fixed

from connectors.label_studio.api_errors import (
    ApiRefused,
    detail_of,
    not_json,
    reason,
    redirect_refusal,
    refusal,
    token_refusal,
    unreachable,
)
from daemon.domain.errors import ConnectorRefused, ConnectorUnavailable, OutcomeUnknown

READ_S = 120.0
CONNECT_S = 10.0
PAUSES_S = (0.5, 1.5)  # between the tries of a GET

Body = Mapping[str, Any] | list[Any]
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class Api:
    """GET, POST, PATCH and DELETE under one Label Studio address; close it, or use it in `with`.

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
            verify=tls_context(),
            transport=transport,
        )
        self._sdk: tuple[str, Any] | None = None  # the token and the client made for it
        self.server_time: datetime | None = None  # by the clock of the last answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. Repeating it changes nothing."""
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a GET; tried again when Label Studio does not answer."""
        tries = Retrying(
            retry=retry_if_exception_type(ConnectorUnavailable),
            wait=wait_chain(*map(wait_fixed, PAUSES_S)),
            stop=stop_after_attempt(len(PAUSES_S) + 1),
            sleep=self.sleep,
            reraise=True,
        )
        return tries(self._send, "GET", path, params=params)

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

        A personal access token is exchanged here when the last exchange has expired.
        """
        try:
            headers = self._client()._client_wrapper.get_headers()
        except httpx.InvalidURL as exc:
            raise ConnectorRefused(f"{self.url}: {exc}; correct it in config.toml") from exc
        except httpx.HTTPError as exc:
            raise unreachable(self.url, exc) from exc
        except ApiError as exc:
            raise token_refusal(self.url, exc) from exc
        except ValueError as exc:
            got = "no JSON in exchange for the personal access token"
            raise not_json(self.url, got, 200) from exc
        return {"Authorization": str(headers["Authorization"])}

    def forget_session(self) -> None:
        """Sign in again at the next request, after Label Studio did not accept the last one."""
        self._sdk = None

    def _send(self, method: str, path: str, *, params: Mapping[str, Any], body: Any = None) -> Any:
        response = self._request(method, path, params, body)
        if response.status_code == 401:  # refused before anything happened: safe to repeat
            self.forget_session()
            response = self._request(method, path, params, body)
        return self._parsed(method, path, response)

    def _request(
        self, method: str, path: str, params: Mapping[str, Any], body: Any
    ) -> httpx.Response:
        where = f"{method} {self.url}/{path}"
        self.credentials()  # an exchange that fails here leaves no doubt about the request
        try:
            client = self._client()._client_wrapper.httpx_client
            response: httpx.Response = client.request(
                path, method=method, params=params, json=body, request_options={"max_retries": 0}
            )
        except _NOT_SENT as exc:
            raise unreachable(where, exc) from exc
        except httpx.HTTPError as exc:
            error = ConnectorUnavailable if method == "GET" else OutcomeUnknown
            raise error(f"{where}: {reason(exc)}; Label Studio did not answer") from exc
        return response

    def _parsed(self, method: str, path: str, response: httpx.Response) -> Any:
        """The JSON of an answer, or the error that it means."""
        where, status = f"{method} {self.url}/{path}", response.status_code
        with suppress(ValueError, OverflowError):
            time_of_answer = parsedate_to_datetime(response.headers.get("date", ""))
            self.server_time = time_of_answer if time_of_answer.tzinfo else self.server_time
        if status in (408, 429) or status >= 500:
            error = OutcomeUnknown if method != "GET" and status != 429 else ConnectorUnavailable
            raise error(f"{where}: got HTTP {status} {detail_of(response)}; see Label Studio's log")
        if 300 <= status < 400:
            raise redirect_refusal(where, response)
        if status >= 400:
            raise refusal(where, status, detail_of(response))
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
def tls_context() -> ssl.SSLContext:
    """TLS settings for every client of this process; making them takes 35 ms."""
    return httpx.create_ssl_context()


def _json(method: str, where: str, response: httpx.Response) -> Any:
    """The content of an answer. Raises ApiRefused for what is no JSON, and OutcomeUnknown where it
    answers a write: something did answer, and nobody knows what it did."""
    if response.status_code == 204 or not response.content:
        return None
    try:
        return response.json()
    except (ValueError, RecursionError) as exc:  # no UTF-8, numbers of 5000 digits, deep nesting
        content_type = response.headers.get("content-type", "no type")
        error: ApiRefused | OutcomeUnknown = not_json(
            where, f"{content_type} instead of JSON", response.status_code
        )
        if method != "GET":
            error = OutcomeUnknown(str(error))
        raise error from exc

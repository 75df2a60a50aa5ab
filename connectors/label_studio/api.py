"""Talking to Label Studio: label-studio-sdk's client for authentication, one place for errors.

A GET is tried three times. A write is sent once: the SDK's own retries import a task three
times when an answer is lost (measured), so they are off. When the answer to a write does not
come, nobody knows whether it happened: `OutcomeUnknown`, and the caller looks before it writes
again. Redirects are not followed, so the token goes to the configured origin only.
"""

from __future__ import annotations

import functools
import json
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from label_studio_sdk import LabelStudio as Sdk
from label_studio_sdk.core.api_error import ApiError

from connectors.images import too_large
from daemon.errors import ConnectorRefused, ConnectorUnavailable, ImageRefused, OutcomeUnknown

READ_S = 120.0
CONNECT_S = 10.0
PAUSES_S = (0.5, 1.5)  # between the tries of a GET
SECONDS_PER_IMAGE = 120.0

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
    rotated one is used at once; a legacy token or a personal access token.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        *,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self.sleep = sleep
        self._token = token
        self._http = httpx.Client(
            timeout=httpx.Timeout(read_s, connect=connect_s), verify=_certificates()
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

    def download(self, uri: str, max_bytes: int) -> bytes:
        """The bytes behind an image address. Raises ImageRefused.

        A path is fetched from Label Studio with the token, another http(s) address without.
        """
        address = urljoin(f"{self.url}/", uri.lstrip("/")) if uri.startswith("/") else uri
        if urlsplit(address).scheme not in ("http", "https"):
            raise ImageRefused(
                f"image {uri}: got an address of another kind; expected /data/... or http(s)://; "
                f"serve the image through Label Studio"
            )
        ours = _origin(address) == _origin(self.url)
        headers = self._headers() if ours else {}
        try:
            with self._http.stream("GET", address, headers=headers) as response:
                if ours and response.status_code in (401, 403):
                    raise _refusal(f"GET {uri}", response.status_code, "the image was not served")
                return _read(response, uri, max_bytes)
        except httpx.HTTPError as exc:
            if ours:
                raise ConnectorUnavailable(f"GET {address}: {_words(exc)}") from exc
            raise ImageRefused(f"image {uri}: {_words(exc)}; check that address") from exc

    def _send(self, method: str, path: str, *, params: Mapping[str, Any], body: Any = None) -> Any:
        response = self._answer(method, path, params, body)
        if response.status_code == 401:  # refused before anything happened: safe to repeat
            self._sdk = None
            response = self._answer(method, path, params, body)
        return self._judge(method, path, response)

    def _answer(
        self, method: str, path: str, params: Mapping[str, Any], body: Any
    ) -> httpx.Response:
        where = f"{method} {self.url}/{path}"
        try:
            wire = self._client()._client_wrapper.httpx_client
            answer: httpx.Response = wire.request(
                path, method=method, params=params, json=body, request_options={"max_retries": 0}
            )
        except _NOT_SENT as exc:
            raise ConnectorUnavailable(
                f"{where}: {_words(exc)}; start Label Studio, or correct its address in config.toml"
            ) from exc
        except httpx.InvalidURL as exc:
            raise ConnectorRefused(f"{where}: {exc}; correct the address in config.toml") from exc
        except httpx.HTTPError as exc:
            kind = ConnectorUnavailable if method == "GET" else OutcomeUnknown
            raise kind(f"{where}: {_words(exc)}; Label Studio did not answer") from exc
        except ApiError as exc:  # the exchange of a personal access token was refused
            raise _refusal(where, exc.status_code or 401, str(exc.body)[:300]) from exc
        return answer

    def _judge(self, method: str, path: str, response: httpx.Response) -> Any:
        """The JSON of an answer, or the error that it means."""
        where, status = f"{method} {self.url}/{path}", response.status_code
        with suppress(ValueError):
            self.server_time = parsedate_to_datetime(response.headers.get("date", ""))
        if status in (408, 429) or status >= 500:
            kind = OutcomeUnknown if method != "GET" and status != 429 else ConnectorUnavailable
            raise kind(f"{where}: got HTTP {status} {_detail(response)}; see Label Studio's log")
        if 300 <= status < 400:
            target = response.headers.get("location", "another address")
            raise Refused(
                f"{where}: got a redirect to {target}; expected an answer; "
                f"put the address it ends at into config.toml",
                status,
            )
        if status >= 400:
            raise _refusal(where, status, _detail(response))
        return _json(where, response)

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

    def _headers(self) -> dict[str, str]:
        try:
            sent = self._client()._client_wrapper.get_headers()
        except ApiError as exc:
            raise _refusal(self.url, exc.status_code or 401, str(exc.body)[:300]) from exc
        return {"Authorization": str(sent["Authorization"])}


@functools.cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # 35 ms: once a process, not once a client


def _read(response: httpx.Response, uri: str, max_bytes: int) -> bytes:
    status, started = response.status_code, time.monotonic()
    if status != 200:
        raise ImageRefused(
            f"image {uri}: got HTTP {status}; expected its bytes; is the file there, and is its "
            f"folder registered as storage in Label Studio?"
        )
    parts: list[bytes] = []
    received = 0
    for part in response.iter_bytes():
        parts.append(part)
        received += len(part)
        if received > max_bytes:
            raise too_large(f"image {uri}", max_bytes)
        if time.monotonic() - started > SECONDS_PER_IMAGE:
            raise ImageRefused(f"image {uri}: still coming after {SECONDS_PER_IMAGE:.0f} s")
    return b"".join(parts)


def _json(where: str, response: httpx.Response) -> Any:
    if response.status_code == 204 or not response.content:
        return None
    try:
        return response.json()
    except json.JSONDecodeError as exc:
        raise Refused(
            f"{where}: got {response.headers.get('content-type', 'no type')} instead of JSON; "
            f"is this the address of Label Studio?",
            response.status_code,
        ) from exc


def _refusal(where: str, status: int, detail: str) -> Refused:
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
    return Refused(f"{where}: got HTTP {status} {detail}; {cure}", status)


def _detail(response: httpx.Response) -> str:
    """What Label Studio says about a failure, in at most 300 characters."""
    try:
        answer = response.json()
    except ValueError:
        return ""
    if not isinstance(answer, dict):
        return str(answer)[:300]
    faults = answer.get("validation_errors")
    return str(faults or answer.get("detail", ""))[:300]


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _words(exc: httpx.HTTPError) -> str:
    return str(exc) or type(exc).__name__

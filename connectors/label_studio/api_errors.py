"""What a failed request to Label Studio means, as our errors: who refused what, and the cure."""

from __future__ import annotations

import httpx
from label_studio_sdk.core.api_error import ApiError

from daemon.domain.errors import ConnectorRefused, ConnectorUnavailable
from daemon.domain.faults import printable

DETAIL_CHARS = 300  # of what Label Studio says about a failure
_CURES = {
    401: "check the token: copy it again from Account & Settings",
    403: "this user may not do that: use the token of a member of the organization",
    404: "check the address and the project's number in config.toml",
}


class ApiRefused(ConnectorRefused):
    """Label Studio answered a request with a refusal.

    where: the request, as "GET http://host/api/version". status: of HTTP. detail: what Label
    Studio said about it, "" for nothing. got, cure: parts of the message.
    """

    def __init__(
        self,
        where: str,
        *,
        status: int,
        got: str,
        cure: str,
        expected: str = "an answer",
        detail: str = "",
    ) -> None:
        super().__init__(f"{where}: got {got}; expected {expected}; {cure}")
        self.where, self.status, self.detail = where, status, detail
        self.got, self.cure = got, cure


def refusal(where: str, status: int, detail: str) -> ApiRefused:
    """The error for a status from 400 to 499, with what to do about it."""
    cure = _CURES.get(status, "see Label Studio's log")
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
    got = f"HTTP {status} {detail}".rstrip()
    return ApiRefused(where, status=status, got=got, cure=cure, detail=detail)


def redirect_refusal(where: str, response: httpx.Response) -> ApiRefused:
    """The error for a redirect, which is never followed: the token goes to one origin only."""
    target = printable(response.headers.get("location", "another address"), DETAIL_CHARS)
    return ApiRefused(
        where,
        status=response.status_code,
        got=f"a redirect to {target}",
        cure="put the address it ends at into config.toml",
    )


def not_json(where: str, got: str, status: int) -> ApiRefused:
    """The error for an answer that is no JSON."""
    return ApiRefused(
        where,
        status=status,
        got=got,
        expected="what Label Studio answers",
        cure="is this the address of Label Studio?",
    )


def unreachable(where: str, exc: httpx.HTTPError) -> ConnectorUnavailable:
    """The error for a request that was not sent."""
    return ConnectorUnavailable(
        f"{where}: {reason(exc)}; start Label Studio, or correct its address in config.toml"
    )


def token_refusal(url: str, exc: ApiError) -> ConnectorRefused | ConnectorUnavailable:
    """The error for a personal access token that was not exchanged. Of the answer only the body
    is used: the text of an ApiError shows the headers."""
    status = exc.status_code or 401
    said = exc.body.get("detail", exc.body) if isinstance(exc.body, dict) else exc.body
    if status >= 500 or status == 429:
        return ConnectorUnavailable(f"{url}: the exchange of the token got HTTP {status}")
    detail = str(said)[:DETAIL_CHARS]
    return ApiRefused(
        url,
        status=status,
        got=f"HTTP {status} {detail} for the personal access token",
        expected="an access token in exchange",
        cure="make a new one under Account & Settings and put it where the old one was",
        detail=detail,
    )


def detail_of(response: httpx.Response) -> str:
    """What Label Studio says about a failure, in at most `DETAIL_CHARS` characters."""
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict):
        return printable(str(answer), DETAIL_CHARS)
    faults = answer.get("validation_errors")
    return printable(str(faults or answer.get("detail", "")), DETAIL_CHARS)


def reason(exc: httpx.HTTPError) -> str:
    """Why a request failed, in words; never empty."""
    return str(exc) or type(exc).__name__

"""`GET /api/v1`: every address for programs, each beside the page whose twin it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask import Blueprint
from flask.typing import ResponseReturnValue

from daemon.insight.view_model import ViewModel
from daemon.web.page import API, Page, SubPage, json_response

_NUMBER = re.compile(r"<(?:[^:<>]*:)?(\w+)>")


class ApiAddress(ViewModel):
    """A page and its twin; what stands in braces is a number."""

    title: str
    """What it shows."""
    page: str
    """Address of the page."""
    json_address: str
    """Address of its twin; it takes the query of the page."""
    schema_address: str
    """Address of the JSON schema of the twin."""


class ApiIndex(ViewModel):
    """The addresses for programs."""

    pages: tuple[ApiAddress, ...]
    """Every page, in the order of the navigation; those below a page follow it."""
    commands: str
    """POST a command here as JSON; GET it and its number for what became of one."""
    session: str
    """POST a token here to sign in."""


def api_index(pages: Sequence[Page]) -> ApiIndex:
    """The index of these pages. Pure."""
    found = []
    for page in pages:
        found.append(_address(page.title, page.html_path, page.json_path, page.schema_path))
        found += [_below(sub) for sub in page.sub_pages]
    return ApiIndex(pages=tuple(found), commands=f"{API}/commands", session=f"{API}/session")


def index_routes(pages: Sequence[Page]) -> Blueprint:
    """GET /api/v1."""
    routes = Blueprint("api", __name__)

    @routes.get(API)
    def index() -> ResponseReturnValue:
        return json_response(api_index(pages))

    return routes


def _below(sub: SubPage) -> ApiAddress:
    place = _NUMBER.sub(r"{\1}", sub.address)
    return _address(sub.title, place, f"{API}{place}", sub.schema_path)


def _address(title: str, page: str, json_address: str, schema_address: str) -> ApiAddress:
    return ApiAddress(
        title=title, page=page, json_address=json_address, schema_address=schema_address
    )

"""A page: one template, one JSON twin and its schema, made from the status."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from daemon.insight.view_model import ViewModel
from daemon.status.model import Status

ReadStatus = Callable[[], Status]
FOLDER = Path(__file__).parent / "pages"


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page consists of.

    name: in addresses: /NAME, /NAME.json and /NAME.schema.json, unless address and json_address
    say otherwise. title: in the navigation. model: the type of its JSON. view: computes it from the
    status; pure. template: its file in `folder`, which is given `view` (the model) and `status`.
    """

    name: str
    title: str
    template: str
    model: type[ViewModel]
    view: Callable[[Status], ViewModel]
    address: str = ""
    json_address: str = ""
    folder: Path = FOLDER

    @property
    def html_path(self) -> str:
        """Address of the page."""
        return self.address or f"/{self.name}"

    @property
    def json_path(self) -> str:
        """Address of its JSON twin."""
        return self.json_address or f"/{self.name}.json"

    @property
    def schema_path(self) -> str:
        """Address of the JSON schema of the twin."""
        return f"{self.json_path.removesuffix('.json')}.schema.json"


def blueprint(page: Page, read_status: ReadStatus) -> Blueprint:
    """The three addresses of a page, each of which only reads."""
    routes = Blueprint(page.name, __name__, template_folder=str(page.folder))

    @routes.get(page.html_path)
    def html() -> ResponseReturnValue:
        status = read_status()
        text = render_template(page.template, page=page, view=page.view(status), status=status)
        return _alternate(Response(text), page.json_path, "application/json")

    @routes.get(page.json_path)
    def twin() -> ResponseReturnValue:
        response = _json(page.view(read_status()).as_json())
        return _alternate(response, page.html_path, "text/html")

    @routes.get(page.schema_path)
    def schema() -> ResponseReturnValue:
        return _json(page.model.json_schema(), "application/schema+json")

    return routes


def _json(value: dict[str, Any], mimetype: str = "application/json") -> Response:
    return Response(json.dumps(value, indent=1, allow_nan=False), mimetype=mimetype)


def _alternate(response: Response, address: str, mimetype: str) -> Response:
    response.headers["Link"] = f'<{address}>; rel="alternate"; type="{mimetype}"'
    return response

"""A page: one template, one JSON twin and its schema, made from what the daemon has stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from daemon.config.loading import Config
from daemon.domain.errors import MaskloopError
from daemon.insight.person_names import AnyModel, Pseudonyms, without_names
from daemon.insight.view_model import ViewModel
from daemon.status.model import Status
from daemon.store import FILE, Store
from daemon.web.access.gate import visitor
from daemon.web.access.people import PeopleOfStore

ReadStatus = Callable[[], Status]
ReadConfig = Callable[[], Config]
FOLDER = Path(__file__).parent / "pages"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where pages read from. read_config: the settings in force; None where pages show the status
    alone."""

    read_status: ReadStatus
    read_config: ReadConfig | None = None
    _people: PeopleOfStore = field(default_factory=PeopleOfStore)

    def visible(self, model: AnyModel) -> AnyModel:
        """A model as the visitor may see it: with the names of people for a lead only, in fields of
        the type PersonName (daemon/insight/person_names.py)."""
        if visitor().sees_names:
            return model
        return without_names(model, self.pseudonyms())

    def pseudonyms(self) -> Pseudonyms:
        """What stands in the place of names for those who may not see them."""
        try:
            with self.store() as store:
                return self._people.pseudonyms(store)
        except NothingToShow:
            return Pseudonyms(())

    def state(self) -> Path:
        """The state folder. Raises NothingToShow where no settings are known."""
        if self.read_config is None:
            raise NothingToShow("no settings are known; start the pages with `maskloop run`")
        return self.read_config().state

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store, read-only and as it was at one moment. Raises NothingToShow before the first
        run."""
        path = None if self.read_config is None else self.read_config().state / FILE
        if path is None or not path.exists():
            raise NothingToShow("the loop has not run yet; start it with `maskloop run`")
        with Store(path, read_only=True) as store:
            store.require_current(path)
            with store.read_transaction():
                yield store


class NothingToShow(MaskloopError):
    """What a page shows is not there yet."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page consists of.

    name: in addresses: /NAME, /NAME.json and /NAME.schema.json, unless address and json_address
    say otherwise. title: in the navigation. model: the type of its JSON. view: computes it from the
    status; pure. build: computes it from the store instead, where the status does not hold it.
    template: its file in `folder`, which is given `view` (the model) and `status`. routes: adds
    further addresses, such as pictures.
    """

    name: str
    title: str
    template: str
    model: type[ViewModel]
    view: Callable[[Status], ViewModel] | None = None
    build: Callable[[Sources], ViewModel] | None = None
    routes: Callable[[Blueprint, Sources], None] | None = None
    address: str = ""
    json_address: str = ""
    folder: Path = FOLDER

    def __post_init__(self) -> None:
        if (self.view is None) == (self.build is None):
            raise TypeError(f"page {self.name}: expected either `view` or `build`")

    def model_of(self, sources: Sources, status: Status) -> ViewModel:
        """What the page shows the visitor now. status: with all names, as it was read."""
        if self.view is not None:
            return sources.visible(self.view(status))
        if self.build is not None:
            return sources.visible(self.build(sources))
        raise TypeError(f"page {self.name}: has neither `view` nor `build`")

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


def blueprint(page: Page, sources: Sources) -> Blueprint:
    """The addresses of a page, each of which only reads."""
    routes = Blueprint(page.name, __name__, template_folder=str(page.folder))

    @routes.get(page.html_path)
    def html() -> ResponseReturnValue:
        read = sources.read_status()
        view = page.model_of(replace(sources, read_status=lambda: read), read)  # read once
        status = view if isinstance(view, Status) else sources.visible(read)
        text = render_template(page.template, page=page, view=view, status=status)
        return _alternate(Response(text), page.json_path, "application/json")

    @routes.get(page.json_path)
    def twin() -> ResponseReturnValue:
        response = _json(page.model_of(sources, sources.read_status()).as_json())
        return _alternate(response, page.html_path, "text/html")

    @routes.get(page.schema_path)
    def schema() -> ResponseReturnValue:
        return _json(page.model.json_schema(), "application/schema+json")

    if page.routes is not None:
        page.routes(routes, sources)
    return routes


def _json(value: dict[str, Any], mimetype: str = "application/json") -> Response:
    return Response(json.dumps(value, indent=1, allow_nan=False), mimetype=mimetype)


def _alternate(response: Response, address: str, mimetype: str) -> Response:
    response.headers["Link"] = f'<{address}>; rel="alternate"; type="{mimetype}"'
    return response

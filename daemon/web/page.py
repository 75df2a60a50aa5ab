"""A page: one template, one JSON twin and its schema, made from what the daemon has stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template, request
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
API = "/api/v1"  # what programs read and ask for


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
class SubPage:
    """A page below another one, with numbers in its address.

    name: of its schema. title: what it shows. address: as Flask writes it, with numbers such as
    <int:cycle>; its JSON twin lies at /api/v1 + the same. build: computes its model from the store;
    the numbers are named arguments; it may abort with 404. template: in the folder of the page; it
    is given the fields of the model by name.
    """

    name: str
    title: str
    address: str
    template: str
    model: type[ViewModel]
    build: Callable[..., ViewModel]

    @property
    def schema_path(self) -> str:
        """Address of the JSON schema of its twin."""
        return f"{API}/schemas/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page consists of.

    name: in addresses: /NAME, its twin /api/v1/NAME and /api/v1/schemas/NAME; address is said where
    it is not /NAME. title: in the navigation. model: the type of its JSON. view: computes it from
    the status; pure. build: computes it from the store instead, where the status does not hold it.
    template: its file in `folder`, which is given `view` (the model) and `status`. routes: adds
    further addresses, such as pictures. sub_pages: below it. old_json_address: of the twin in
    earlier releases, which stays; /NAME.json where it is not said.
    """

    name: str
    title: str
    template: str
    model: type[ViewModel]
    view: Callable[[Status], ViewModel] | None = None
    build: Callable[[Sources], ViewModel] | None = None
    routes: Callable[[Blueprint, Sources], None] | None = None
    sub_pages: tuple[SubPage, ...] = ()
    address: str = ""
    old_json_address: str = ""
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
        return f"{API}/{self.name}"

    @property
    def schema_path(self) -> str:
        """Address of the JSON schema of the twin."""
        return f"{API}/schemas/{self.name}"

    @property
    def old_json_path(self) -> str:
        """Address of the twin in earlier releases."""
        return self.old_json_address or f"/{self.name}.json"


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
    @routes.get(page.old_json_path)
    def twin() -> ResponseReturnValue:
        response = json_response(page.model_of(sources, sources.read_status()))
        return _alternate(response, page.html_path, "text/html")

    @routes.get(page.schema_path)
    @routes.get(f"{page.old_json_path.removesuffix('.json')}.schema.json")
    def schema() -> ResponseReturnValue:
        return _schema(page.model)

    for each in page.sub_pages:
        _add_sub_page(routes, sources, page, each)
    if page.routes is not None:
        page.routes(routes, sources)
    return routes


def _add_sub_page(routes: Blueprint, sources: Sources, page: Page, sub: SubPage) -> None:
    """The addresses of a page below another one."""

    def html(**numbers: int) -> ResponseReturnValue:
        read = sources.read_status()
        view = sources.visible(sub.build(replace(sources, read_status=lambda: read), **numbers))
        fields = {name: getattr(view, name) for name in type(view).model_fields}
        query = f"?{request.query_string.decode()}" if request.query_string else ""
        places = {"twin_path": f"{API}{request.path}{query}", "schema_path": sub.schema_path}
        shown = {**fields, **places, "view": view, "status": sources.visible(read)}
        text = render_template(sub.template, page=page, **shown)
        return _alternate(Response(text), places["twin_path"], "application/json")

    def twin(**numbers: int) -> ResponseReturnValue:
        view = sources.visible(sub.build(sources, **numbers))
        place = request.full_path.removeprefix(API).rstrip("?")
        return _alternate(json_response(view), place, "text/html")

    routes.add_url_rule(sub.address, sub.name, html)
    routes.add_url_rule(f"{API}{sub.address}", f"{sub.name}_twin", twin)
    routes.add_url_rule(sub.schema_path, f"{sub.name}_schema", lambda: _schema(sub.model))


def json_response(view: ViewModel) -> Response:
    """A model as programs read it."""
    return _json(view.as_json())


def _schema(model: type[ViewModel]) -> Response:
    return _json(model.json_schema(), "application/schema+json")


def _json(value: dict[str, Any], mimetype: str = "application/json") -> Response:
    return Response(json.dumps(value, indent=1, allow_nan=False), mimetype=mimetype)


def _alternate(response: Response, address: str, mimetype: str) -> Response:
    response.headers["Link"] = f'<{address}>; rel="alternate"; type="{mimetype}"'
    return response

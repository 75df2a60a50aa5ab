"""The projects of a Label Studio server: to choose one, and to let an adopted one show people why
an image is asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from connectors.label_studio import label_config
from connectors.label_studio import project as projects
from connectors.label_studio.api import Api
from connectors.label_studio.api_errors import ApiRefused
from connectors.label_studio.label_tags import PIECE
from connectors.label_studio.smart_tags import smart_faults, with_smart_tag
from connectors.label_studio.task_fields import parse_id
from connectors.unreadable import typed
from daemon.domain import ClassSet, Fault
from daemon.domain.errors import ConnectorRefused
from daemon.domain.faults import printable

PAGE = 100  # projects a request
TITLE_CHARS = 60  # that are shown of a title
_FIELDS = "id,title,description,task_number,total_annotations_number"


@dataclass(frozen=True, kw_only=True)
class ServerProject:
    """A project as the server lists it. tasks, annotations: how many it holds, None for unknown.
    owner: the store whose mark it has, "" for none."""

    number: int
    title: str
    tasks: int | None = None
    annotations: int | None = None
    owner: str = ""

    def __str__(self) -> str:
        counts = [
            f"{'?' if count is None else count} {name}{'' if count == 1 else 's'}"
            for count, name in ((self.tasks, "task"), (self.annotations, "annotation"))
        ]
        return f"{self.number}  {printable(self.title, TITLE_CHARS)!r}, {', '.join(counts)}"


class ServerProjects:
    """The projects of a server; use it in a `with` block, which closes the connections."""

    def __init__(self, url: str, token: Callable[[], str]) -> None:
        self._api = Api(url, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._api.close()

    def list_all(self) -> Sequence[ServerProject]:
        """Every project that this token may see, by number."""
        found: dict[int, ServerProject] = {}
        for page in itertools.count(1):
            answer, before = self._page(page), len(found)
            found |= {project.number: project for project in map(_project, answer["results"])}
            if not answer.get("next") or len(found) == before:
                break
        return [found[number] for number in sorted(found)]

    def get(self, number: int) -> ServerProject:
        """The project with this number. Raises ConnectorRefused where there is none."""
        return _project(self._read(number))

    def config_faults(self, number: int, classes: ClassSet) -> Sequence[Fault]:
        """Where the label config of a project does not fit these classes."""
        return projects.config_faults(self._read(number), classes)

    def config_to_paste(self, number: int, classes: ClassSet) -> str:
        """A label config for these classes to paste; "" where the project has a usable one."""
        found = label_config.parse(str(self._read(number).get("label_config")))
        return label_config.render(classes) if isinstance(found, Fault) else ""

    def labels(self, number: int) -> Sequence[str]:
        """The labels that people can draw; empty where they cannot be read or differ by task."""
        found = label_config.parse(str(self._read(number).get("label_config")))
        if isinstance(found, Fault) or found.is_dynamic:
            return ()
        return (*found.labels, *found.other_labels)

    def reason_obstacles(self, number: int) -> Sequence[str]:
        """Why people would not see why an image is asked, in words; empty where they see it."""
        project, words = self._read(number), []
        found = label_config.parse(str(project.get("label_config")))
        if not isinstance(found, Fault) and not found.shows_reason:
            words.append(f"the label config has no {label_config.REASON_TAG}")
        if not project.get("show_instruction"):
            words.append("the instructions are not shown before labeling")
        return words

    def show_reason(self, number: int) -> Sequence[str]:
        """Add the line that shows why an image is asked, and turn the instructions on; returns what
        was done, in words. Everything else in the label config stays byte for byte."""
        project = self._read(number)
        changes: dict[str, Any] = {}
        actions = []
        text = str(project.get("label_config"))
        found = label_config.parse(text)
        if not isinstance(found, Fault) and not found.shows_reason:
            changes["label_config"] = insert_reason_tag(text)
            actions.append(f"added {label_config.REASON_TAG} to the label config")
        if not project.get("show_instruction"):
            changes["show_instruction"] = True
            actions.append("turned the instructions on: people see the guide before they label")
        if changes:
            self._api.patch(f"api/projects/{number}/", changes)
        return actions

    def smart_tool_faults(self, number: int) -> Sequence[Fault]:
        """Why people could not click in this project; empty for nothing."""
        return smart_faults(str(self._read(number).get("label_config")))

    def add_smart_tool(self, number: int) -> Sequence[str]:
        """Add the tag that people click with to the label config; returns what was done, in words.
        Raises ConnectorRefused where it cannot be added."""
        text = str(self._read(number).get("label_config"))
        changed = with_smart_tag(text)
        if changed == text:
            return []
        self._api.patch(f"api/projects/{number}/", {"label_config": changed})
        return ["added the tag of the smart tool to the label config"]

    def _read(self, number: int) -> Mapping[str, Any]:
        try:
            found = self._api.get(f"api/projects/{number}/")
        except ApiRefused as exc:
            if exc.status != 404:
                raise
            raise ConnectorRefused(
                f"{self._api.url}: got no project {number}; expected one of its projects; "
                f"`maskloop init` lists them where config.toml has project = 0"
            ) from exc
        if not isinstance(found, dict):
            raise self._unexpected(found)
        return found

    def _page(self, page: int) -> Mapping[str, Any]:
        answer = self._api.get("api/projects/", page=page, page_size=PAGE, include=_FIELDS)
        if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
            raise self._unexpected(answer)
        return answer

    def _unexpected(self, found: object) -> ConnectorRefused:
        return ConnectorRefused(
            f"{self._api.url}: got {typed(found)}; expected projects; is this the address of Label "
            f"Studio?"
        )


def insert_reason_tag(xml: str) -> str:
    """The config with a line that shows why an image is asked, first in its outermost tag.

    Everything else stays as it is. Raises ConnectorRefused where it cannot be inserted.
    """
    outermost = next(
        (one for one in PIECE.finditer(xml) if one[0][1] not in "!?"),
        None,
    )
    if outermost is None or outermost[0].endswith("/>"):
        raise _not_insertable()
    end = outermost.end()
    newline = "\r\n" if xml[end : end + 2] == "\r\n" else "\n"
    text = f"{xml[:end]}{newline}  {label_config.REASON_TAG}{xml[end:]}"
    before, after = label_config.parse(xml), label_config.parse(text)
    if (
        isinstance(before, Fault)
        or isinstance(after, Fault)
        or not _is_same_but_for_reason(before, after)
    ):
        raise _not_insertable()
    return text


def _is_same_but_for_reason(
    before: label_config.LabelConfig, after: label_config.LabelConfig
) -> bool:
    compared = (before.control, before.labels, before.other_labels, before.image_field)
    return after.shows_reason and compared == (
        after.control,
        after.labels,
        after.other_labels,
        after.image_field,
    )


def _not_insertable() -> ConnectorRefused:
    return ConnectorRefused(
        f"label config of the project: got no outermost tag that holds others; expected one, for "
        f"the line that shows why an image is asked; add {label_config.REASON_TAG} yourself, in "
        f"the project's settings under Labeling Interface"
    )


def _project(row: object) -> ServerProject:
    number = parse_id(row.get("id")) if isinstance(row, dict) else None
    if not isinstance(row, dict) or number is None:
        raise ConnectorRefused(
            f"the list of projects: got {typed(row)}; expected projects with their numbers; see "
            f"Label Studio's log"
        )
    return ServerProject(
        number=number,
        title=str(row.get("title") or ""),
        tasks=_count(row.get("task_number")),
        annotations=_count(row.get("total_annotations_number")),
        owner=projects.owner_of(row),
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

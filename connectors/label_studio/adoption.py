"""The projects that a Label Studio has, to choose one from, and what an adopted one lacks so that
people see why an image is asked."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from connectors.label_studio import label_config
from connectors.label_studio import project as projects
from connectors.label_studio.api import Api, Refused
from connectors.label_studio.task_fields import number_of
from connectors.refusals import kind
from daemon.domain import ClassSet, Fault
from daemon.domain.errors import ConnectorRefused
from daemon.domain.faults import printable

PAGE = 100  # projects a request
TITLE_CHARS = 60  # that are shown of a title
_FIELDS = "id,title,description,task_number,total_annotations_number"
# Comments, instructions and whole tags, whose attributes may hold a ">".
_PIECE = re.compile(r"<!--.*?-->|<\?.*?\?>|<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class ServerProject:
    """A project as the server lists it. tasks, annotations: how many it holds, None where that is
    not told. owner: the store of the Maskloop that works on it, "" for none."""

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


class Projects:
    """The projects of a server; use it in a `with` block, which frees the connections."""

    def __init__(self, url: str, token: Callable[[], str]) -> None:
        self._api = Api(url, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._api.close()

    def all(self) -> Sequence[ServerProject]:
        """Every project that this token may see, by number."""
        found: dict[int, ServerProject] = {}
        for page in itertools.count(1):
            answer, before = self._page(page), len(found)
            found |= {one.number: one for one in map(_project, answer["results"])}
            if not answer.get("next") or len(found) == before:
                break
        return [found[number] for number in sorted(found)]

    def one(self, number: int) -> ServerProject:
        """The project with this number. Raises ConnectorRefused where there is none."""
        return _project(self._read(number))

    def config_faults(self, number: int, classes: ClassSet) -> Sequence[Fault]:
        """Where the label config of a project does not fit these classes."""
        return projects.config_faults(self._read(number), classes)

    def config_to_paste(self, number: int, classes: ClassSet) -> str:
        """A label config for these classes; "" where the project has one that can be used."""
        found = label_config.read(str(self._read(number).get("label_config")))
        return label_config.config(classes) if isinstance(found, Fault) else ""

    def labels(self, number: int) -> Sequence[str]:
        """What people can draw in a project; empty where that cannot be read or varies."""
        found = label_config.read(str(self._read(number).get("label_config")))
        if isinstance(found, Fault) or found.dynamic:
            return ()
        return (*found.labels, *found.other_labels)

    def hides_reason(self, number: int) -> Sequence[str]:
        """What keeps people from seeing why an image is asked, in words; empty for nothing."""
        project, words = self._read(number), []
        found = label_config.read(str(project.get("label_config")))
        if not isinstance(found, Fault) and not found.shows_reason:
            words.append(f"the label config has no {label_config.REASON_TAG}")
        if not project.get("show_instruction"):
            words.append("the instructions are not shown before labeling")
        return words

    def show_reason(self, number: int) -> Sequence[str]:
        """Add the line that shows why an image is asked, and turn the instructions on; what was
        done, in words. Everything else in the label config stays byte for byte."""
        project = self._read(number)
        changes: dict[str, Any] = {}
        did = []
        text = str(project.get("label_config"))
        found = label_config.read(text)
        if not isinstance(found, Fault) and not found.shows_reason:
            changes["label_config"] = with_reason(text)
            did.append(f"added {label_config.REASON_TAG} to the label config")
        if not project.get("show_instruction"):
            changes["show_instruction"] = True
            did.append("turned the instructions on: people see the guide before they label")
        if changes:
            self._api.patch(f"api/projects/{number}/", changes)
        return did

    def _read(self, number: int) -> Mapping[str, Any]:
        try:
            found = self._api.get(f"api/projects/{number}/")
        except Refused as exc:
            if exc.status != 404:
                raise
            raise ConnectorRefused(
                f"{self._api.url}: got no project {number}; expected one of its projects; "
                f"`maskloop init` lists them where config.toml has project = 0"
            ) from exc
        if not isinstance(found, dict):
            raise self._odd(found)
        return found

    def _page(self, page: int) -> Mapping[str, Any]:
        answer = self._api.get("api/projects/", page=page, page_size=PAGE, include=_FIELDS)
        if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
            raise self._odd(answer)
        return answer

    def _odd(self, found: object) -> ConnectorRefused:
        return ConnectorRefused(
            f"{self._api.url}: got {kind(found)} where projects belong; expected what Label Studio "
            f"answers; is this its address?"
        )


def with_reason(xml: str) -> str:
    """The config with a line that shows why an image is asked, first in its outermost tag.

    Everything else stays as it is. Raises ConnectorRefused where there is no place for it.
    """
    outermost = next(
        (one for one in _PIECE.finditer(xml) if one[0][1] not in "!?"),
        None,
    )
    if outermost is None or outermost[0].endswith("/>"):
        raise _no_place()
    end = outermost.end()
    newline = "\r\n" if xml[end : end + 2] == "\r\n" else "\n"
    text = f"{xml[:end]}{newline}  {label_config.REASON_TAG}{xml[end:]}"
    before, after = label_config.read(xml), label_config.read(text)
    if isinstance(before, Fault) or isinstance(after, Fault) or not _same(before, after):
        raise _no_place()
    return text


def _same(before: label_config.Wiring, after: label_config.Wiring) -> bool:
    same = (before.control, before.labels, before.other_labels, before.image_field)
    return after.shows_reason and same == (
        after.control,
        after.labels,
        after.other_labels,
        after.image_field,
    )


def _no_place() -> ConnectorRefused:
    return ConnectorRefused(
        f"label config of the project: found no place for the line that shows why an image is "
        f"asked; add {label_config.REASON_TAG} yourself, in the project's settings under Labeling "
        f"Interface"
    )


def _project(row: object) -> ServerProject:
    number = number_of(row.get("id")) if isinstance(row, dict) else None
    if not isinstance(row, dict) or number is None:
        raise ConnectorRefused(
            f"the list of projects: got {kind(row)}; expected projects with their numbers; see "
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

"""The tags of a label config: object tags, control tags, and which belongs to which.

They are read as Label Studio's page does: the case of tags and attributes does not matter, a
control without `toName` belongs to the only object, and a label with an alias is stored as its
alias. The text comes from outside: its size is bounded, and document types are refused, so that no
entity expands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

MAX_CHARS = 2**20
MAX_TAGS = 20_000
OBJECTS = frozenset(
    {"image", "text", "hypertext", "audio", "audioplus", "video", "paragraphs", "timeseries"}
    | {"list", "table", "pdf", "chat"}
)
# Tags for layout, and parts of other tags: nobody answers with them.
LAYOUT = frozenset(
    {"view", "header", "style", "label", "choice", "shortcut", "relation", "item", "panel"}
    | {"collapse", "markdown", "bucket", "channel", "repeater"}
)

# Comments, instructions and whole tags as they are written; attributes may hold a ">".
PIECE = re.compile(r"<!--.*?-->|<\?.*?\?>|<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.DOTALL)


class InvalidLabelConfig(ValueError):
    """A label config that is no XML document of bounded size; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """A label of a tag. stored: as in results. displayed: as people see it. colour: "" for none."""

    stored: str
    displayed: str
    colour: str


@dataclass(frozen=True, kw_only=True)
class Tag:
    """An object or control tag. kind: its name in lower case. written: as the config has it.

    to: names of its objects. labels: of its Label tags at any depth. is_repeated: whether it is
    inside a Repeater. attributes: by name in lower case.
    """

    kind: str
    written: str
    name: str
    to: tuple[str, ...]
    labels: tuple[Label, ...]
    is_repeated: bool
    attributes: dict[str, str]

    @property
    def markup(self) -> str:
        """For a person: `<BrushLabels name="mask">`."""
        return f'<{self.written} name="{self.name}">' if self.name else f"<{self.written}>"

    def is_on(self, attribute: str) -> bool:
        """Whether an attribute says yes."""
        return self.attributes.get(attribute, "").lower() == "true"


@dataclass(frozen=True, kw_only=True)
class Tags:
    """The tags of a label config, in the order of its text. objects: what is shown. controls: what
    people answer with."""

    objects: tuple[Tag, ...]
    controls: tuple[Tag, ...]


def read_tags(label_config: str) -> Tags:
    """The named tags of a config. Raises InvalidLabelConfig."""
    found = list(_walk(_root(label_config), is_repeated=False))
    objects = tuple(tag for tag in found if tag.kind in OBJECTS)
    names = tuple(dict.fromkeys(tag.name for tag in objects))
    controls = tuple(
        tag if tag.to or len(names) != 1 else _with_object(tag, names)
        for tag in found
        if tag.kind not in OBJECTS
    )
    return Tags(objects=objects, controls=controls)


def _root(label_config: str) -> ElementTree.Element:
    if len(label_config) > MAX_CHARS:
        raise InvalidLabelConfig(f"{len(label_config)} characters; at most {MAX_CHARS}")
    upper = label_config.upper()
    if "<!DOCTYPE" in upper or "<!ENTITY" in upper:
        raise InvalidLabelConfig("a document type, which Label Studio does not take either")
    try:
        root = ElementTree.fromstring(label_config)
    except (ElementTree.ParseError, ValueError, RecursionError) as exc:
        raise InvalidLabelConfig(str(exc)) from exc
    if sum(1 for _ in root.iter()) > MAX_TAGS:
        raise InvalidLabelConfig(f"more than {MAX_TAGS} tags")
    return root


def _walk(root: ElementTree.Element, *, is_repeated: bool) -> Iterator[Tag]:
    """Depth first, without recursion: a config may be nested to any depth."""
    waiting = [(root, is_repeated)]
    while waiting:
        element, inside = waiting.pop()
        kind = _kind(element)
        if kind not in LAYOUT:
            yield _tag(element, is_repeated=inside)
        inside = inside or kind == "repeater"
        waiting += [(child, inside) for child in reversed(element)]


def _tag(element: ElementTree.Element, *, is_repeated: bool) -> Tag:
    attributes = {name.lower(): value for name, value in element.attrib.items()}
    return Tag(
        kind=_kind(element),
        written=str(element.tag),
        name=attributes.get("name", ""),
        to=tuple(filter(None, (one.strip() for one in attributes.get("toname", "").split(",")))),
        labels=tuple(_labels(element)),
        is_repeated=is_repeated,
        attributes=attributes,
    )


def _labels(element: ElementTree.Element) -> Iterator[Label]:
    for inner in element.iter():
        if inner is element or _kind(inner) != "label":
            continue
        attributes = {name.lower(): value for name, value in inner.attrib.items()}
        value = attributes.get("value", "")
        stored = attributes.get("alias") or value
        if stored:
            yield Label(stored=stored, displayed=value, colour=attributes.get("background", ""))


def _kind(element: ElementTree.Element) -> str:
    return element.tag.lower() if isinstance(element.tag, str) else ""


def _with_object(tag: Tag, names: Sequence[str]) -> Tag:
    return Tag(**{**vars(tag), "to": tuple(names)})

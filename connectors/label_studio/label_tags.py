"""The tags of a label config: what is shown, what people answer with, and how they hang together.

Read as Label Studio's page reads it: the case of tags and attributes does not matter, a control
without `toName` belongs to the only thing that is shown, and a label is stored as its alias where
it has one. The text comes from outside: it is bounded, and declares no document type, so that
nothing expands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

MAX_CHARS = 2**20
MAX_TAGS = 20_000
OBJECTS = frozenset(
    {"image", "text", "hypertext", "audio", "audioplus", "video", "paragraphs", "timeseries"}
    | {"list", "table", "pdf", "chat"}
)
# Tags that lay out, decorate or belong to another one: nobody answers with them.
LAYOUT = frozenset(
    {"view", "header", "style", "label", "choice", "shortcut", "relation", "item", "panel"}
    | {"collapse", "markdown", "bucket", "channel", "repeater"}
)


class BadConfig(ValueError):
    """A label config that is no bounded XML document; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """A label of a tag. stored: what results hold. shown: what people see. colour: "" for none."""

    stored: str
    shown: str
    colour: str


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A tag with a name, or one that draws. kind: in lower case. written: as the config has it.

    to: names of what it is about. labels: of its Label tags, wherever they lie inside. repeated:
    whether a Repeater makes several of it. attributes: by name in lower case.
    """

    kind: str
    written: str
    name: str
    to: tuple[str, ...]
    labels: tuple[Label, ...]
    repeated: bool
    attributes: dict[str, str]

    @property
    def said(self) -> str:
        """For a person: `<BrushLabels name="mask">`."""
        return f'<{self.written} name="{self.name}">' if self.name else f"<{self.written}>"

    def is_on(self, attribute: str) -> bool:
        """Whether an attribute says yes."""
        return self.attributes.get(attribute, "").lower() == "true"


@dataclass(frozen=True, kw_only=True)
class Tags:
    """objects: what is shown. controls: what people answer with; both in the order of the text."""

    objects: tuple[Tag, ...]
    controls: tuple[Tag, ...]


def read_tags(label_config: str) -> Tags:
    """The named tags of a config. Raises BadConfig."""
    found = list(_walk(_root(label_config), repeated=False))
    objects = tuple(tag for tag in found if tag.kind in OBJECTS)
    shown = tuple(dict.fromkeys(tag.name for tag in objects))
    controls = tuple(
        tag if tag.to or len(shown) != 1 else _about(tag, shown)
        for tag in found
        if tag.kind not in OBJECTS
    )
    return Tags(objects=objects, controls=controls)


def _root(label_config: str) -> ElementTree.Element:
    if len(label_config) > MAX_CHARS:
        raise BadConfig(f"{len(label_config)} characters; at most {MAX_CHARS}")
    upper = label_config.upper()
    if "<!DOCTYPE" in upper or "<!ENTITY" in upper:
        raise BadConfig("a document type, which Label Studio does not take either")
    try:
        root = ElementTree.fromstring(label_config)
    except (ElementTree.ParseError, ValueError, RecursionError) as exc:
        raise BadConfig(str(exc)) from exc
    if sum(1 for _ in root.iter()) > MAX_TAGS:
        raise BadConfig(f"more than {MAX_TAGS} tags")
    return root


def _walk(root: ElementTree.Element, *, repeated: bool) -> Iterator[Tag]:
    """Depth first, without recursion: nobody says how deep a config is."""
    waiting = [(root, repeated)]
    while waiting:
        element, inside = waiting.pop()
        kind = _kind(element)
        if kind not in LAYOUT:
            yield _tag(element, repeated=inside)
        inside = inside or kind == "repeater"
        waiting += [(child, inside) for child in reversed(element)]


def _tag(element: ElementTree.Element, *, repeated: bool) -> Tag:
    attributes = {name.lower(): value for name, value in element.attrib.items()}
    return Tag(
        kind=_kind(element),
        written=str(element.tag),
        name=attributes.get("name", ""),
        to=tuple(filter(None, (one.strip() for one in attributes.get("toname", "").split(",")))),
        labels=tuple(_labels(element)),
        repeated=repeated,
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
            yield Label(stored=stored, shown=value, colour=attributes.get("background", ""))


def _kind(element: ElementTree.Element) -> str:
    return element.tag.lower() if isinstance(element.tag, str) else ""


def _about(tag: Tag, shown: Sequence[str]) -> Tag:
    return Tag(**{**vars(tag), "to": tuple(shown)})

"""The tag of a label config that people click with: checked, rendered, added to a config.

Label Studio sends clicks of a control with `smart="true"`. Every control is smart unless it says
otherwise, and the first smart one takes the clicks: so the mask tag has to say `smart="false"`
(measured on 1.23.2: otherwise the button offers the brush, and a click sends nothing).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import quoteattr

from connectors.label_studio import label_config as label_configs
from connectors.label_studio.label_config import LabelConfig
from connectors.label_studio.label_tags import PIECE, Tag, read_tags
from connectors.masks.regions import SHAPES
from daemon.domain import Fault
from daemon.domain.errors import ConnectorRefused

KIND = "keypointlabels"
NAME = "click"


def smart_tag(labels: Sequence[str], colours: Mapping[str, str], to_name: str, name: str) -> str:
    """The tag, one Label a class. colours: label -> "#rrggbb", where there is one."""
    rows = "\n".join(
        f"    <Label value={quoteattr(label)}"
        f"{f' background={quoteattr(colours[label])}' if label in colours else ''}"
        f' smart="true"/>'
        for label in labels
    )
    return (
        f"  <KeyPointLabels name={quoteattr(name)} toName={quoteattr(to_name)} "
        f'smart="true" smartOnly="true">\n{rows}\n  </KeyPointLabels>'
    )


def smart_faults(label_config: str) -> Sequence[Fault]:
    """What keeps clicks from being sent or answered, each with the config to paste as its cure;
    empty where all is well, and for a config without masks, of which others complain."""
    found = label_configs.parse(label_config)
    if isinstance(found, Fault):
        return ()
    if found.control.type in SHAPES or found.is_dynamic:
        got = "shapes only" if found.control.type in SHAPES else "labels from each task's data"
        return [_fault(got, "a BitmaskLabels tag with a Label for each class", "add one")]
    got = _what_is_missing(found, read_tags(label_config).controls)
    if not got:
        return ()
    return [_fault(got, f'smart="false" on {found.control.from_name!r}, and\n{_tag(found)}', _CURE)]


def with_smart_tag(label_config: str) -> str:
    """The config with the tag behind its mask tag, which is no longer smart; every other byte stays
    as it is. Raises ConnectorRefused where that cannot be done."""
    found = label_configs.parse(label_config)
    if isinstance(found, Fault) or found.control.type in SHAPES or found.is_dynamic:
        raise _not_insertable()
    if not smart_faults(label_config):
        return label_config
    if any(tag.kind == KIND for tag in read_tags(label_config).controls):
        raise _not_insertable()  # theirs has other labels, or another purpose
    opened = _opening_tag(label_config, found)
    closed = _closing_tag(label_config, opened)
    newline = "\r\n" if "\r\n" in label_config else "\n"
    tag = _tag(found).replace("\n", newline)
    text = (
        label_config[: opened.start()]
        + _not_smart(opened[0])
        + label_config[opened.end() : closed.end()]
        + f"{newline}{tag}"
        + label_config[closed.end() :]
    )
    after = label_configs.parse(text)
    if isinstance(after, Fault) or smart_faults(text) or after.control != found.control:
        raise _not_insertable()
    return text


_CURE = (
    "put both into the label config, in the project's settings under Labeling Interface, or run "
    "`maskloop init --add-smart-tool`"
)


def _tag(found: LabelConfig) -> str:
    return smart_tag(found.labels, found.colours, found.control.to_name, NAME)


def _what_is_missing(found: LabelConfig, controls: Sequence[Tag]) -> str:
    """What is wrong, in words; "" for nothing."""
    on_image = [tag for tag in controls if found.control.to_name in tag.to]
    masks = [tag for tag in on_image if tag.name in found.control.types]
    if smart := [tag.markup for tag in masks if tag.attributes.get("smart", "").lower() != "false"]:
        return f'{", ".join(smart)} without smart="false": it takes the clicks'
    clicked = [tag for tag in on_image if tag.kind == KIND and tag.is_on("smart")]
    if not clicked:
        return "no tag to click with"
    labels = {label.stored for label in clicked[0].labels}
    if missing := [label for label in found.labels if label not in labels]:
        return f"{clicked[0].markup} without a label for {', '.join(missing)}"
    if unknown := sorted(labels - set(found.labels)):
        return f"{clicked[0].markup} with a label for {', '.join(unknown)}, which no mask has"
    return ""


def _opening_tag(text: str, found: LabelConfig) -> re.Match[str]:
    """The mask tag as it is written. Raises ConnectorRefused where it cannot be found."""
    name = re.compile(rf"\sname\s*=\s*[\"']{re.escape(found.control.from_name)}[\"']", re.I)
    for piece in PIECE.finditer(text):
        kind = re.match(r"<(\w+)", piece[0])
        if kind and kind[1].lower() == found.control.type and name.search(piece[0]):
            return piece
    raise _not_insertable()


def _closing_tag(text: str, opened: re.Match[str]) -> re.Match[str]:
    for piece in PIECE.finditer(text, opened.start()):
        is_end = piece[0].startswith("</") or (piece[0] == opened[0] and piece[0].endswith("/>"))
        if is_end and (piece[0].endswith("/>") or _kind(piece[0]) == _kind(opened[0])):
            return piece
    raise _not_insertable()


def _kind(piece: str) -> str:
    found = re.match(r"</?(\w+)", piece)
    return found[1].lower() if found else ""


def _not_smart(piece: str) -> str:
    """The mask tag with smart="false"."""
    without = re.sub(r"\ssmart\s*=\s*(\"[^\"]*\"|'[^']*')", "", piece, flags=re.I)
    end = "/>" if without.endswith("/>") else ">"
    return f'{without.removesuffix(end).rstrip()} smart="false"{end}'


def _fault(got: str, expected: str, cure: str) -> Fault:
    return Fault(
        where="label config of the project, for the smart tool",
        got=got,
        expected=expected,
        cure=cure,
    )


def _not_insertable() -> ConnectorRefused:
    return ConnectorRefused(
        "label config of the project: the tag of the smart tool cannot be added: expected one "
        "BitmaskLabels or BrushLabels tag with a Label for each class, and no KeyPointLabels tag; "
        "add it yourself, as `maskloop check` prints it"
    )

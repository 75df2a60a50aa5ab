"""Label configs: the one that Maskloop writes, and reading any other.

Masks are drawn with BitmaskLabels, one Label a class; background has none where it is what
nobody drew. `smart="false"` keeps Label Studio's auto-detection from grabbing the brush.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

from connectors.label_studio.label_tags import BadConfig, Label, Tag, Tags, read_tags
from connectors.label_studio.unsupported_tags import unread
from connectors.masks.regions import BRUSH, SHAPES, TYPE, Control
from daemon.domain import ClassSet, Fault

TAG = "BitmaskLabels"
# Mask tags and the type of their regions; the first that a project has is written.
TYPES = {
    TAG: TYPE,
    "BrushLabels": BRUSH,
    "PolygonLabels": "polygonlabels",
    "RectangleLabels": "rectanglelabels",
    "EllipseLabels": "ellipselabels",
}
REASON_FIELD = "maskloop_reason"
REASON_TAG = f'<Header value="${REASON_FIELD}" size="5"/>'
# Distinct for colour-blind people too, and none close to leaf green or soil brown.
COLOURS = ("#0072b2", "#d55e00", "#cc79a7", "#f0e442", "#56b4e9", "#e69f00", "#ffffff", "#7b2d8b")
IGNORE_COLOUR = "#808080"


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """How a label config joins images and masks.

    image_field: the key of a task's data that names its image. labels: of the mask tag that is
    written. other_labels: those that only its other mask tags have. notes: what a person should
    know about this config, in words. shows_reason: whether it shows why an image was asked.
    colours: label -> colour, of the labels that have one. faults: what people could draw that is
    not read. dynamic: whether the labels of the written tag come from each task's data.
    """

    control: Control
    image_field: str
    labels: tuple[str, ...]
    other_labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    shows_reason: bool = True
    colours: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    dynamic: bool = False


def read(label_config: str) -> Wiring | Fault:
    """The mask tags on one image, or what is wrong with the config.

    Predictions are written with the first tag in the order of `TYPES`: with exact masks where
    there is a choice. The other mask tags on that image are read.
    """
    try:
        tags = read_tags(label_config)
    except BadConfig as exc:
        return _fault(f"one that cannot be read: {exc}", "one with a mask tag", _PASTE)
    drawing = sorted(_readable(tags), key=lambda tag: _ORDER.index(tag.kind))
    for first in drawing:
        image = first.to[0]
        same = [tag for tag in drawing if tag.to[0] == image]
        return _wiring(same, image, tags, shows_reason=f"${REASON_FIELD}" in label_config)
    names = ", ".join(sorted({tag.written for tag in tags.controls})) or "nothing"
    return _fault(f"{names} to draw with", f"{', '.join(TYPES)} on an image", _PASTE)


def notes(label_config: str) -> tuple[str, ...]:
    """What a person should know about a config that can be used; empty for one that cannot."""
    found = read(label_config)
    return () if isinstance(found, Fault) else found.notes


def disagreements(wiring: Wiring, classes: ClassSet) -> Sequence[Fault]:
    """Classes that only one of label config and config.toml knows."""
    wanted = classes.drawn
    missing = [] if wiring.dynamic else sorted(set(wanted) - set(wiring.labels))
    known = {*wanted, *classes.renamed}
    unknown = [name for name in (*wiring.labels, *wiring.other_labels) if name not in known]
    faults = list(wiring.faults)
    if missing:
        faults.append(
            _fault(
                f"no label for {', '.join(missing)} in the tag {wiring.control.from_name!r}",
                f"a Label for each of {', '.join(sorted(wanted))}",
                "add it in the project's settings under Labeling Interface, or take the class "
                "out of config.toml",
            )
        )
    if unknown:
        faults.append(
            _fault(
                f"the label {', '.join(unknown)}, which config.toml does not know",
                f"{', '.join(sorted(wanted))}",
                "add it to the classes in config.toml (never background while unlabeled pixels "
                "are background), or remove the label from the project",
            )
        )
    return faults


_ONLY_SHAPES = (
    f"people draw shapes only: no prediction is shown to them, and holes cannot be drawn; add a "
    f"{TAG} tag to show predictions"
)
NO_REASON = (
    f"people do not see why an image is asked: to show it, add {REASON_TAG} to the label config; "
    f"tasks that are asked from then on get the words in their data"
)
_PASTE = "paste the label config that `maskloop init` prints into the project's settings"


_ORDER = [tag.lower() for tag in TYPES]


def _readable(tags: Tags) -> Iterator[Tag]:
    """Mask tags on an image of the task, each name once."""
    images = {one.name for one in tags.objects if one.kind == "image" and _one_image(one)}
    known: set[str] = set()
    for tag in tags.controls:
        drawn = tag.kind in _ORDER and tag.name and not tag.repeated
        if drawn and len(tag.to) == 1 and tag.to[0] in images and tag.name not in known:
            known.add(tag.name)
            yield tag


def _one_image(tag: Tag) -> bool:
    """Whether each task names one image for it in a field of its data."""
    value = tag.attributes.get("value", "")
    return value.startswith("$") and "valuelist" not in tag.attributes and not tag.repeated


def _wiring(drawing: Sequence[Tag], image: str, tags: Tags, *, shows_reason: bool) -> Wiring:
    """drawing: mask tags, all on this image, the one that is written first."""
    controls = [Control(from_name=tag.name, to_name=image, type=tag.kind) for tag in drawing]
    shown = next(tag for tag in tags.objects if tag.name == image)
    labels = tuple(dict.fromkeys(label.stored for label in drawing[0].labels))
    further = dict.fromkeys(label.stored for tag in drawing[1:] for label in tag.labels)
    others = tuple(name for name in further if name not in labels)
    only_shapes = drawing[0].kind in SHAPES
    faults, notes = unread(tags, drawing, image)
    return Wiring(
        control=Control(
            from_name=drawing[0].name,
            to_name=image,
            type=drawing[0].kind,
            others=tuple(controls[1:]),
            elsewhere=frozenset(tag.name for tag in tags.objects if tag.name != image),
        ),
        image_field=shown.attributes["value"][1:],
        labels=(*labels, *others) if only_shapes else labels,
        other_labels=() if only_shapes else others,
        notes=(
            *((_ONLY_SHAPES,) if only_shapes else ()),
            *notes,
            *(() if shows_reason else (NO_REASON,)),
        ),
        shows_reason=shows_reason,
        colours=_colours([label for tag in reversed(drawing) for label in tag.labels]),
        faults=tuple(_fault(*fault) for fault in faults),
        dynamic=drawing[0].attributes.get("value", "").startswith("$"),
    )


def _colours(labels: Sequence[Label]) -> dict[str, str]:
    return {label.stored: label.colour for label in labels if label.colour}


def config(classes: ClassSet) -> str:
    """A label config that shows above the image why it was asked, nothing where it was not, and
    the classes: below it Label Studio hides their buttons behind Skip and Submit.

    Label Studio 1.23.2 takes tasks without that field too: a header is no field that it requires.
    """
    labels = [
        f"    <Label value={quoteattr(name)} background={quoteattr(COLOURS[row % len(COLOURS)])}/>"
        for row, name in enumerate(name for name in classes.drawn if name != classes.ignore_label)
    ]
    if classes.ignore_label:
        ignored = quoteattr(classes.ignore_label)
        labels.append(f'    <Label value={ignored} background="{IGNORE_COLOUR}"/>')
    rows = "\n".join(labels)
    return (
        "<View>\n"
        f"  {REASON_TAG}\n"
        f'  <{TAG} name="mask" toName="image" smart="false">\n'
        f"{rows}\n"
        f"  </{TAG}>\n"
        '  <Image name="image" value="$image" zoom="true" zoomControl="true" smoothing="false"/>\n'
        "</View>\n"
    )


def _fault(got: str, expected: str, cure: str) -> Fault:
    return Fault(where="label config of the project", got=got, expected=expected, cure=cure)

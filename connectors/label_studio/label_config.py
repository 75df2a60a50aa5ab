"""Label configs: rendering ours, and parsing any other.

Masks are drawn with BitmaskLabels, one Label a class; background has none where undrawn pixels
mean background. `smart="false"` keeps Label Studio's auto-detection from grabbing the brush.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

from connectors.label_studio.label_tags import InvalidLabelConfig, Label, Tag, Tags, read_tags
from connectors.label_studio.unsupported_tags import unsupported
from connectors.masks.regions import BITMASK, BRUSH, SHAPES, Control
from daemon.domain import ClassSet, Fault
from daemon.domain.class_colours import COLOURS, IGNORE_COLOUR

TAG = "BitmaskLabels"
# Mask tags and the type of their regions; predictions use the first one that a project has.
TYPES = {
    TAG: BITMASK,
    "BrushLabels": BRUSH,
    "PolygonLabels": "polygonlabels",
    "RectangleLabels": "rectanglelabels",
    "EllipseLabels": "ellipselabels",
}
REASON_FIELD = "maskloop_reason"
REASON_TAG = f'<Header value="${REASON_FIELD}" size="5"/>'


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """A parsed label config that can be used.

    control: the mask tag that predictions use; its `others` are read too. image_field: the field
    of a task's data with the address of its image. labels: of `control`. other_labels: those that
    only other mask tags have. notes: what a person should know about this config, in words.
    shows_reason: whether it shows why an image is asked. colours: label -> colour. faults: what
    people could draw and Maskloop would not read. is_dynamic: whether the labels of `control` come
    from each task's data.
    """

    control: Control
    image_field: str
    labels: tuple[str, ...]
    other_labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    shows_reason: bool = True
    colours: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    is_dynamic: bool = False


def parse(label_config: str) -> LabelConfig | Fault:
    """The mask tags on one image, or the fault of a config without any.

    Predictions use the first tag in the order of `TYPES`: with exact masks where there is a choice.
    """
    try:
        tags = read_tags(label_config)
    except InvalidLabelConfig as exc:
        return _fault(f"one that cannot be read: {exc}", "one with a mask tag", _PASTE)
    mask_tags = sorted(_mask_tags(tags), key=lambda tag: _ORDER.index(tag.kind))
    for first in mask_tags:
        image = first.to[0]
        same = [tag for tag in mask_tags if tag.to[0] == image]
        return _label_config(same, image, tags, shows_reason=f"${REASON_FIELD}" in label_config)
    names = ", ".join(sorted({tag.written for tag in tags.controls})) or "nothing"
    return _fault(f"{names} to draw with", f"{', '.join(TYPES)} on an image", _PASTE)


def notes(label_config: str) -> tuple[str, ...]:
    """What a person should know about a config that can be used; empty for one that cannot."""
    found = parse(label_config)
    return () if isinstance(found, Fault) else found.notes


def class_mismatches(config: LabelConfig, classes: ClassSet) -> Sequence[Fault]:
    """Faults for classes that are only in the label config or only in config.toml."""
    drawn = classes.drawn
    missing = [] if config.is_dynamic else sorted(set(drawn) - set(config.labels))
    known = {*drawn, *classes.renamed}
    unknown = [name for name in (*config.labels, *config.other_labels) if name not in known]
    faults = list(config.faults)
    if missing:
        faults.append(
            _fault(
                f"no label for {', '.join(missing)} in the tag {config.control.from_name!r}",
                f"a Label for each of {', '.join(sorted(drawn))}",
                "add it in the project's settings under Labeling Interface, or take the class "
                "out of config.toml",
            )
        )
    if unknown:
        faults.append(
            _fault(
                f"the label {', '.join(unknown)}, which config.toml does not know",
                f"{', '.join(sorted(drawn))}",
                "add it to the classes in config.toml (never background while unlabeled pixels "
                "are background), or remove the label from the project",
            )
        )
    return faults


_ONLY_SHAPES = (
    f"people draw shapes only: no prediction is shown to them, and holes cannot be drawn; add a "
    f"{TAG} tag to show predictions"
)
REASON_NOT_SHOWN = (
    f"people do not see why an image is asked: to show it, add {REASON_TAG} to the label config; "
    f"tasks that are asked from then on get the words in their data"
)
_PASTE = "paste the label config that `maskloop init` prints into the project's settings"


_ORDER = [tag.lower() for tag in TYPES]


def _mask_tags(tags: Tags) -> Iterator[Tag]:
    """Mask tags on an image of the task, each name once."""
    images = {one.name for one in tags.objects if one.kind == "image" and _shows_one_image(one)}
    known: set[str] = set()
    for tag in tags.controls:
        drawn = tag.kind in _ORDER and tag.name and not tag.is_repeated
        if drawn and len(tag.to) == 1 and tag.to[0] in images and tag.name not in known:
            known.add(tag.name)
            yield tag


def _shows_one_image(tag: Tag) -> bool:
    """Whether each task names one image for it in a field of its data."""
    value = tag.attributes.get("value", "")
    return value.startswith("$") and "valuelist" not in tag.attributes and not tag.is_repeated


def _label_config(
    mask_tags: Sequence[Tag], image: str, tags: Tags, *, shows_reason: bool
) -> LabelConfig:
    """mask_tags: all on this image; the first one is used for predictions."""
    controls = [Control(from_name=tag.name, to_name=image, type=tag.kind) for tag in mask_tags]
    shown = next(tag for tag in tags.objects if tag.name == image)
    labels = tuple(dict.fromkeys(label.stored for label in mask_tags[0].labels))
    further = dict.fromkeys(label.stored for tag in mask_tags[1:] for label in tag.labels)
    others = tuple(name for name in further if name not in labels)
    only_shapes = mask_tags[0].kind in SHAPES
    faults, notes = unsupported(tags, mask_tags, image)
    return LabelConfig(
        control=Control(
            from_name=mask_tags[0].name,
            to_name=image,
            type=mask_tags[0].kind,
            others=tuple(controls[1:]),
            other_objects=frozenset(tag.name for tag in tags.objects if tag.name != image),
        ),
        image_field=shown.attributes["value"][1:],
        labels=(*labels, *others) if only_shapes else labels,
        other_labels=() if only_shapes else others,
        notes=(
            *((_ONLY_SHAPES,) if only_shapes else ()),
            *notes,
            *(() if shows_reason else (REASON_NOT_SHOWN,)),
        ),
        shows_reason=shows_reason,
        colours=_colours([label for tag in reversed(mask_tags) for label in tag.labels]),
        faults=tuple(_fault(*fault) for fault in faults),
        is_dynamic=mask_tags[0].attributes.get("value", "").startswith("$"),
    )


def _colours(labels: Sequence[Label]) -> dict[str, str]:
    return {label.stored: label.colour for label in labels if label.colour}


def render(classes: ClassSet) -> str:
    """A label config with the reason and the classes above the image: below it Label Studio hides
    the classes behind Skip and Submit.

    Label Studio 1.23.2 takes tasks without the reason too: a header is no field that it requires.
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

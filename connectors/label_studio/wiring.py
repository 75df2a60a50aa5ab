"""Label configs: the one that Maskloop writes, and reading any other.

Masks are drawn with BitmaskLabels, one Label a class; background has none where it is what
nobody drew. `smart="false"` keeps Label Studio's auto-detection from grabbing the brush.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from xml.sax.saxutils import quoteattr

from label_studio_sdk.label_interface.interface import LabelInterface

from connectors.regions import BRUSH, SHAPES, TYPE, Control
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
    colours: label -> colour, of the labels that have one.
    """

    control: Control
    image_field: str
    labels: tuple[str, ...]
    other_labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    shows_reason: bool = True
    colours: Mapping[str, str] = field(default_factory=dict)


def read(label_config: str) -> Wiring | Fault:
    """The mask tags on one image, or what is wrong with the config.

    Predictions are written with the first tag in the order of `TYPES`: with exact masks where
    there is a choice. The other mask tags on that image are read.
    """
    try:
        interface: Any = LabelInterface(label_config)
        controls = [control for control in interface.controls if control.tag in TYPES]
        fields = {tag.name: str(tag.value) for tag in interface.objects if tag.tag == "Image"}
    except Exception as exc:  # the SDK's parser raises many kinds
        return _fault(f"one that cannot be read: {exc}", "one with a mask tag", _PASTE)
    controls.sort(key=lambda control: list(TYPES).index(control.tag))
    for control in controls:
        image = control.to_name[0]
        if fields.get(image, "").startswith("$"):
            same = [other for other in controls if other.to_name[0] == image]
            wiring = _wiring(same, image, fields[image][1:])
            return wiring if f"${REASON_FIELD}" in label_config else _without_reason(wiring)
    tags = ", ".join(sorted({control.tag for control in interface.controls})) or "nothing"
    return _fault(f"{tags} to draw with", f"{', '.join(TYPES)} on an image", _PASTE)


def notes(label_config: str) -> tuple[str, ...]:
    """What a person should know about a config that can be used; empty for one that cannot."""
    found = read(label_config)
    return () if isinstance(found, Fault) else found.notes


def disagreements(wiring: Wiring, classes: ClassSet) -> Sequence[Fault]:
    """Classes that only one of label config and config.toml knows."""
    wanted = classes.drawn
    missing = sorted(set(wanted) - set(wiring.labels))
    unknown = [name for name in (*wiring.labels, *wiring.other_labels) if name not in wanted]
    faults = []
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
_NO_REASON = (
    f"people do not see why an image is asked: to show it, add {REASON_TAG} to the label config; "
    f"tasks that are asked from then on get the words in their data"
)
_PASTE = "paste the label config that `maskloop init` prints into the project's settings"


def _wiring(tags: Sequence[Any], image: str, image_field: str) -> Wiring:
    """tags: of the SDK, all on this image, the one that is written first."""
    written, *others = (
        Control(from_name=tag.name, to_name=image, type=TYPES[tag.tag]) for tag in tags
    )
    labels = tuple(tags[0].labels)
    further = {label: None for tag in tags[1:] for label in tag.labels if label not in labels}
    only_shapes = written.type in SHAPES
    return Wiring(
        control=replace(written, others=tuple(others)),
        image_field=image_field,
        labels=(*labels, *further) if only_shapes else labels,
        other_labels=() if only_shapes else tuple(further),
        notes=(_ONLY_SHAPES,) if only_shapes else (),
        colours=_colours(tags),
    )


def _without_reason(wiring: Wiring) -> Wiring:
    return replace(wiring, shows_reason=False, notes=(*wiring.notes, _NO_REASON))


def _colours(tags: Sequence[Any]) -> dict[str, str]:
    given = {
        name: label.attr.get("background")
        for tag in reversed(tags)
        for name, label in tag.labels_attrs.items()
    }
    return {name: str(colour) for name, colour in given.items() if colour}


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

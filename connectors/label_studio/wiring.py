"""Label configs: the one that Maskloop writes, and reading any other.

Masks are drawn with BitmaskLabels, one Label a class; background has none, it is where nothing
is drawn. `smart="false"` keeps Label Studio's auto-detection from grabbing the brush.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from label_studio_sdk.label_interface.interface import LabelInterface

from connectors.regions import Control
from daemon.domain import ClassSet, Fault

TAG = "BitmaskLabels"
REASON_FIELD = "maskloop_reason"
# Distinct for colour-blind people too, and none close to leaf green or soil brown.
COLOURS = ("#0072b2", "#d55e00", "#cc79a7", "#f0e442", "#56b4e9", "#e69f00", "#ffffff", "#7b2d8b")
IGNORE_COLOUR = "#808080"


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """How a label config joins images and masks.

    image_field: the key of a task's data that names its image. labels: of the mask tag.
    """

    control: Control
    image_field: str
    labels: tuple[str, ...]


def config_with_reason(classes: ClassSet) -> str:
    """A label config that shows above the image why it was chosen; its data needs a reason."""
    return _config(classes, f'  <Header value="${REASON_FIELD}" size="5"/>\n')


def config(classes: ClassSet) -> str:
    """A label config for tasks that hold an image and nothing else."""
    return _config(classes, "")


def read(label_config: str) -> Wiring | Fault:
    """The first BitmaskLabels tag and its image, or what is wrong with the config."""
    try:
        interface: Any = LabelInterface(label_config)
        controls = [control for control in interface.controls if control.tag == TAG]
        fields = {tag.name: str(tag.value) for tag in interface.objects if tag.tag == "Image"}
    except Exception as exc:  # the SDK's parser raises many kinds
        return _fault(f"one that cannot be read: {exc}", "one with a mask tag", _PASTE)
    for control in controls:
        image = control.to_name[0]
        if fields.get(image, "").startswith("$"):
            return Wiring(
                control=Control(from_name=control.name, to_name=image),
                image_field=fields[image][1:],
                labels=tuple(control.labels),
            )
    tags = ", ".join(sorted({control.tag for control in interface.controls})) or "nothing"
    return _fault(f"{tags} to draw with", f"{TAG} on an image", _PASTE)


def disagreements(wiring: Wiring, classes: ClassSet) -> Sequence[Fault]:
    """Classes that only one of label config and config.toml knows."""
    wanted = set(classes.names[1:]) | ({classes.ignore_label} - {""})
    missing = [name for name in sorted(wanted) if name not in wiring.labels]
    unknown = [name for name in wiring.labels if name not in wanted]
    faults = []
    if missing:
        faults.append(
            _fault(
                f"no label for {', '.join(missing)}",
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
                "add it to the classes in config.toml (never background: that is where nothing "
                "is drawn), or remove the label from the project",
            )
        )
    return faults


_PASTE = "paste the label config that `maskloop init` prints into the project's settings"


def _config(classes: ClassSet, header: str) -> str:
    labels = [
        f"    <Label value={quoteattr(name)} background={quoteattr(COLOURS[row % len(COLOURS)])}/>"
        for row, name in enumerate(classes.names[1:])
    ]
    if classes.ignore_label:
        ignored = quoteattr(classes.ignore_label)
        labels.append(f'    <Label value={ignored} background="{IGNORE_COLOUR}"/>')
    rows = "\n".join(labels)
    return (
        "<View>\n"
        f"{header}"
        '  <Image name="image" value="$image" zoom="true" zoomControl="true" smoothing="false"/>\n'
        f'  <{TAG} name="mask" toName="image" smart="false">\n'
        f"{rows}\n"
        f"  </{TAG}>\n"
        "</View>\n"
    )


def _fault(got: str, expected: str, cure: str) -> Fault:
    return Fault(where="label config of the project", got=got, expected=expected, cure=cure)

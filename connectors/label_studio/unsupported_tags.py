"""Tags of a label config whose answers Maskloop does not read: reported before the first task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from connectors.label_studio.label_tags import Tag, Tags
from connectors.masks.regions import BITMASK, SHAPES

FaultTexts = tuple[str, str, str]  # got, expected, cure

# Tags that draw pixels; they are read only as one of the mask tags.
PIXELS = frozenset(
    {BITMASK, "brushlabels", *SHAPES, "bitmask", "brush", "polygon", "rectangle", "ellipse"}
    | {"magicwand", "vectorlabels", "vector"}
)
POINTS = frozenset({"keypoint", "keypointlabels"})
_READ = "BitmaskLabels, BrushLabels, PolygonLabels, RectangleLabels or EllipseLabels with a Label "
_READ += "for each class, on the image of the task"
_REMOVE = "replace it by one of these, or take it out of the label config"


def unsupported(
    tags: Tags, mask_tags: Sequence[Tag], image: str
) -> tuple[list[FaultTexts], list[str]]:
    """Faults: what people could draw that would be refused or lost. Notes: what else to know.

    mask_tags: those that are read, all on this image.
    """
    others = [tag for tag in tags.controls if tag not in mask_tags]
    faults = [
        *_unread_mask_tags([tag for tag in others if tag.name not in _names(mask_tags)], image),
        *_duplicate_names(tags),
        *_multi_page_images(tags),
        *_tags_without_labels(mask_tags),
    ]
    notes = [*_other_answers(others), *_other_objects(tags, image)]
    for tag in mask_tags:
        notes += _label_notes(tag)
    return faults, notes


def _names(mask_tags: Sequence[Tag]) -> set[str]:
    return {tag.name for tag in mask_tags}


def _unread_mask_tags(others: Sequence[Tag], image: str) -> Iterator[FaultTexts]:
    for tag in others:
        if tag.kind not in PIXELS or (tag.kind == "magicwand" and tag.to == (image,)):
            continue  # a wand draws regions of the brush tag beside it
        if tag.is_repeated:
            got, cure = f"{tag.markup} inside a Repeater", "write it out, on one image"
        elif not tag.name:
            got, cure = f"{tag.markup} without a name", "give it a name"
        elif len(tag.to) > 1:
            got, cure = f"{tag.markup} on several images", "let toName name one image"
        elif tag.to and tag.to != (image,):
            got = f"{tag.markup} on {tag.to[0]!r}, which is not the image {image!r}"
            cure = (
                "make a project for it: each task is about one image; what is drawn there is lost"
            )
        elif not tag.to:
            got, cure = f"{tag.markup} on nothing", f'add toName="{image}"'
        else:
            got, cure = f"{tag.markup}, whose regions are not read", _REMOVE
        yield got, _READ, cure


def _duplicate_names(tags: Tags) -> Iterator[FaultTexts]:
    counts = Counter(tag.name for tag in (*tags.objects, *tags.controls) if tag.name)
    for name, count in counts.items():
        if count > 1:
            yield f"{count} tags named {name!r}", "one tag a name", "rename all but one"


def _multi_page_images(tags: Tags) -> Iterator[FaultTexts]:
    for tag in tags.objects:
        if tag.kind == "image" and "valuelist" in tag.attributes:
            got = f"{tag.markup} with valueList: several pages a task"
            yield got, "one image a task", "make one task of each page, with value instead"


def _tags_without_labels(mask_tags: Sequence[Tag]) -> Iterator[FaultTexts]:
    for tag in mask_tags:
        if not tag.labels and not tag.attributes.get("value", "").startswith("$"):
            yield f"{tag.markup} without a Label", "a Label for each class", "add them"


def _other_answers(others: Sequence[Tag]) -> Iterator[str]:
    """Text, choices, points and the like: Label Studio keeps them, Maskloop does not read them."""
    clicked = [tag for tag in others if tag.kind in POINTS]
    points = [tag.markup for tag in clicked if not tag.is_on("smart")]  # else of the smart tool
    rest = [tag.markup for tag in others if tag.kind not in PIXELS | POINTS and tag.name]
    if points:
        yield f"points hold no area: what is drawn with {', '.join(points)} is not read"
    if rest:
        yield (
            f"not read, only masks are: answers with {', '.join(rest)}; they stay in Label Studio"
        )


def _other_objects(tags: Tags, image: str) -> Iterator[str]:
    others = [tag.markup for tag in tags.objects if tag.name != image]
    if others:
        yield f"only the image {image!r} is read; people also see {', '.join(others)}"


def _label_notes(tag: Tag) -> Iterator[str]:
    counts = Counter(label.stored for label in tag.labels)
    if duplicates := [name for name, count in counts.items() if count > 1]:
        names = ", ".join(duplicates)
        yield f"{tag.markup} has the label {names} more than once; they are one class"
    for label in tag.labels:
        if label.stored != label.displayed:
            yield (
                f"{tag.markup}: the label {label.displayed!r} is stored as its alias "
                f"{label.stored!r}; the alias has to be the class in config.toml"
            )
    if tag.attributes.get("value", "").startswith("$"):
        yield (
            f"{tag.markup} takes its labels from each task's data "
            f"({tag.attributes['value']}): those that are no class of config.toml are refused"
        )
    if tag.attributes.get("choice", "single").lower() == "multiple":
        yield f"{tag.markup} allows several labels a region: such an answer is refused"
    if tag.is_on("allowempty"):
        yield f"{tag.markup} allows regions without a label: such an answer is refused"

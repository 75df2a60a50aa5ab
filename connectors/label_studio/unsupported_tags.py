"""What a label config lets people do that Maskloop does not read, said before the first task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from connectors.label_studio.label_tags import Tag, Tags
from connectors.masks.regions import SHAPES, TYPE

Parts = tuple[str, str, str]  # of a fault: got, expected, cure

# What draws pixels, and is read only as one of the mask tags.
PIXELS = frozenset(
    {TYPE, "brushlabels", *SHAPES, "bitmask", "brush", "polygon", "rectangle", "ellipse"}
    | {"magicwand", "vectorlabels", "vector"}
)
POINTS = frozenset({"keypoint", "keypointlabels"})
_READ = "BitmaskLabels, BrushLabels, PolygonLabels, RectangleLabels or EllipseLabels with a Label "
_READ += "for each class, on the image of the task"
_REMOVE = "replace it by one of these, or take it out of the label config"


def unread(tags: Tags, drawing: Sequence[Tag], image: str) -> tuple[list[Parts], list[str]]:
    """Faults: what people could draw and would be refused or lost. Notes: what else to know.

    drawing: the mask tags that are read, all on this image.
    """
    others = [tag for tag in tags.controls if tag not in drawing]
    faults = [
        *_unread_masks([tag for tag in others if tag.name not in _names(drawing)], image),
        *_names_twice(tags),
        *_pages(tags),
        *_without_labels(drawing),
    ]
    notes = [*_other_answers(others), *_other_objects(tags, image)]
    for tag in drawing:
        notes += _labels_of(tag)
    return faults, notes


def _names(drawing: Sequence[Tag]) -> set[str]:
    return {tag.name for tag in drawing}


def _unread_masks(others: Sequence[Tag], image: str) -> Iterator[Parts]:
    for tag in others:
        if tag.kind not in PIXELS or (tag.kind == "magicwand" and tag.to == (image,)):
            continue  # a wand draws regions of the brush tag beside it
        if tag.repeated:
            got, cure = f"{tag.said} inside a Repeater", "write it out, on one image"
        elif not tag.name:
            got, cure = f"{tag.said} without a name", "give it a name"
        elif len(tag.to) > 1:
            got, cure = f"{tag.said} on several images", "let toName name one image"
        elif tag.to and tag.to != (image,):
            got = f"{tag.said} on {tag.to[0]!r}, which is not the image {image!r}"
            cure = (
                "make a project for it: each task is about one image; what is drawn there is lost"
            )
        elif not tag.to:
            got, cure = f"{tag.said} on nothing", f'add toName="{image}"'
        else:
            got, cure = f"{tag.said}, whose regions are not read", _REMOVE
        yield got, _READ, cure


def _names_twice(tags: Tags) -> Iterator[Parts]:
    counts = Counter(tag.name for tag in (*tags.objects, *tags.controls) if tag.name)
    for name, count in counts.items():
        if count > 1:
            yield f"{count} tags named {name!r}", "one tag a name", "rename all but one"


def _pages(tags: Tags) -> Iterator[Parts]:
    for tag in tags.objects:
        if tag.kind == "image" and "valuelist" in tag.attributes:
            got = f"{tag.said} with valueList: several pages a task"
            yield got, "one image a task", "make one task of each page, with value instead"


def _without_labels(drawing: Sequence[Tag]) -> Iterator[Parts]:
    for tag in drawing:
        if not tag.labels and not tag.attributes.get("value", "").startswith("$"):
            yield f"{tag.said} without a Label", "a Label for each class", "add them"


def _other_answers(others: Sequence[Tag]) -> Iterator[str]:
    """Text, choices, clicks and the like: kept by Label Studio, not read."""
    points = [tag.said for tag in others if tag.kind in POINTS]
    rest = [tag.said for tag in others if tag.kind not in PIXELS | POINTS and tag.name]
    if points:
        yield f"points hold no area: what is drawn with {', '.join(points)} is not read"
    if rest:
        yield (
            f"not read, only masks are: answers with {', '.join(rest)}; they stay in Label Studio"
        )


def _other_objects(tags: Tags, image: str) -> Iterator[str]:
    others = [tag.said for tag in tags.objects if tag.name != image]
    if others:
        yield f"only the image {image!r} is read; people also see {', '.join(others)}"


def _labels_of(tag: Tag) -> Iterator[str]:
    counts = Counter(label.stored for label in tag.labels)
    if twice := [name for name, count in counts.items() if count > 1]:
        yield f"{tag.said} has the label {', '.join(twice)} more than once; they are one class"
    for label in tag.labels:
        if label.stored != label.shown:
            yield (
                f"{tag.said}: the label {label.shown!r} is stored as its alias {label.stored!r}; "
                f"the alias has to be the class in config.toml"
            )
    if tag.attributes.get("value", "").startswith("$"):
        yield (
            f"{tag.said} takes its labels from each task's data "
            f"({tag.attributes['value']}): those that are no class of config.toml are refused"
        )
    if tag.attributes.get("choice", "single").lower() == "multiple":
        yield f"{tag.said} allows several labels a region: such an answer is refused"
    if tag.is_on("allowempty"):
        yield f"{tag.said} allows regions without a label: such an answer is refused"

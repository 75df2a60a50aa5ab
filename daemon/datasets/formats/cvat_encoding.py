"""A mask as CVAT for images 1.1: one `mask` element a class, run lengths along the rows of its box.

CVAT has no pixels without a label: they become masks of a label of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from daemon.domain import Mask
from daemon.domain.class_colours import COLOURS
from daemon.pixels import coco_rle
from daemon.pixels.masks import values_of


def head(labels: Sequence[str]) -> str:
    """The beginning of annotations.xml: version and labels; images and `TAIL` follow."""
    listed = "".join(
        f"<label><name>{escape(name)}</name><color>{COLOURS[at % len(COLOURS)]}</color>"
        f"<type>any</type><attributes></attributes></label>\n"
        for at, name in enumerate(labels)
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        f"<meta><task><labels>\n{listed}</labels></task></meta>\n"
    )


TAIL = "</annotations>\n"


def image(number: int, file: str, subset: str, mask: Mask, labels: Mapping[int, str]) -> str:
    """The element of an image, (H, W), with its masks.

    labels: pixel value -> label, of the values that become masks; raises KeyError for another one,
    except 0.
    """
    height_px, width_px = mask.shape
    entry = f"<image {_attributes(id=number, name=file, subset=subset)} "
    entry += f"{_attributes(width=width_px, height=height_px)}>\n"
    return "".join((entry, *_masks(mask, labels), "</image>\n"))


def _masks(mask: Mask, labels: Mapping[int, str]) -> Iterator[str]:
    for value in values_of(mask):
        if value == 0:
            continue
        inside = mask == value
        left, top, width, height = coco_rle.bounding_box(inside)
        patch = inside[top : top + height, left : left + width]
        box = _attributes(left=left, top=top, width=width, height=height, z_order=0)
        runs = ", ".join(map(str, coco_rle.encode(patch.T)))
        named = _attributes(label=labels[value], source="manual", occluded=0)
        yield f'<mask {named} rle="{runs}" {box}></mask>\n'


def _attributes(**values: object) -> str:
    return " ".join(f"{name}={quoteattr(str(value))}" for name, value in values.items())

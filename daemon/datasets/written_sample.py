"""One imported image: its picture and its mask, checked against one another and written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from daemon.datasets.class_map import Table
from daemon.datasets.import_report import Report
from daemon.datasets.samples import (
    NO_LABEL,
    Count,
    Labels,
    LabelsUnusable,
    Repair,
    Sample,
    Source,
    Values,
)
from daemon.datasets.source_tree import Tree, stem_of
from daemon.domain import IGNORE, Mask
from daemon.pixels import Picture, read_file, read_header, read_picture
from daemon.pixels.decoding import UPRIGHT
from daemon.pixels.masks import counts_of
from daemon.pixels.reader import Header

MOST_PIXELS = 2**28  # of an image
MOST_BYTES = 2**30


@dataclass(kw_only=True)
class Writer:
    """Writes samples below `part` and counts them in `report`. table: source value -> new value."""

    tree: Tree
    part: Path
    table: Table
    source: Source
    report: Report

    def __post_init__(self) -> None:
        self.images, self.masks = self.part / "images", self.part / "masks"
        self.images.mkdir()
        self.masks.mkdir()
        self._ignored = [
            value for value, name in enumerate(self.source.classes) if name in self.source.ignored
        ]

    def write(self, sample: Sample, name: str) -> bool:
        """Write one image, and its mask where it has one; whether it has. Raises ImageRefused and
        MaskRefused; then nothing of it is written."""
        where = f"image {sample.image}"
        content = read_file(self.tree.path(sample.image), where=where, max_bytes=MOST_BYTES)
        header = read_header(content, where=where, max_pixels=MOST_PIXELS)
        picture = read_picture(content, where=where, max_pixels=MOST_PIXELS)  # it is whole
        repairs = [*sample.repairs]
        mask = None
        if sample.labels is None:
            repairs.append(Count(repair=Repair.UNLABELED))
        else:
            size = (header.height_px, header.width_px)
            labels = _upright(sample.labels(size), header, sample.image)
            repairs += labels.repairs if labels.by_person else ()
            if labels.by_person:
                mask = self._mapped(labels.values, repairs)
            else:
                repairs.append(Count(repair=Repair.MACHINE_ONLY))
        if name != stem_of(sample.image.rpartition("/")[2]):
            repairs.append(Count(repair=Repair.RENAMED))
        repairs += self._save(name, content, header, picture)
        self.report.images += 1
        if mask is not None:
            Image.fromarray(mask).save(self.masks / f"{name}.png")
            self.report.labeled += 1
            self.report.pixels += counts_of(mask)
        self.report.repaired(repairs, sample.image)
        return mask is not None

    def _mapped(self, values: Values, repairs: list[Count]) -> Mask:
        by_convention = int(np.isin(values, self._ignored).sum()) if self._ignored else 0
        if by_convention:
            repairs.append(Count(repair=Repair.NO_CLASS_BY_CONVENTION, number=by_convention))
        no_label = values == NO_LABEL
        mask: Mask = self.table[np.where(no_label, 0, values)]
        mask[no_label] = IGNORE
        return mask

    def _save(
        self, name: str, content: bytes, header: Header, picture: Picture
    ) -> tuple[Count, ...]:
        if header.kind.shown_in_browser:
            (self.images / f"{name}{header.kind.suffix}").write_bytes(content)
            return ()
        Image.fromarray(picture).save(self.images / f"{name}.png")
        return (Count(repair=Repair.CONVERTED),)


def _upright(labels: Labels, header: Header, image: str) -> Labels:
    """The mask as the picture is seen. Raises LabelsUnusable for one of another size."""
    seen = (header.height_px, header.width_px)
    if labels.values.shape == seen:
        return labels
    if header.orientation >= 5 and labels.values.shape == seen[::-1]:
        turned = Image.fromarray(labels.values).transpose(UPRIGHT[header.orientation])
        repairs = (*labels.repairs, Count(repair=Repair.TURNED))
        return replace(labels, values=np.asarray(turned, np.uint16), repairs=repairs)
    height_px, width_px = labels.values.shape
    raise LabelsUnusable(
        f"the mask of {image}",
        f"{width_px}x{height_px} pixels",
        f"{seen[1]}x{seen[0]}, as its image is shown",
        "make the mask fit the image",
    )

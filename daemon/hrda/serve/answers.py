"""Predictions as files: PNG of class indices, run lengths of COCO, probabilities. Pure."""

from __future__ import annotations

import enum
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from daemon.domain import Mask
from daemon.hrda.inference.whole_images import ImagePrediction
from daemon.pixels import coco_rle
from daemon.pixels.masks import values_of

Confidence = Mapping[str, float]


class Form(enum.StrEnum):
    """What an answer is made of."""

    PNG = "png"
    RLE = "rle"
    PROBABILITIES = "probabilities"


TYPES = {  # form -> the media type of the answer for one picture
    Form.PNG: "image/png",
    Form.RLE: "application/json",
    Form.PROBABILITIES: "application/x-npz",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The body of an answer and its media type."""

    body: bytes
    media_type: str


def answer_of(form: Form, model: str, parts: Sequence[tuple[str, Any]], *, batch: bool) -> Answer:
    """The answer for pictures: their names with what `part_of` made of each.

    model: SHA-256 of the checkpoint. Of a batch, PNG come as a .zip of 0.png, 1.png, ..., and
    probabilities as arrays "0", "1", ... of one .npz; the run lengths are a list in both cases.
    """
    if form is Form.RLE:
        content = {"model": model, "images": [{"name": name, **part} for name, part in parts]}
        return Answer(body=json.dumps(content).encode(), media_type=TYPES[form])
    if form is Form.PROBABILITIES:
        names = map(str, range(len(parts))) if batch else ["probabilities"]
        arrays = {name: part for name, (_, part) in zip(names, parts, strict=True)}
        return Answer(body=_npz(arrays), media_type=TYPES[form])
    if not batch:
        return Answer(body=parts[0][1], media_type=TYPES[form])
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number, (_, png) in enumerate(parts):
            archive.writestr(f"{number}.png", png)
    return Answer(body=target.getvalue(), media_type="application/zip")


def part_of(form: Form, prediction: ImagePrediction, classes: Sequence[str]) -> Any:
    """The part of an answer for one picture: bytes, a JSON object, or an array (C, H, W)."""
    if form is Form.PROBABILITIES:
        return probabilities(prediction, len(classes))
    if form is Form.PNG:
        return mask_png(prediction.mask())
    return run_lengths(prediction, classes)


def answer_bytes(form: Form, size: tuple[int, int], classes: int) -> int:
    """The most bytes of the part of a picture of this (H, W): what memory it takes."""
    pixels = size[0] * size[1]
    return pixels * classes * 2 if form is Form.PROBABILITIES else pixels


def mask_png(mask: Mask) -> bytes:
    """(H, W) class indices -> an 8-bit PNG."""
    target = io.BytesIO()
    Image.fromarray(mask).save(target, format="PNG")
    return target.getvalue()


def probabilities(prediction: ImagePrediction, classes: int) -> npt.NDArray[np.float16]:
    """(C, H, W): the probability of each class, in [0, 1]."""
    found = np.empty((classes, *prediction.size), np.float16)
    for rows, probability in prediction.bands():
        found[:, rows] = probability.numpy()
    return found


def run_lengths(prediction: ImagePrediction, classes: Sequence[str]) -> dict[str, Any]:
    """One object for each class that the mask holds, the first class (background) left out.

    score: mean probability of its pixels, in [0, 1].
    """
    height, width = prediction.size
    mask, totals = np.empty(prediction.size, np.uint8), np.zeros(len(classes))
    for rows, probability in prediction.bands():
        most, label = probability.max(dim=0)
        mask[rows] = label.numpy()
        totals += np.bincount(label.numpy().ravel(), most.numpy().ravel(), len(classes))
    objects = list(_objects(mask, classes, totals))
    return {"height": height, "width": width, "objects": objects}


def _objects(
    mask: Mask, classes: Sequence[str], totals: npt.NDArray[np.float64]
) -> Iterator[dict[str, Any]]:
    for value in values_of(mask):
        if value == 0:
            continue
        inside = mask == value
        area = int(np.count_nonzero(inside))
        yield {
            "class": classes[value],
            "category_id": value,
            "area": area,
            "bbox": coco_rle.bounding_box(inside),
            "score": round(float(totals[value]) / area, 6),
            "segmentation": {
                "size": list(mask.shape),
                "counts": coco_rle.compress(coco_rle.encode(inside)),
            },
        }


def _npz(arrays: Mapping[str, npt.NDArray[np.float16]]) -> bytes:
    target = io.BytesIO()
    np.savez(target, allow_pickle=False, **arrays)
    return target.getvalue()

"""predict.ipynb of an export: masks over images, by the functions of predict.py. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daemon.runs.model_card import ModelCard

_LOAD = """\
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageOps

from predict import load, predict

card = json.loads(Path("model.json").read_text("utf-8"))
graph = load(Path("{graph}"), card["window"]["inputs"])
colours = np.array([ImageColor.getrgb(one["colour"]) for one in card["classes"]], np.uint8)
"""
_SHOW = """\
path = "image.jpg"  # an image of yours
with Image.open(path) as picture:
    image = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
mask = predict(graph, image, card)
Image.blend(Image.fromarray(image), Image.fromarray(colours[mask]), 0.5)
"""
_SHARES = """\
counts = np.bincount(mask.ravel(), minlength=len(colours))
{one["name"]: f"{count / mask.size:.1%}" for one, count in zip(card["classes"], counts)}
"""


def notebook(card: ModelCard, graph: str) -> dict[str, Any]:
    """The notebook as JSON, nbformat 4.5. graph: name of the file that it loads."""
    words = (
        f"# {card.facts.name}\n\nMasks over images. It needs numpy, pillow, and "
        f"{'onnxruntime' if graph.endswith('.onnx') else 'torch'}; run it in its own folder."
    )
    cells = [
        _cell("words", "markdown", words),
        _cell("load", "code", _LOAD.replace("{graph}", graph)),
        _cell("show", "code", _SHOW),
        _cell("shares", "code", _SHARES),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def code_of(found: dict[str, Any]) -> Sequence[str]:
    """The text of each code cell."""
    return [cell["source"] for cell in found["cells"] if cell["cell_type"] == "code"]


def _cell(name: str, kind: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"id": name, "cell_type": kind, "metadata": {}, "source": source}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})

"""Masks by an exported model: python predict.py model.onnx|model.pt2 OUT_DIR IMAGE ...

One PNG an image, one class index a pixel. Needs numpy, pillow, and onnxruntime or torch."""

import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps


def load(path: Path, inputs: Any) -> Any:
    """A graph: a picture, rows and columns of its detail windows -> logits."""
    if path.suffix == ".onnx":
        session = __import__("onnxruntime").InferenceSession(path)
        return lambda *given: session.run(None, dict(zip(inputs, given, strict=False)))[0]
    torch = __import__("torch")
    graph = torch.export.load(path).module(check_guards=False)
    return lambda *given: graph(*map(torch.from_numpy, given[: len(inputs)])).detach().numpy()


def starts(side: int, window: int, stride: int) -> Any:
    """The first pixels of windows that cover a side; the last one is shifted back inside."""
    return np.minimum(np.arange(0, max(side - window, 0) + stride, stride), max(side - window, 0))


def resize(maps: Any, axis: int, size: int, scale: float, rows: slice = slice(None)) -> Any:
    """Bilinear along an axis between centres of cells. scale: old cells for a new one."""
    at = np.clip((np.arange(size)[rows] + 0.5) * scale - 0.5, 0, maps.shape[axis] - 1)
    low = maps.take(at.astype(int), axis).astype(np.float32)
    high = maps.take(np.minimum(at.astype(int) + 1, maps.shape[axis] - 1), axis)
    return low + (high - low) * np.float32(at % 1).reshape(-1, *[1] * (maps.ndim - 1 - axis))


def predict(graph: Any, image: Any, card: Any) -> Any:
    """(H, W, 3) RGB in 0..255 -> (H, W) class indices. card: model.json."""
    w, size, seen, px = card["window"], image.shape[:2], image.shape[:2], card["window"]["cell_px"]
    if w["fit"]:  # the whole image in one square
        seen = [max(1, round(side * w["window_px"] / max(size))) for side in size]
        image = resize(image, 0, seen[0], size[0] / seen[0])
        image = np.rint(resize(image, 1, seen[1], size[1] / seen[1]))
    full = [w["window_px"] if w["fit"] else -(-n // w["grid_px"]) * w["grid_px"] for n in seen]
    x = np.full((1, *(max(side, w["least_px"]) for side in full), 3), w["fill"], np.float32)
    x[0, : seen[0], : seen[1]] = image
    steps = w["steps_px"] if size[0] * size[1] <= w["large_px"] else w["large_steps_px"]
    sums = np.zeros((len(card["classes"]) + 1, x.shape[1] // px, x.shape[2] // px), np.float32)
    for top, left in product(*(starts(side, w["window_px"], steps[0]) for side in x.shape[1:3])):
        part = x[:, top : top + w["window_px"], left : left + w["window_px"]]
        sides = [(side, min(side, w["detail_px"])) for side in part.shape[1:3]]
        pixels = (starts(*one, steps[1])[:, None] + np.arange(one[1]) for one in sides)
        found = graph(part.transpose(0, 3, 1, 2), *pixels)[0]
        area = sums[:, top // px :, left // px :][:, : found.shape[1], : found.shape[2]]
        area += np.pad(found, ((0, 1), (0, 0), (0, 0)), constant_values=1)
    means = (sums[:-1] / sums[-1])[:, : -(-seen[0] // px), : -(-seen[1] // px)]
    means = resize(means, 2, size[1], seen[1] / size[1] / px)
    bands = (slice(top, top + 256) for top in range(0, size[0], 256))  # all rows may not fit
    rows = [resize(means, 1, size[0], seen[0] / size[0] / px, one).argmax(0) for one in bands]
    return np.concatenate(rows).astype(np.uint8)


if __name__ == "__main__":
    model, out, *paths = map(Path, sys.argv[1:] if sys.argv[3:] else sys.exit(__doc__))
    card = json.loads(Path(__file__).with_name("model.json").read_text("utf-8"))
    graph = load(model, card["window"]["inputs"])
    out.mkdir(parents=True, exist_ok=True)
    for path in paths:
        with Image.open(path) as picture:
            image = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
        Image.fromarray(predict(graph, image, card)).save(out / f"{path.stem}.png")

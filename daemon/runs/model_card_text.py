"""The card of an exported model as README.md, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from daemon.domain.formatting import count
from daemon.runs.model_card import (
    CHECKPOINT,
    ONNX_GRAPH,
    TORCH_GRAPH,
    ModelCard,
    ModelFacts,
    ModelFigures,
)

_USES = {
    CHECKPOINT: "weights, classes and settings, for Maskloop itself: `maskloop serve THIS_FOLDER`",
    TORCH_GRAPH: "the graph of torch.export; it needs torch only",
    ONNX_GRAPH: "the same graph as ONNX; it needs onnxruntime only",
}


def card_text(card: ModelCard) -> str:
    """The whole README, in Markdown."""
    return "\n".join(line for part in _parts(card) for line in (*part, "")).rstrip() + "\n"


def _parts(card: ModelCard) -> Iterator[Sequence[str]]:
    yield (f"# {card.facts.name}", "", _summary(card))
    yield ("## Use it", "", *_use(card))
    yield ("## Files", "", *_files(card))
    yield ("## Classes", "", *_classes(card))
    yield ("## How good it is", "", *_figures(card))
    yield ("## What it was taught", "", *_training(card.facts))
    yield ("## Licence of the weights", "", _weights(card))
    yield ("## How an image goes through the graph", "", *_window(card))


def _summary(card: ModelCard) -> str:
    cycle = "" if card.facts.cycle is None else f" of cycle {card.facts.cycle}"
    at = "" if card.exported_at is None else f" on {card.exported_at:%Y-%m-%d}"
    return (
        f"A model for semantic segmentation{cycle}, exported by Maskloop {card.maskloop}{at}. "
        f"model.json holds this page for programs."
    )


def _use(card: ModelCard) -> Sequence[str]:
    graph, package = (TORCH_GRAPH, "torch")
    if ONNX_GRAPH in card.files:
        graph, package = (ONNX_GRAPH, "onnxruntime")
    return (
        "```bash",
        f"pip install numpy pillow {package}",
        f"python predict.py {graph} masks IMAGE ...",
        "```",
        "",
        "writes masks/NAME.png, one class index a pixel. predict.ipynb shows masks over images.",
        f"{TORCH_GRAPH} needs the torch that wrote it, or a later one, and runs on a CPU.",
        "Images are read by pillow: upright, 8 bits. Maskloop also reads colour profiles, "
        "transparency and 16 bits, as a browser shows them.",
    )


def _files(card: ModelCard) -> Sequence[str]:
    rows = ["| file | what | largest difference from the model | SHA-256 |", "|---|---|---|---|"]
    for name, file in card.files.items():
        differs = ""
        if file.difference is not None and file.logits is not None:
            differs = f"{file.difference:.1e} of logits up to {file.logits:.3g}, one window, fp32"
        rows.append(f"| {name} | {_USES.get(name, '')} | {differs} | `{file.sha256}` |")
    return rows


def _classes(card: ModelCard) -> Sequence[str]:
    rows = ["| value | name | colour |", "|---|---|---|"]
    rows += [f"| {one.value} | {_cell(one.name)} | `{one.colour}` |" for one in card.classes]
    return rows


def _figures(card: ModelCard) -> Iterator[str]:
    if not card.facts.figures:
        yield "Nothing was measured."
        return
    yield (
        "mIoU includes the first class, which is background. Intervals are 95 %. The graphs "
        "compute in fp32, so they deliver the figures that were measured in fp32; those in bf16 "
        "may be some thousandths away."
    )
    yield ""
    yield (
        "| images | number | computed in | mIoU | interval | "
        + " | ".join(f"IoU {_cell(one.name)}" for one in card.classes)
        + " |"
    )
    yield "|---" * (5 + len(card.classes)) + "|"
    for found in card.facts.figures:
        classes = " | ".join(_number(found.iou.get(one.name)) for one in card.classes)
        yield (
            f"| {found.split} | {found.images} | {found.precision or 'unknown'} | "
            f"{_number(found.miou)} | {_interval(found)} | {classes} |"
        )
    for found in card.facts.figures:
        for name, why in found.missing.items():
            yield f"\n{found.split}: no {_cell(name)}: {why}."


def _training(facts: ModelFacts) -> Sequence[str]:
    found = facts.training
    if found is None:
        return ("The run of its training is not at hand.",)
    return (
        f"- {count(found.train_labels, 'labeled image')}, and "
        f"{count(found.validation_labels, 'labeled image')} to validate it",
        f"- {count(found.unlabeled, 'image')} without a label",
        f"- {count(found.iterations, 'iteration')} in {found.seconds:.0f} s, seed {found.seed}, "
        f"from {found.started_from}",
        f"- {', '.join(f'{name} {version}' for name, version in found.versions.items())}",
        "- all settings: `settings` in model.json",
    )


def _weights(card: ModelCard) -> str:
    origin = card.weights
    digest = f" SHA-256 `{origin.sha256}`." if origin.sha256 else ""
    return (
        f"The encoder {origin.encoder} started from {origin.source}. {origin.licence}.{digest} "
        f"The model was then trained on your labels."
    )


def _window(card: ModelCard) -> Sequence[str]:
    window = card.window
    return (
        f"The graph takes a picture (1, 3, H, W), float32 RGB in 0 to 255, H and W multiples of "
        f"{window.grid_px} and at least {window.least_px}; it normalises by itself. It gives "
        f"logits (1, {len(card.classes)}, H/{window.cell_px}, W/{window.cell_px}).",
        f"Its inputs are {', '.join(f'`{name}`' for name in window.inputs)}. `rows` (n, h) and "
        f"`columns` (m, w) are int64: the pixels of the detail windows along both sides, at most "
        f"{window.detail_px} in each; `rows = arange(H)[None]`, `columns = arange(W)[None]` do for "
        f"a picture that is no larger. A network of one scale has `image` alone.",
        "Larger pictures are cut into context windows whose logits are averaged: predict.py does "
        "this, the padding, and the way back to the size of the image.",
    )


def _interval(found: ModelFigures) -> str:
    if found.miou_interval is None:
        return "none"
    low, high = found.miou_interval
    return f"{low:.3f} to {high:.3f}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

"""`export`: a checkpoint becomes a folder that others can use without Maskloop.

model/checkpoint.pth   weights, classes, settings
model/model.pt2        the graph of torch.export
model/model.onnx       the same as ONNX
model/predict.py       whole images by either graph; predict.ipynb shows it
model/model.json       the card (daemon/runs/model_card.py); README.md for people
"""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from daemon.domain.errors import ConfigError
from daemon.hrda.export import graph_files, inference_script
from daemon.hrda.export.card import card_of
from daemon.hrda.export.notebook import notebook
from daemon.hrda.export.window_graph import window_graph
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.training.ready_model import ready_model
from daemon.runs.checksums import sha256_of
from daemon.runs.durable import write_json
from daemon.runs.model_card import (
    CARD,
    CHECKPOINT,
    NOTEBOOK,
    ONNX_GRAPH,
    SCRIPT,
    TORCH_GRAPH,
    WORDS,
    FileEntry,
    ModelCard,
)
from daemon.runs.model_card_text import card_text
from daemon.runs.model_requests import ExportRequest, ExportResult
from daemon.runs.run_folder import RunFolder

log = logging.getLogger(__name__)

Differences = Mapping[str, tuple[float, float]]  # file -> as `graph_files.difference`


def export(folder: RunFolder, request: ExportRequest) -> None:
    """Write the folder `model` of the run. Raises ConfigError, RunFailed."""
    started_s = time.monotonic()
    if request.onnx:
        graph_files.require_onnx()
    net, classes = ready_model(
        request.checkpoint, device="cpu", threads=request.threads, settings=request.settings
    )
    if classes != request.classes:
        raise ConfigError(
            f"{request.checkpoint}: knows the classes {list(classes)}; the request has "
            f"{list(request.classes)}; export the model of a later training"
        )
    out = folder.path / "model"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    shutil.copyfile(request.checkpoint, out / CHECKPOINT)
    card = card_of(net, classes, request.facts)
    found = write_graphs(out, net, onnx=request.onnx)
    card = card.model_copy(update={"files": _entries(out, found), "exported_at": request.at})
    write_words(out, card)
    names = tuple(sorted(path.name for path in out.iterdir()))
    folder.write_result(ExportResult(files=names, seconds=time.monotonic() - started_s))


def write_graphs(out: Path, net: Segmentor, *, onnx: bool) -> Differences:
    """Write both graphs and compare each with the network. Raises ConfigError, RunFailed.

    onnx: whether ONNX is wanted too. The network is changed, see `window_graph`.
    """
    graph = window_graph(net)
    log.info("tracing the graph: this takes a minute or more")
    program = graph.traced()
    found = {}

    def check(name: str, read: Callable[[Path], graph_files.Graph]) -> None:
        found[name] = graph_files.difference(net, read(out / name), len(graph.inputs))
        log.info("wrote file=%s difference=%.1e logits=%.3g", name, *found[name])

    graph_files.write_torch_graph(out / TORCH_GRAPH, program)
    check(TORCH_GRAPH, graph_files.torch_graph)
    if onnx:
        graph_files.write_onnx_graph(out / ONNX_GRAPH, program, graph.inputs)
        check(ONNX_GRAPH, lambda path: graph_files.onnx_graph(path, graph.inputs))
    return found


def write_words(out: Path, card: ModelCard) -> None:
    """Write the card, the script and the notebook."""
    write_json(out / CARD, card.model_dump(mode="json"))
    (out / WORDS).write_text(card_text(card), encoding="utf-8")
    shutil.copyfile(inference_script.__file__, out / SCRIPT)
    graph = ONNX_GRAPH if ONNX_GRAPH in card.files else TORCH_GRAPH
    (out / NOTEBOOK).write_text(json.dumps(notebook(card, graph), indent=1))


def _entries(out: Path, found: Differences) -> dict[str, FileEntry]:
    entries = {}
    for name in (CHECKPOINT, TORCH_GRAPH, ONNX_GRAPH):
        path = out / name
        if path.exists():
            apart, largest = found.get(name, (None, None))
            entries[name] = FileEntry(
                sha256=sha256_of(path),
                bytes=path.stat().st_size,
                difference=apart,
                logits=largest,
            )
    return entries

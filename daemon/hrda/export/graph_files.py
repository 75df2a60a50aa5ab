"""The graph of a network as files, and how far each is from the network on one window."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from daemon.config.learner import GRID_PX
from daemon.domain.errors import ConfigError, RunFailed
from daemon.hrda.export.window_graph import LEAST_PX, window_pixels
from daemon.hrda.network.lazy_imports import import_fully
from daemon.hrda.network.segmentor import Segmentor

Floats = npt.NDArray[np.float32]
Graph = Callable[[tuple[torch.Tensor, ...]], Floats]

ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
LARGEST_DIFFERENCE = 1e-3  # of the largest logit: a graph that is further off is not written


def require_onnx() -> None:
    """Raise ConfigError where a package of maskloop[export] is missing."""
    missing = [name for name in ONNX_PACKAGES if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"ONNX needs the packages {', '.join(ONNX_PACKAGES)}; not installed: "
            f"{', '.join(missing)}; run `pip install 'maskloop[export]'`, or leave ONNX out with "
            f"--without-onnx"
        )


def write_torch_graph(path: Path, program: torch.export.ExportedProgram) -> None:
    """Write a .pt2 file."""
    with _quietly():
        torch.export.save(program, path)


def write_onnx_graph(
    path: Path, program: torch.export.ExportedProgram, inputs: tuple[str, ...]
) -> None:
    """Write one .onnx file, weights included."""
    with _quietly():
        made = torch.onnx.export(
            program, dynamo=True, input_names=list(inputs), output_names=["logits"]
        )
        if made is None:
            raise RunFailed("torch.onnx.export: got no graph; expected one; report it")
        made.save(path, external_data=False)


def torch_graph(path: Path) -> Graph:
    """The graph of a .pt2 file."""
    import_fully("torch._dynamo")  # in part it does not import
    with _quietly():
        # The guards are the tracer's guesses, as that there are several windows; `difference` tries
        # a single one too.
        module = torch.export.load(path).module(check_guards=False)
    return lambda given: module(*given).detach().numpy()


def onnx_graph(path: Path, inputs: tuple[str, ...]) -> Graph:
    """The graph of a .onnx file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(given: tuple[torch.Tensor, ...]) -> Floats:
        found: Floats = session.run(
            None, {name: one.numpy() for name, one in zip(inputs, given, strict=True)}
        )[0]
        return found

    return run


@torch.no_grad()
def difference(net: Segmentor, graph: Graph, inputs: int) -> tuple[float, float]:
    """The largest difference from the logits of `Segmentor.slide_inference` on windows of noise,
    and the largest of these logits. Raises RunFailed where they are too far apart.

    inputs: how many the graph has. One picture has several detail windows, the other has one.
    """
    detail = net.settings.detail_window_px
    apart, largest = 0.0, 0.0
    for side in (LEAST_PX, LEAST_PX + detail):
        height, width = LEAST_PX, -(-side // GRID_PX) * GRID_PX
        noise = torch.Generator().manual_seed(0)
        image = torch.rand(1, 3, height, width, generator=noise) * 255
        pixels = (window_pixels(one, detail, detail // 2) for one in (height, width))
        ours = net.slide_inference(image, detail, detail // 2).fused.numpy()
        theirs = graph((image, *pixels)[:inputs])
        apart = max(apart, float(np.abs(ours - theirs).max()))
        largest = max(largest, float(np.abs(ours).max()))
    if not apart <= LARGEST_DIFFERENCE * max(1.0, largest):
        raise RunFailed(
            f"the graph gives logits {apart:.3g} away from the model's, which reach {largest:.3g}; "
            f"expected {LARGEST_DIFFERENCE} of that; report it with the versions of torch and onnx"
        )
    return apart, largest


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without the progress and the warnings of the exporters, which say nothing of the model."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)

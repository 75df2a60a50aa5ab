"""One context window of a network as a graph: both scales and their fusion, at any size.

`Segmentor.slide_inference` loops over detail windows, which a graph cannot do for a picture of any
size. Here the windows are gathered by the indices of their rows and columns, go through the network
as one minibatch, and come back as products with matrices: the windows form a grid, so that the mean
over the windows of a cell is a mean over rows, then over columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from daemon.config.learner import GRID_PX, WINDOW_GRID_PX, Settings
from daemon.domain.errors import ConfigError
from daemon.hrda.inference.framing import fits
from daemon.hrda.network.heads import STRIDE, fuse_scales
from daemon.hrda.network.hrda import HRDASegmentor, half_scale
from daemon.hrda.network.lazy_imports import import_fully
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.network.windows import window_starts

INPUTS = ("image", "rows", "columns")
LEAST_PX = 2 * GRID_PX  # smaller pictures would make one cell of the deepest map: a case of its own
_MOST = 4096  # windows, or cells of the grid, along a side: no real limit


class TwoScales(nn.Module):
    """forward: image (1, 3, H, W) RGB in 0..255; rows (n, h) and columns (m, w) int64, the pixels
    of the detail windows along both sides -> fused logits (1, C, H/4, W/4)."""

    def __init__(self, net: HRDASegmentor) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """The fused logits of one context window."""
        context, attention, _ = self.net.context_logits(half_scale(image))
        channels, height, width = image.shape[1:]
        (down, h), (across, w) = rows.shape, columns.shape
        windows = image.index_select(2, rows.flatten()).index_select(3, columns.flatten())
        windows = windows.reshape(channels, down, h, across, w).permute(1, 3, 0, 2, 4)
        found = self.net.detail_logits(windows.reshape(down * across, channels, h, w))
        classes, h, w = found.shape[1], h // STRIDE, w // STRIDE
        found = found.reshape(down, across, classes, h, w).permute(2, 0, 3, 1, 4)
        found = found.reshape(1, classes, down * h, across * w)
        mean_down = _mean_of_windows(rows, height // STRIDE)
        mean_across = _mean_of_windows(columns, width // STRIDE)
        return fuse_scales(context, attention, mean_down @ found @ mean_across.T, None)


class OneScale(nn.Module):
    """forward: image (1, 3, H, W) RGB in 0..255 -> logits (1, C, H/4, W/4)."""

    def __init__(self, net: Segmentor) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Tensor:
        """The logits of one window."""
        side = self.net.settings.window_px
        return self.net.slide_inference(image, side, side).fused


@dataclass(frozen=True, kw_only=True)
class WindowGraph:
    """A network to be traced: the module, the names of its inputs, an example, what may vary."""

    module: nn.Module
    inputs: tuple[str, ...]
    example: tuple[Tensor, ...]
    dynamic_shapes: tuple[dict[int, object], ...]

    def traced(self) -> torch.export.ExportedProgram:
        """The graph of the module for pictures of any size and number."""
        import_fully("torch._dynamo")  # in part it does not import
        with torch.no_grad():
            return torch.export.export(
                self.module, self.example, dynamic_shapes=self.dynamic_shapes, strict=False
            )


def window_graph(net: Segmentor) -> WindowGraph:
    """The graph of a network in fp32. The network is changed: its memory format, and bf16 off.

    Raises ConfigError for windows that are too small.
    """
    _require_room(net.settings)
    net.bf16 = False
    net.memory_format = torch.contiguous_format
    net.to(memory_format=torch.contiguous_format)
    dim = torch.export.Dim
    height, width = dim("height", min=2, max=_MOST), dim("width", min=2, max=_MOST)
    picture: dict[int, object] = {2: GRID_PX * height, 3: GRID_PX * width}
    if not isinstance(net, HRDASegmentor):
        example = torch.zeros(1, 3, LEAST_PX, LEAST_PX + GRID_PX)
        return WindowGraph(
            module=OneScale(net).eval(),
            inputs=INPUTS[:1],
            example=(example,),
            dynamic_shapes=(picture,),
        )
    window = net.settings.detail_window_px
    side = max(LEAST_PX, -(-2 * window // GRID_PX) * GRID_PX)
    # No two sizes are the same, else the tracer takes them for one.
    rows = window_pixels(side, window, window // 2)
    columns = window_pixels(side + 2 * GRID_PX, window + WINDOW_GRID_PX, window // 4)
    h, w = dim("h", min=2, max=_MOST), dim("w", min=2, max=_MOST)
    down: dict[int, object] = {0: dim("down", max=_MOST), 1: WINDOW_GRID_PX * h}
    across: dict[int, object] = {0: dim("across", max=_MOST), 1: WINDOW_GRID_PX * w}
    return WindowGraph(
        module=TwoScales(net).eval(),
        inputs=INPUTS,
        example=(torch.zeros(1, 3, side, side + 2 * GRID_PX), rows, columns),
        dynamic_shapes=(picture, down, across),
    )


def _require_room(settings: Settings) -> None:
    """Raise ConfigError for windows so small that a map of theirs would have a single cell."""
    context = "context_px" if fits(settings) else "window_px"
    for name, least in ((context, LEAST_PX), ("detail_window_px", GRID_PX)):
        if (got := getattr(settings, name)) < least:
            raise ConfigError(
                f"{name} = {got}: expected at least {least} for a graph; export a model with "
                f"larger windows"
            )


def window_pixels(side: int, window: int, stride: int) -> Tensor:
    """(n, w) int64: the pixels of the detail windows along a side; w: window, or side if less."""
    starts = torch.tensor(window_starts(side, min(window, side), stride))
    return starts[:, None] + torch.arange(min(window, side))


def _mean_of_windows(pixels: Tensor, cells: int) -> Tensor:
    """(cells, n * side / 4): a matrix that takes the cells of all windows, one after the other, to
    the mean of the windows over each cell of the picture. pixels: (n, side), of each window."""
    at = (pixels[:, ::STRIDE] // STRIDE).flatten()
    covers = (torch.arange(cells, device=at.device)[:, None] == at).float()
    return covers / covers.sum(dim=1, keepdim=True)

"""The encoder and the decoder of SAM: files that are checked, then functions of arrays.

Of a decoder's outputs `low_res_masks` is used and not `masks`: that one is cut to a part that
exports fix while they trace one example (segment-anything's wrapper makes the size a Python int),
so it is wrong for images of another shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from daemon.clicks.click import Click, FloatMap, Picture
from daemon.domain.errors import RunFailed
from daemon.runs.click_worker_messages import SamFiles
from daemon.sam.sam_contract import (
    EMBEDDING_SHAPE,
    ENCODER_OUTPUT,
    LONG_SIDE,
    LOW_SIDE,
    MASK_COUNTS,
    require_decoder,
    require_encoder,
    require_shape,
)
from daemon.sam.sam_files import sam_file_faults

PADDING = -1  # label of a point that stands for "no box"
Embedding = npt.NDArray[np.float16]


@dataclass(frozen=True, kw_only=True)
class SamMasks:
    """What a decoder says of some clicks: M masks, M one of MASK_COUNTS.

    logits: (M, 256, 256), over 0 inside; the image fills the upper left part (`part_of_square`).
    iou: (M,), how good the decoder takes each mask to be.
    """

    logits: FloatMap
    iou: FloatMap


class SamGraphs:
    """The two files, loaded. `open_sam` makes it."""

    def __init__(self, encoder: Any, decoder: Any, input_name: str, where: tuple[str, str]) -> None:
        self._encoder, self._decoder, self._input = encoder, decoder, input_name
        self._encoder_name, self._decoder_name = where

    def embed(self, image: Picture) -> Embedding:
        """(1, 256, 64, 64) of an RGB image (H, W, 3). Raises RunFailed for another result."""
        rows, columns = resized_size((image.shape[0], image.shape[1]))
        interpolation = cv2.INTER_AREA if max(image.shape[:2]) > LONG_SIDE else cv2.INTER_LINEAR
        seen = cv2.resize(image, (columns, rows), interpolation=interpolation)
        outputs = self._encoder.run([ENCODER_OUTPUT], {self._input: seen.astype(np.float32)})
        found = np.asarray(outputs[0])
        require_shape(self._encoder_name, ENCODER_OUTPUT, found.shape, EMBEDDING_SHAPE)
        kept = found.astype(np.float16)
        _require_finite(self._encoder_name, ENCODER_OUTPUT, kept)
        return kept

    def decode(
        self,
        embedding: Embedding,
        clicks: tuple[Click, ...],
        size: tuple[int, int],
        before: FloatMap | None,
    ) -> SamMasks:
        """The masks that clicks on an image of `size` (H, W) mean. before: (256, 256), the logits
        of the mask before the last click; None: there is none. Raises RunFailed."""
        given = decoder_inputs(clicks, size, before)
        given["image_embeddings"] = embedding.astype(np.float32)
        outputs = self._decoder.run(["low_res_masks", "iou_predictions"], given)
        logits, iou = (np.asarray(one, np.float32) for one in outputs)
        name = self._decoder_name
        require_shape(name, "low_res_masks", logits.shape, (1, None, LOW_SIDE, LOW_SIDE))
        require_shape(name, "iou_predictions", iou.shape, (1, logits.shape[1]))
        if logits.shape[1] not in MASK_COUNTS:
            raise RunFailed(f"{name}: got {logits.shape[1]} masks; expected 1, 3 or 4")
        _require_finite(name, "low_res_masks", logits)
        _require_finite(name, "iou_predictions", iou)
        return SamMasks(logits=logits[0], iou=iou[0])


def decoder_inputs(
    clicks: tuple[Click, ...], size: tuple[int, int], before: FloatMap | None
) -> dict[str, npt.NDArray[np.float32]]:
    """What a decoder is given besides the embedding; the arguments of `SamGraphs.decode`."""
    rows, columns = resized_size(size)
    places = [(click.x * columns / size[1], click.y * rows / size[0]) for click in clicks]
    low = np.zeros((LOW_SIDE, LOW_SIDE), np.float32) if before is None else before
    return {
        "point_coords": np.array([[*places, (0, 0)]], np.float32),
        "point_labels": np.array([[*(int(one.positive) for one in clicks), PADDING]], np.float32),
        "mask_input": low[None, None],
        "has_mask_input": np.array([before is not None], np.float32),
        "orig_im_size": np.array([rows, columns], np.float32),
    }


def resized_size(size: tuple[int, int]) -> tuple[int, int]:
    """(rows, columns) of an image (H, W) whose long side is LONG_SIDE pixels."""
    scale = LONG_SIDE / max(size)
    return max(1, int(size[0] * scale + 0.5)), max(1, int(size[1] * scale + 0.5))


def open_sam(files: SamFiles, threads: int) -> SamGraphs:
    """Load the files if they are those that their checksums name. threads: 0 for all. Raises
    RunFailed that says what is wrong with them."""
    if faults := sam_file_faults(files):
        raise RunFailed("; ".join(faults))
    return load_sam(files, threads)


def load_sam(files: SamFiles, threads: int) -> SamGraphs:
    """Load files in which `sam_file_faults` found nothing, and decode one click on nothing. Raises
    RunFailed that says what is wrong with them."""
    encoder, decoder = _session(files.encoder, threads), _session(files.decoder, threads)
    where = (f"sam_encoder {files.encoder}", f"sam_decoder {files.decoder}")
    name = require_encoder(where[0], encoder.get_inputs(), encoder.get_outputs())
    require_decoder(where[1], decoder.get_inputs(), decoder.get_outputs())
    graphs = SamGraphs(encoder, decoder, name, where)
    try:
        graphs.decode(np.zeros(EMBEDDING_SHAPE, np.float16), (Click(x=0, y=0),), (9, 9), None)
    except RunFailed:
        raise
    except Exception as exc:
        raise RunFailed(f"{where[1]}: cannot answer a click: {exc}") from exc
    return graphs


def _session(path: Path, threads: int) -> Any:
    import onnxruntime  # an optional package, and a slow import

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors: exports warn of what does no harm
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as exc:
        raise RunFailed(f"{path}: onnxruntime cannot load it: {exc}") from exc


def _require_finite(where: str, name: str, values: npt.NDArray[np.floating[Any]]) -> None:
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise RunFailed(
            f"{where}: {bad} of {values.size} values of {name} are NaN or beyond the range of "
            f"{values.dtype}; expected numbers; try an export in full precision"
        )

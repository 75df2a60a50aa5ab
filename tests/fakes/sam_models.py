"""ONNX files with the names and shapes of SAM that find what has the colour of a click.

Encoder: the mean colour of each of 64 x 64 cells. Decoder: logits over 0 where a cell has nearly
the colour of a positive point and lies outside of discs of 2 cells around negative ones, plus half
of `mask_input` where there is one. Of its four masks the first is that; the others are that with
the IoU 0.7, everything with 0.95, and nothing with 0.6.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from daemon.runs.checksums import sha256_of
from daemon.runs.click_worker_messages import SamFiles

CELLS, CELL_PX, LOW = 64, 16, 256
SAME_COLOUR = 2500.0  # most squared distance of colours, from 0 to 255 each
FED = 0.5  # of the mask that is given back
NEVER = -1e4
FLOAT = TensorProto.FLOAT
Shape = list[int | str]


def sam_files(
    folder: Path,
    *,
    image: Shape | None = None,
    channels: int = 256,
    masks: int = 4,
    points: int | str = "points",
) -> SamFiles:
    """Write both files into a folder. image: the encoder's declared input. channels: of its
    embedding. masks: how many the decoder gives. points: that it takes."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder, decoder = folder / "encoder.onnx", folder / "decoder.onnx"
    _save(encoder, _encoder(image or ["height", "width", 3], channels))
    _save(decoder, _decoder(masks, points))
    return SamFiles(
        encoder=encoder,
        decoder=decoder,
        encoder_sha256=sha256_of(encoder),
        decoder_sha256=sha256_of(decoder),
    )


def _save(path: Path, graph: onnx.GraphProto) -> None:
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="tests"
    )
    model.ir_version = 9
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _encoder(image: Shape, channels: int) -> onnx.GraphProto:
    whole = CELLS * CELL_PX
    constants = {
        "zero2": np.zeros(2, np.int64),
        "one0": np.zeros(1, np.int64),
        "whole": np.array([whole, whole, 3], np.int64),
        "batch": np.zeros(1, np.int64),
        "channel_pads": np.array([0, 0, 0, 0, 0, channels - 3, 0, 0], np.int64),
        "zero3": np.zeros(3, np.int64),
    }
    nodes = [
        ("Shape", ["input_image"], "size"),
        ("Sub", ["whole", "size"], "after"),
        ("Concat", ["zero3", "after"], "pads", {"axis": 0}),
        ("Pad", ["input_image", "pads"], "padded"),
        ("Transpose", ["padded"], "planes", {"perm": [2, 0, 1]}),
        ("Unsqueeze", ["planes", "batch"], "one"),
        (
            "AveragePool",
            ["one"],
            "cells",
            {"kernel_shape": [CELL_PX, CELL_PX], "strides": [CELL_PX, CELL_PX]},
        ),
        ("Pad", ["cells", "channel_pads"], "image_embeddings"),
    ]
    return _graph(
        nodes,
        constants,
        {"input_image": image},
        {"image_embeddings": [1, channels, CELLS, CELLS]},
    )


def _decoder(masks: int, points: int | str) -> onnx.GraphProto:
    rows, columns = np.mgrid[:CELLS, :CELLS].astype(np.float32)
    constants = {
        "cell_px": np.float32(CELL_PX),
        "first": np.zeros(1, np.int64),
        "three": np.array([3], np.int64),
        "axis1": np.array([1], np.int64),
        "axis23": np.array([2, 3], np.int64),
        "last": np.array([-1], np.int64),
        "y_x": np.array([1, 0], np.int64),
        "zero": np.float32(0),
        "top": np.float32(CELLS - 1),
        "places": np.stack([rows, columns], axis=-1)[None, None],  # 1, 1, 64, 64, 2
        "same": np.float32(SAME_COLOUR),
        "reach": np.float32(4),
        "never": np.float32(NEVER),
        "hundred": np.float32(100),
        "minus": np.float32(-10),
        "positive": np.float32(1),
        "fed": np.float32(FED),
        "no_region": np.array([], np.float32),
        "scales": np.array([1, 1, 4, 4], np.float32),
        "everything": np.full((1, 1, LOW, LOW), 5, np.float32),
        "nothing": np.full((1, 1, LOW, LOW), -5, np.float32),
        "iou_predictions": np.array([[0.8, 0.7, 0.95, 0.6][:masks]], np.float32),
    }
    nodes = [
        *_near_colour(),
        *_away_from_negative(),
        ("Min", ["alike", "away"], "logits"),  # 1, 64, 64
        ("Unsqueeze", ["logits", "axis1"], "logits4"),
        ("Resize", ["logits4", "no_region", "scales"], "new", {"mode": "nearest"}),
        ("Mul", ["mask_input", "has_mask_input"], "before"),
        ("Mul", ["before", "fed"], "part"),
        ("Add", ["new", "part"], "found"),
        (
            ("Concat", ["found", "found", "everything", "nothing"][:masks], "low_res_masks",
             {"axis": 1})
        ),
        ("Identity", ["low_res_masks"], "masks"),
    ]  # fmt: skip
    return _graph(
        nodes,
        constants,
        {
            "image_embeddings": [1, 256, CELLS, CELLS],
            "point_coords": [1, points, 2],
            "point_labels": [1, points],
            "mask_input": [1, 1, LOW, LOW],
            "has_mask_input": [1],
            "orig_im_size": [2],
        },
        {
            "masks": [1, masks, "height", "width"],
            "iou_predictions": [1, masks],
            "low_res_masks": [1, masks, "rows", "columns"],
        },
    )


def _near_colour() -> list[tuple]:
    """`alike` (1, 64, 64): over 0 where a cell has the colour of a positive point."""
    return [
        ("Slice", ["image_embeddings", "first", "three", "axis1"], "colours"),
        ("Transpose", ["colours"], "colours_last", {"perm": [0, 2, 3, 1]}),  # 1, 64, 64, 3
        ("Squeeze", ["colours_last", "first"], "colours3"),
        ("Div", ["point_coords", "cell_px"], "in_cells"),
        ("Gather", ["in_cells", "y_x"], "at", {"axis": 2}),  # 1, N, 2
        ("Floor", ["at"], "floor"),
        ("Clip", ["floor", "zero", "top"], "within"),
        ("Cast", ["within"], "cell", {"to": TensorProto.INT64}),
        ("GatherND", ["colours3", "cell"], "clicked"),  # 1, N, 3
        ("Unsqueeze", ["clicked", "axis23"], "clicked5"),
        ("Unsqueeze", ["colours_last", "axis1"], "colours5"),
        ("Sub", ["colours5", "clicked5"], "difference"),
        ("Mul", ["difference", "difference"], "squared"),
        ("ReduceSum", ["squared", "last"], "distance", {"keepdims": 0}),  # 1, N, 64, 64
        ("Sub", ["same", "distance"], "likeness"),
        ("Unsqueeze", ["point_labels", "axis23"], "labels4"),
        ("Equal", ["labels4", "positive"], "is_positive"),
        ("Where", ["is_positive", "likeness", "never"], "counted"),
        ("ReduceMax", ["counted"], "most_alike", {"axes": [1], "keepdims": 0}),
        ("Div", ["most_alike", "hundred"], "alike"),
    ]


def _away_from_negative() -> list[tuple]:
    """`away` (1, 64, 64): under 0 in a disc around each negative point."""
    return [
        ("Unsqueeze", ["at", "axis23"], "at5"),  # 1, N, 1, 1, 2
        ("Sub", ["places", "at5"], "offset"),
        ("Mul", ["offset", "offset"], "offset2"),
        ("ReduceSum", ["offset2", "last"], "apart", {"keepdims": 0}),
        ("Sub", ["reach", "apart"], "inside"),
        ("Equal", ["labels4", "zero"], "is_negative"),
        ("Where", ["is_negative", "inside", "never"], "counted_out"),
        ("ReduceMax", ["counted_out"], "most_inside", {"axes": [1], "keepdims": 0}),
        ("Mul", ["most_inside", "minus"], "away"),
    ]


def _graph(
    nodes: list[tuple],
    constants: dict[str, np.ndarray],
    inputs: dict[str, Shape],
    outputs: dict[str, Shape],
) -> onnx.GraphProto:
    made = [
        helper.make_node(kind, takes, [gives], **(further[0] if further else {}))
        for kind, takes, gives, *further in nodes
    ]
    return helper.make_graph(
        made,
        "fake",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )

"""What the files of SAM have to take and give, by name and shape.

The layout is that of the ONNX exports of Segment Anything: the decoder of
facebookresearch/segment-anything (`segment_anything/utils/onnx.py`, Apache-2.0), and an encoder
with its normalisation inside, as vietanhdev/samexporter (MIT) exports it with `--use-preprocess`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from daemon.domain.errors import RunFailed

FLOAT = "tensor(float)"
LONG_SIDE = 1024  # pixels of the image that the encoder sees
EMBEDDING_SHAPE = (1, 256, 64, 64)
LOW_SIDE = 256  # cells of a mask along the long side
MASK_COUNTS = (1, 3, 4)  # that a decoder gives: one, three, or one and three

Shape = tuple[int | None, ...]  # None: any number, which the file must not fix
DECODER_INPUTS: Mapping[str, Shape] = {
    "image_embeddings": EMBEDDING_SHAPE,
    "point_coords": (1, None, 2),
    "point_labels": (1, None),
    "mask_input": (1, 1, LOW_SIDE, LOW_SIDE),
    "has_mask_input": (1,),
    "orig_im_size": (2,),
}
DECODER_OUTPUTS = ("masks", "iou_predictions", "low_res_masks")
ENCODER_OUTPUT = "image_embeddings"
ENCODER_INPUT: Shape = (None, None, 3)


class Declared(Protocol):
    """An input or output as a file declares it. shape: numbers, and names of free dimensions."""

    name: str
    type: str
    shape: Sequence[int | str | None]


def require_encoder(where: str, inputs: Sequence[Declared], outputs: Sequence[Declared]) -> str:
    """The name of the encoder's input. Raises RunFailed for another layout."""
    if len(inputs) != 1:
        raise RunFailed(f"{where}: got the inputs {_names(inputs)}; expected one, the image")
    if len(inputs[0].shape) == 4:
        raise RunFailed(
            f"{where}: got the input {_words(inputs[0])}, which has to be normalized before; "
            f"expected {_shape(ENCODER_INPUT)}, height and width free; export the encoder with "
            f"its normalisation inside"
        )
    _require(where, "input", inputs[0], ENCODER_INPUT)
    _require_names(where, "outputs", outputs, (ENCODER_OUTPUT,))
    made = next(one for one in outputs if one.name == ENCODER_OUTPUT)
    if not _may_be(made.shape, EMBEDDING_SHAPE):
        raise RunFailed(
            f"{where}: got the output {_words(made)}; expected {_shape(EMBEDDING_SHAPE)}"
        )
    return inputs[0].name


def require_decoder(where: str, inputs: Sequence[Declared], outputs: Sequence[Declared]) -> None:
    """Raise RunFailed unless the decoder takes and gives what it should."""
    _require_names(where, "inputs", inputs, tuple(DECODER_INPUTS))
    unknown = [one for one in inputs if one.name not in DECODER_INPUTS]
    if unknown:
        raise RunFailed(
            f"{where}: got the further inputs {_names(unknown)}; expected "
            f"{', '.join(DECODER_INPUTS)}"
        )
    for one in inputs:
        _require(where, "input", one, DECODER_INPUTS[one.name])
    _require_names(where, "outputs", outputs, DECODER_OUTPUTS)


def require_shape(where: str, name: str, got: Sequence[int], expected: Shape) -> None:
    """Raise RunFailed unless an array that a file gave has the shape. None: any number."""
    fits = len(got) == len(expected) and all(
        wanted in (None, size) for size, wanted in zip(got, expected, strict=True)
    )
    if not fits:
        raise RunFailed(f"{where}: got {name} of {_shape(got)}; expected {_shape(expected)}")


def _require(where: str, kind: str, one: Declared, expected: Shape) -> None:
    fits = len(one.shape) == len(expected) and all(
        not isinstance(size, int) if wanted is None else size == wanted or not isinstance(size, int)
        for size, wanted in zip(one.shape, expected, strict=True)
    )
    if not fits or one.type != FLOAT:
        raise RunFailed(
            f"{where}: got the {kind} {_words(one)} of {one.type}; expected {_shape(expected)} of "
            f"{FLOAT}{', with any number in the place of `any`' if None in expected else ''}"
        )


def _may_be(got: Sequence[int | str | None], expected: Sequence[int]) -> bool:
    """Whether an output may have the shape; one that declares none is looked at when it is made."""
    return not got or (
        len(got) == len(expected)
        and all(
            size == wanted or not isinstance(size, int)
            for size, wanted in zip(got, expected, strict=True)
        )
    )


def _require_names(where: str, kind: str, got: Sequence[Declared], names: Sequence[str]) -> None:
    missing = [name for name in names if name not in {one.name for one in got}]
    if missing:
        raise RunFailed(
            f"{where}: got the {kind} {_names(got)}; expected {', '.join(names)} (missing: "
            f"{', '.join(missing)})"
        )


def _names(found: Sequence[Declared]) -> str:
    return ", ".join(one.name for one in found) or "none"


def _words(one: Declared) -> str:
    return f"{one.name} of {_shape(one.shape)}"


def _shape(sizes: Sequence[int | str | None]) -> str:
    return " x ".join("any" if size is None else str(size) for size in sizes) or "no shape"

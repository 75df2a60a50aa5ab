"""The tensors of a file of weights. Nothing else in the file is built, and no code of it runs.

Read are state dicts, and checkpoints of mmseg and mmengine with the log of their training, and
those of HRDA.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from daemon.domain.errors import ConfigError

MIN_MATCHED = 0.95  # of the encoder's tensors that a file of weights must have
NAMED = 3  # tensors that a message names; of more, it says how many
MODEL_KEYS = ("state_dict", "model")  # where a checkpoint has the tensors of its model
PREFIXES = ("backbone.", "model.backbone.")  # of the encoder: in mmseg; in HRDA, of its student


class NotRead:
    """Stands for an object of a file that is no tensor: keeps nothing, does nothing."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


# What checkpoints of mmengine hold beside tensors (the log of the training, numpy's scalars). All
# are replaced by NotRead: `getattr`, by which a log names its statistics, is never called.
REPLACED = (
    "mmengine.logging.history_buffer.HistoryBuffer",
    "builtins.getattr",
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
)


_BROKEN = (
    ValueError, RuntimeError, LookupError, EOFError, AssertionError, pickle.UnpicklingError,
    struct.error,
)  # fmt: skip


def encoder_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of the encoder by name, without the prefix of a checkpoint.

    Raises ConfigError for what cannot be read, and for objects that are not known to be harmless.
    """
    with safe_globals([(NotRead, name) for name in REPLACED]):
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as exc:  # torch raises many kinds for a broken file
            raise ConfigError(
                f"encoder_weights: {path}: cannot be read: got {_got(path, exc)};\n  expected "
                f"tensors by name, as torch.save writes them; save the state_dict alone, or give "
                f"another file"
            ) from exc
    for key in MODEL_KEYS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    tensors = content.items() if isinstance(content, Mapping) else ()
    return _of_encoder(
        {str(name).removeprefix("module."): t for name, t in tensors if _is_dense(t)}
    )


def _is_dense(value: Any) -> bool:
    """Whether this is a tensor of real numbers that are all in memory."""
    return (
        isinstance(value, Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and not (value.is_quantized or value.is_complex())
    )


def _of_encoder(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in PREFIXES:
        part = {
            name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        if part:
            return part
    return tensors


def _got(path: Path, exc: Exception) -> str:
    """What is in the file instead, in a few words."""
    if isinstance(exc, OSError):
        return exc.strerror or type(exc).__name__
    try:
        objects = sorted(get_unsafe_globals_in_checkpoint(str(path)))
    except _BROKEN:  # or of PyTorch's old format
        objects = []
    if objects:
        return f"objects that could run code: {listed(objects)}"
    return f"no file of tensors alone, or a damaged one ({type(exc).__name__})"


def fitting_tensors(
    path: Path, encoder: str, own: Mapping[str, Tensor], found: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Those of the tensors in the file that have the name and shape of one of the encoder.

    own: of the encoder. found: in the file, by the encoder's names. Raises ConfigError with the
    names where fewer than MIN_MATCHED of them fit, or some have NaN or infinite numbers.
    """
    fitting = {name: t for name, t in found.items() if name in own and t.shape == own[name].shape}
    if len(fitting) < MIN_MATCHED * len(own):
        raise ConfigError(
            f"encoder_weights: {path}: got {len(fitting)} of the {len(own)} tensors of {encoder}"
            f"{differences(own, found)};\n  expected at least {MIN_MATCHED:.0%}, by the names of "
            f"mmseg (or NVIDIA's SegFormer); give the file of this encoder"
        )
    broken = [name for name, tensor in fitting.items() if not bool(tensor.isfinite().all())]
    if broken:
        raise ConfigError(
            f"encoder_weights: {path}: got NaN or infinite numbers in {len(broken)} tensors: "
            f"{listed(broken)};\n  expected finite numbers; the training that wrote it has failed, "
            f"or the file is damaged: give another one"
        )
    return fitting


def differences(own: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """What of the encoder's tensors the file lacks, has in another shape, or has besides."""
    shapes = [
        f"{name} {tuple(found[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if name in found and found[name].shape != tensor.shape
    ]
    parts = {
        "missing": [name for name in own if name not in found],
        "of another shape": shapes,
        "not of this encoder": [name for name in found if name not in own],
    }
    return "".join(f"; {words}: {listed(names)}" for words, names in parts.items() if names)


def listed(names: Sequence[Any]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(str(name) for name in names[:NAMED]) + more

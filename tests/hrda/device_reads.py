"""Counts how often a computation would make the host wait for a GPU; it needs none.

A tensor that comes from one of the given ones counts as one of the device. Reading a number of it,
or an operation whose result has a size that depends on its values, waits.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten
from torch.utils.weak import WeakTensorKeyDictionary

WAITING = {
    "aten::_local_scalar_dense",
    "aten::item",
    "aten::is_nonzero",
    "aten::equal",
    "aten::nonzero",
    "aten::masked_select",
    "aten::_unique",
    "aten::_unique2",
    "aten::unique_dim",
    "aten::unique_consecutive",
    "aten::bincount",
    "aten::histc",
    "aten::repeat_interleave.Tensor",
}
COPIES = {"tolist", "numpy", "cpu", "__array__"}  # methods: on a CPU they are no operations


class DeviceReads(TorchDispatchMode):
    """Within it, `places` collects the line of each such wait.

    on_device: tensors that stand for those of the device from the beginning.
    """

    def __init__(self, on_device: Iterable[Tensor]) -> None:
        super().__init__()
        self._marked = WeakTensorKeyDictionary()
        for tensor in on_device:
            self._marked[tensor] = True
        self.places: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = [x for x in tree_flatten((args, kwargs or {}))[0] if isinstance(x, Tensor)]
        marked = any(tensor in self._marked for tensor in given)
        if func.name() in WAITING or _selects_by_mask(func, args):
            self.note(func.name(), given)
        result = func(*args, **(kwargs or {}))
        if marked:
            for tensor in tree_flatten(result)[0]:
                if isinstance(tensor, Tensor):
                    self._marked[tensor] = True
        return result

    def __enter__(self) -> DeviceReads:
        self._copies = _Copies(self)
        self._copies.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        super().__exit__(*failure)
        self._copies.__exit__(*failure)

    def note(self, name: str, given: Iterable[Any]) -> None:
        """Add the place if a tensor of the device is among the given values."""
        if any(isinstance(x, Tensor) and x in self._marked for x in given):
            self.places.append(f"{name} at {_own_line()}")


class _Copies(TorchFunctionMode):
    def __init__(self, reads: DeviceReads) -> None:
        super().__init__()
        self._reads = reads

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in COPIES:
            self._reads.note(name, args[:1])
        return func(*args, **(kwargs or {}))


def _selects_by_mask(func: Any, args: Any) -> bool:
    """Whether the operation indexes with a bool tensor: the number of results is not known."""
    if func.name() not in ("aten::index.Tensor", "aten::index_put_", "aten::index_put"):
        return False
    return any(x is not None and x.dtype in (torch.bool, torch.uint8) for x in args[1])


def _own_line() -> str:
    frames = [f for f in traceback.extract_stack() if "/daemon/hrda/" in f.filename]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "the backward pass"

"""The losses of an iteration, which stay on the device until somebody reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor


class LossReport(Mapping[str, float]):
    """Name -> loss. The first look at a number waits for the device, once for all of them.

    values: 0-dimensional tensors of one device, by name.
    """

    def __init__(self, values: Mapping[str, Tensor]) -> None:
        self._names = tuple(values)
        self._tensor = torch.stack([value.float() for value in values.values()])
        self._numbers: dict[str, float] | None = None

    def on_device(self) -> tuple[tuple[str, ...], Tensor]:
        """The names, and their values, (N,), on the device."""
        return self._names, self._tensor

    def are_finite(self) -> Tensor:
        """Whether all of them are finite: bool, 0-dimensional, on the device."""
        return torch.isfinite(self._tensor).all()

    def total(self, prefix: str) -> Tensor:
        """The sum of the losses whose names begin so: 0-dimensional, on the device."""
        rows = [row for row, name in enumerate(self._names) if name.startswith(prefix)]
        return torch.stack([self._tensor[row] for row in rows]).sum()

    def __getitem__(self, name: str) -> float:
        if self._numbers is None:
            self._numbers = dict(zip(self._names, self._tensor.tolist(), strict=True))
        return self._numbers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(dict(self))

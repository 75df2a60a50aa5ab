"""What every strategy checks before it chooses. A bad number is named, never repaired."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from daemon.domain.errors import ConfigError, PoolInvalid
from strategies.base import PER_IMAGE, Field, FloatArray, Pool

ROUNDING = 1e-4  # a mean of float32 entropies may leave [0, 1] by this much


def check(pool: Pool, n: int) -> None:
    """Raise PoolInvalid, naming the image, for whatever a choice must not be made from.

    Wrong shapes or dtypes, an id twice, NaN or inf anywhere, an uncertainty outside [0, 1].
    O(N) memory.
    """
    if n < 0:
        raise PoolInvalid(f"n = {n}: expected 0 images or more")
    _check_ids(pool.ids)
    for name, dimensions in PER_IMAGE.items():
        _check_rows(pool, name, dimensions)
    _check_labeled(pool, "labeled", "embeddings")
    _check_labeled(pool, "labeled_foreground", "foreground_embeddings")
    _check_signals(pool)
    if pool.uncertainty is not None:
        outside = (pool.uncertainty < -ROUNDING) | (pool.uncertainty > 1 + ROUNDING)
        _refuse_first(pool, "uncertainty", outside, expected="a value in [0, 1]")


def need(pool: Pool, name: Field, strategy: str, cure: str) -> FloatArray:
    """Give a field of the pool, or raise PoolInvalid that says who needs it and what to do."""
    array: FloatArray | None = getattr(pool, name)
    if array is None:
        raise PoolInvalid(f"strategy {strategy} needs pool.{name}, which this pool lacks; {cure}")
    return array


def check_setting(strategy: str, name: str, value: Any, low: float, high: float) -> None:
    """Raise ConfigError unless `value` is a number in [low, high]."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        raise ConfigError(
            f"strategy {strategy}: {name} = {value!r}: expected a number in [{low:g}, {high:g}]"
        )


def check_count(strategy: str, name: str, value: Any, low: int, high: int) -> None:
    """Raise ConfigError unless `value` is a whole number in [low, high]."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigError(
            f"strategy {strategy}: {name} = {value!r}: expected a whole number in [{low}, {high}]"
        )


def squared_norms(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """|x|² of each row (N, D): (N,); not finite where a number of the row is not, or is huge."""
    with np.errstate(invalid="ignore", over="ignore"):
        norms: npt.NDArray[Any] = np.vecdot(rows, rows)
    return norms


def _check_ids(ids: npt.NDArray[Any]) -> None:
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer):
        raise PoolInvalid(f"pool.ids: got {_form(ids)}; expected (N,) int64")
    distinct, times = np.unique(ids, return_counts=True)
    if len(distinct) < len(ids):
        raise PoolInvalid(f"pool.ids: image {distinct[times > 1][0]} is listed more than once")


def _check_rows(pool: Pool, name: Field, dimensions: int) -> None:
    array = getattr(pool, name)
    if array is None:
        return
    _check_form(f"pool.{name}", array, dimensions)
    if len(array) != len(pool):
        raise PoolInvalid(f"pool.{name}: got {len(array)} rows; expected {len(pool)}, one an id")
    _refuse_first(pool, name, _not_finite(array), expected="finite numbers")


def _check_labeled(pool: Pool, name: str, like: Field) -> None:
    labeled, rows = getattr(pool, name), getattr(pool, like)
    _check_form(f"pool.{name}", labeled, dimensions=2)
    if not len(labeled):
        return
    bad = np.flatnonzero(_not_finite(labeled))
    if bad.size:
        raise PoolInvalid(f"pool.{name}: row {bad[0]} holds NaN, inf or a number beyond float32")
    if rows is not None and labeled.shape[1] != rows.shape[1]:
        raise PoolInvalid(
            f"pool.{name}: got {labeled.shape[1]} numbers a row; expected "
            f"{rows.shape[1]}, as in pool.{like}; embed both with one encoder"
        )


def _check_signals(pool: Pool) -> None:
    for name, value in vars(pool.signals).items() if pool.signals else ():
        numbers = value if isinstance(value, tuple) else (value,)
        for one in numbers:
            if isinstance(one, float) and not np.isfinite(one):
                raise PoolInvalid(f"pool.signals.{name}: got {one}; expected a finite number")


def _check_form(where: str, array: npt.NDArray[Any], dimensions: int) -> None:
    if array.ndim != dimensions or not np.issubdtype(array.dtype, np.floating):
        raise PoolInvalid(f"{where}: got {_form(array)}; expected {dimensions}-D float32")


def _not_finite(array: FloatArray) -> npt.NDArray[np.bool_]:
    sizes = squared_norms(array) if array.ndim == 2 else array
    return ~np.isfinite(sizes)


def _refuse_first(pool: Pool, name: Field, bad: npt.NDArray[np.bool_], expected: str) -> None:
    rows = np.flatnonzero(bad)
    if rows.size:
        first = rows[pool.ids[rows].argmin()]
        raise PoolInvalid(
            f"pool.{name}: image {pool.ids[first]} has {_show(getattr(pool, name)[first])}"
            f"; expected {expected} ({rows.size} of {len(pool)} images are bad); score it again, "
            f"the checkpoint may have diverged"
        )


def _show(value: Any) -> str:
    return "NaN, inf or a number beyond float32" if np.ndim(value) else f"{float(value):g}"


def _form(array: npt.NDArray[Any]) -> str:
    return f"shape {array.shape}, {array.dtype}"

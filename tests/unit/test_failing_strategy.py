"""A strategy whose own code fails while it chooses is named; its refusal of a pool stays one."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.domain.errors import ConfigError, PoolInvalid
from daemon.selection.choice import select_by
from strategies.base import Pool

POOL = Pool(ids=np.arange(1, 5, dtype=np.int64))


class Fails:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        raise self._error


def chosen_by(error: Exception) -> list[int]:
    return select_by(Fails(error), "rows", POOL, 2, np.random.default_rng(0))


def test_a_strategy_whose_code_fails_is_named_with_what_to_do() -> None:
    words = r"strategy 'rows': got KeyError: 'the column'; expected 2 ids of 4 images; correct"

    with pytest.raises(ConfigError, match=words):
        chosen_by(KeyError("the column"))


def test_a_refused_pool_stays_a_refused_pool() -> None:
    with pytest.raises(PoolInvalid, match="image 3 has NaN"):
        chosen_by(PoolInvalid("pool.uncertainty: image 3 has NaN"))


def test_want_of_memory_passes() -> None:
    with pytest.raises(MemoryError):
        chosen_by(MemoryError())

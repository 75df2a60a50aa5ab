"""Faults of selection, planted one by one: the contract or `maskloop verify` finds each.

Each replaces one piece of our own source, and the module as it is then takes the place of the true
one wherever that is used. Then three cycles are chosen by it, and verified by it.
"""

from __future__ import annotations

import importlib
import shutil
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import strategies
from daemon.config.loading import Config
from daemon.diagnostics.verify import verify
from daemon.domain.errors import MaskloopError
from tests.contract import strategy_runs
from tests.contract.test_strategies import (
    test_among_equal_images_the_lowest_id_goes_first as takes_the_lowest_id_first,
)
from tests.contract.test_strategy_oracles import (
    test_agrees_with_the_slow_version_on_a_pool_of_sixty as agrees_with_the_oracle,
)
from tests.fakes.chosen_cycles import choose_all, made, with_selection

OURS = ("daemon.", "strategies", "tests.")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A piece of source and what stands in its place; strategy: with which it is looked for."""

    module: str
    right: str
    wrong: str
    strategy: str = "hybrid"


ENTROPY = "strategies.entropy"
CHOICE = "daemon.selection.choice"
LISTS = "daemon.stages.candidates"
# Faults of a strategy: the contract of strategies finds them.
OF_STRATEGIES = {
    "the sort is dropped": Fault(
        module=ENTROPY,
        right="np.lexsort((pool.ids, -uncertainty))",
        wrong="np.arange(len(pool))",
        strategy="entropy",
    ),
    "the sign is flipped": Fault(
        module=ENTROPY, right="-uncertainty", wrong="uncertainty", strategy="entropy"
    ),
    "ties go by row": Fault(
        module=ENTROPY,
        right="np.lexsort((pool.ids, -uncertainty))",
        wrong='np.argsort(-uncertainty, kind="stable")',
        strategy="entropy",
    ),
    "positions are given as ids": Fault(
        module=ENTROPY,
        right="[int(pool.ids[row]) for row in order[:n]]",
        wrong="[int(row) for row in order[:n]]",
        strategy="entropy",
    ),
    "the first is left out": Fault(
        module=ENTROPY, right="in order[:n]", wrong="in order[1 : n + 1]", strategy="entropy"
    ),
    "an image comes twice": Fault(
        module="strategies.uniform",
        right="rng.permutation(np.sort(pool.ids))[:n]",
        wrong="rng.choice(np.sort(pool.ids), n)",
        strategy="random",
    ),
    "weights of the classes are swapped": Fault(
        module="strategies.rare_class",
        right="np.lexsort((total, batch))",
        wrong="np.lexsort((batch, total))",
        strategy="rare_class",
    ),
    "the wrong columns are summed": Fault(
        module="strategies.foreground_random",
        right="share[:, 1:]",
        wrong="share[:, :-1]",
        strategy="foreground_random",
    ),
    "the largest cost is taken for the least": Fault(
        module="strategies.clusters",
        right="costs[cluster] <= costs[cluster].min() + TIE",
        wrong="costs[cluster] >= costs[cluster].max() - TIE",
        strategy="kmeans",
    ),
    "a quantile is taken for the mean": Fault(
        module="strategies.typiclust",
        right=".mean(axis=1)",
        wrong="[:, k // 2]",
        strategy="typiclust",
    ),
    "labels are left out of the distance": Fault(
        module="strategies.probcover",
        right="~_near(embeddings, open_rows, pool.labeled, radius)",
        wrong="~_near(embeddings, open_rows, pool.labeled[:0], radius)",
        strategy="probcover",
    ),
}
# Faults of the choice of a batch: `maskloop verify` finds them.
OF_CHOICES = {
    "the seed is ignored": Fault(
        module=CHOICE, right="[request.seed, request.cycle]", wrong="[request.cycle]"
    ),
    "every cycle draws the same": Fault(
        module=CHOICE, right="[request.seed, request.cycle]", wrong="[request.seed]"
    ),
    "the settings are ignored": Fault(
        module=CHOICE, right="request.strategy, **request.settings", wrong="request.strategy"
    ),
    "near-duplicates are not left out": Fault(
        module=CHOICE, right="unlike if len(unlike) >= wanted else left", wrong="left"
    ),
    "the picks are in reverse": Fault(
        module=CHOICE, right="for image_id in asked]", wrong="for image_id in asked[::-1]]"
    ),
    "the control arm is one image late": Fault(
        module=CHOICE, right="round((index + 0.5) * n", wrong="1 + round((index + 0.5) * n"
    ),
    "the control arm is drawn from the distinct images": Fault(
        module=CHOICE,
        right="drawn = uniform_images(request, pool, n, rng)",
        wrong="drawn = uniform_images(request, part_of(pool, distinct), n, rng)",
    ),
    "images are read from the wrong rows": Fault(
        module="daemon.selection.candidate_pool",
        right="rows = order[np.where(inside, place, 0)]",
        wrong="rows = np.where(inside, place, 0)",
    ),
    "old embeddings count": Fault(
        module="daemon.selection.candidate_pool",
        right="reversed(names if len(ids) else ())",
        wrong="(names if len(ids) else ())",
    ),
    "scores of the cycle before are used": Fault(
        module="daemon.stages.select",
        right="context.run(cycle, Stage.SCORE).path.name if cycle",
        wrong="context.run(max(1, cycle - 1), Stage.SCORE).path.name if cycle",
    ),
    "near-duplicates of what was asked are candidates": Fault(
        module="daemon.stages.near_duplicates",
        right="if len(asked) else None",
        wrong="if not len(asked) else None",
    ),
    "the reserve goes before the batch": Fault(
        module="daemon.stages.select",
        right="picks[:batch], picks[batch:])",
        wrong="picks[-batch:], picks[:-batch])",
    ),
    "the batch is one image short": Fault(
        module="daemon.stages.select",
        right="batch = len(validation) + min(n, len(chosen))",
        wrong="batch = len(validation) + min(n, len(chosen)) - 1",
    ),
    "labeled images are candidates": Fault(
        module=LISTS, right="candidates=usable[~is_taken],", wrong="candidates=usable,"
    ),
    "labeled images are forgotten": Fault(
        module=LISTS,
        right="context.store.labeled_ids() | context.store.queried_ids()",
        wrong="set()",
    ),
    "the strategy does not see the labeled images": Fault(
        module=LISTS, right="labeled=usable[is_taken],", wrong="labeled=usable[:0],"
    ),
    "validation images are candidates": Fault(
        module=LISTS,
        right="context.store.id_array(Role.POOL)",
        wrong="np.union1d(context.store.id_array(Role.POOL), [1, 2])",
    ),
    "there is no control arm": Fault(
        module="daemon.stages.select",
        right="random_share=loop.random_share if cycle else 0.0",
        wrong="random_share=0.0",
    ),
}


def plant(fault: Fault, patch: pytest.MonkeyPatch) -> None:
    """Put what a module defines with the fault in the place of what it defines without."""
    module = importlib.import_module(fault.module)
    source = Path(str(module.__file__)).read_text()
    assert source.count(fault.right) == 1, "the source has changed: say the fault anew"
    faulty = types.ModuleType(fault.module)
    exec(source.replace(fault.right, fault.wrong), faulty.__dict__)  # our own source, nobody else's
    for name, value in list(vars(module).items()):
        if getattr(value, "__module__", None) == fault.module:
            _replace_everywhere(value, getattr(faulty, name), patch)


def _replace_everywhere(value: object, faulty: object, patch: pytest.MonkeyPatch) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith(OURS):
            for attribute, there in list(vars(module).items()):
                if there is value:
                    patch.setattr(module, attribute, faulty)
    for name, there in strategies.SHIPPED.items():
        if there is value:
            patch.setitem(strategies.SHIPPED, name, faulty)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("cycles")
    made(home)
    return home


@pytest.fixture(autouse=True)
def freshly_loaded() -> Iterator[None]:
    """The contract keeps the strategies that it loaded: not those with a fault."""
    strategy_runs.loaded.cache_clear()
    yield
    strategy_runs.loaded.cache_clear()


@pytest.fixture
def cycles(home: Path, tmp_path: Path) -> Config:
    shutil.copytree(home, tmp_path / "copy")
    return with_selection(tmp_path / "copy")


def keeps_the_contract(name: str) -> bool:
    """Whether a strategy passes these tests of its contract."""
    try:
        for labeled in (0, 25):
            agrees_with_the_oracle(name, labeled)
        if name == "entropy":
            takes_the_lowest_id_first(name)
    except AssertionError:
        return False
    return True


def is_verified(config: Config) -> bool:
    """Whether the batches of three cycles are what the files give."""
    try:
        choose_all(config)
        return all(one.matches for one in verify(config))
    except MaskloopError:
        return False


def test_without_a_fault_nothing_is_found(cycles: Config) -> None:
    assert all(map(keeps_the_contract, {fault.strategy for fault in OF_STRATEGIES.values()}))
    assert is_verified(cycles)


def test_at_least_twenty_faults_are_planted() -> None:
    assert len(OF_STRATEGIES) + len(OF_CHOICES) >= 20


@pytest.mark.parametrize("name", sorted(OF_STRATEGIES))
def test_the_contract_of_strategies_finds_that(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(OF_STRATEGIES[name], monkeypatch)

    assert not keeps_the_contract(OF_STRATEGIES[name].strategy)


@pytest.mark.parametrize("name", sorted(OF_CHOICES))
def test_verify_finds_that(name: str, cycles: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(OF_CHOICES[name], monkeypatch)

    assert not is_verified(cycles)

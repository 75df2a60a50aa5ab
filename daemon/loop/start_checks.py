"""Checks that cost less than a second or two: `check`, `doctor` and the start of the daemon make
them all."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import strategies
from connectors.base import Connector
from daemon.config.loading import Config
from daemon.config.section import Setting
from daemon.domain.errors import ConfigError, MaskloopError
from daemon.domain.moved_modules import failed_import
from daemon.intake import Intake
from daemon.loop.components import strategy_faults
from daemon.runs.locks import holder_of
from daemon.stages.reasons import strategy_words
from daemon.store import FILE, LOCK
from strategies import Pool

PROBE_BYTES = 2**20  # written where the store will be, to see that it can
TRIAL_IMAGES, TRIAL_LABELED, TRIAL_DIMENSIONS, TRIAL_BATCH = 40, 5, 64, 4


def start_faults(config: Config, connector: Connector) -> Sequence[str]:
    """What is wrong that does not keep the daemon from starting, each with what it is about."""
    found = {
        "strategies": strategy_trial_faults(config),
        "disk": disk_faults(config),
        "labeling tool": _tool_faults(connector),
    }
    return [f"{name}: {words}" for name, faults in found.items() for words in faults]


def _tool_faults(connector: Connector) -> Sequence[str]:
    intake, found = Intake(), []
    try:
        with intake.one(
            "labeling tool", expected="a check that ends", cure="report it with `maskloop doctor`"
        ):
            found = [str(fault) for fault in connector.check()]
    except MaskloopError as exc:
        return [str(exc)]
    return [*found, *map(str, intake.faults())]


def strategy_trial_faults(config: Config) -> Sequence[str]:
    """Whether the strategies can be made, and choose from a small pool as the contract says: a
    strategy that fails would do so only when the first training is over."""
    if faults := strategy_faults(config):
        return faults
    selection = config.selection
    return [
        *_trial(f"[selection] seed_strategy = {selection.seed_strategy!r}", selection.seed_strategy,
                {}, _seed_pool(selection.seed)),
        *_trial(f"[selection] strategy = {selection.strategy!r}", selection.strategy,
                selection.settings, _scored_pool(selection.seed, len(config.classes.names))),
    ]  # fmt: skip


def state_folder_faults(config: Config) -> Sequence[str]:
    """Whether a store can be kept: the folder is made and written to."""
    config.state.mkdir(parents=True, exist_ok=True)
    if faults := access_faults(config):
        return faults
    with tempfile.NamedTemporaryFile(dir=config.state) as file:
        file.write(bytes(PROBE_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return []


def access_faults(config: Config) -> Sequence[str]:
    """What in the state folder this user may not write, as where another one ran the daemon
    before; of a folder that is not there, the place where it would be made."""
    if not config.state.exists():
        place = _existing(config.state)
        return [] if os.access(place, os.W_OK | os.X_OK) else [_no_right(place)]
    names = ("", FILE, f"{FILE}-wal", f"{FILE}-shm", LOCK, "runs", "images")
    paths = [config.state / name for name in names]
    return [
        _no_right(path)
        for path in paths
        if path.exists() and not os.access(path, os.W_OK | (os.X_OK if path.is_dir() else 0))
    ]


def require_access(config: Config) -> None:
    """Raise ConfigError where this user may not write what the daemon must."""
    if faults := access_faults(config):
        raise ConfigError("[project] state_dir:\n  " + "\n  ".join(faults))


def disk_faults(config: Config) -> Sequence[str]:
    """Whether as much is free as [storage] asks for."""
    free = shutil.disk_usage(_existing(config.state)).free / 1e9
    wanted = config.storage.min_free_gb
    if free >= wanted:
        return []
    return [
        f"{config.state}: {free:.2f} GB free; expected [storage] min_free_gb = {wanted}; "
        f"free some space or move [project] state_dir"
    ]


def port_faults(config: Config) -> Sequence[str]:
    """Whether the page can be served; of a daemon that runs nothing, it has the port."""
    web = config.web
    if not web.enabled or holder_of(config.state / LOCK) is not None:
        return []
    try:
        places = socket.getaddrinfo(web.host, web.port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)
        family, kind, _, _, address = places[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except (OSError, UnicodeError) as exc:
        return [
            f"[web] host = {web.host!r}, port = {web.port}: cannot listen there: {exc}; choose "
            f"another port, or 0 for any free one"
        ]
    return []


def _trial(where: str, name: str, settings: Mapping[str, Setting], pool: Pool) -> Sequence[str]:
    """Let a strategy choose from a made-up pool; what is wrong with what it gives or raises."""
    expected = f"{TRIAL_BATCH} ids of a trial pool of {TRIAL_IMAGES} images"
    cure = "mend the strategy (strategies/README.md says what it must do), or name another one"
    intake, chosen = Intake(), list[int]()
    try:
        with intake.one(where, expected=expected, cure=cure):
            chosen = _chosen(name, settings, pool)
            known = set(pool.ids.tolist())
            if len(set(chosen)) != TRIAL_BATCH or not known.issuperset(chosen):
                return [f"{where}: got {str(chosen)[:80]}; expected {expected}; {cure}"]
        with intake.one(where, expected="reasons of its own choice, one a pick", cure=cure):
            chosen_by = [(image_id, name) for image_id in chosen] if not intake.faults() else []
            strategy_words(pool, chosen_by, strategies.load(name, **settings))
    except ConfigError as exc:
        return [f"{where}: {exc}"]
    return [str(fault) for fault in intake.faults()]


def _chosen(name: str, settings: Mapping[str, Setting], pool: Pool) -> list[int]:
    strategy, rng = strategies.load(name, **settings), np.random.default_rng(0)
    try:
        return [int(i) for i in strategy.select(pool, TRIAL_BATCH, rng)]
    except ImportError as exc:  # of a plug-in that imports where it computes
        raise ConfigError(f"strategy {name}: {failed_import(exc, name)}") from exc


def _seed_pool(seed: int) -> Pool:
    """What a strategy is given in cycle 0: embeddings and nothing else."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((TRIAL_IMAGES, TRIAL_DIMENSIONS), dtype=np.float32)
    ids = np.arange(1, TRIAL_IMAGES + 1, dtype=np.int64)
    return Pool(ids=ids, embeddings=rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _scored_pool(seed: int, classes: int) -> Pool:
    """What it is given once there is a model."""
    rng, first = np.random.default_rng(seed), _seed_pool(seed)
    rows = rng.standard_normal((TRIAL_LABELED, TRIAL_DIMENSIONS), dtype=np.float32)
    return Pool(
        ids=first.ids,
        embeddings=first.embeddings,
        labeled=rows / np.linalg.norm(rows, axis=1, keepdims=True),
        uncertainty=rng.random(TRIAL_IMAGES, dtype=np.float32),
        class_share=rng.dirichlet(np.ones(classes), size=TRIAL_IMAGES).astype(np.float32),
    )


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.absolute().parents) if place.is_dir())


def _no_right(path: Path) -> str:
    return (
        f"{path}: this user may not write there, or nobody may; expected the right to; run the "
        f"daemon as the user who owns it, chown it to this one, or name a disk that can be written"
    )

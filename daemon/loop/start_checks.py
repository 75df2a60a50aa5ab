"""Checks that take at most two seconds: strategies, state folder, access, disk, port.

`maskloop check`, `maskloop doctor` and the start of the daemon share them. A check returns its
faults, one text each; an empty result means that all is well.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import strategies
from connectors.base import Connector
from daemon.config.loading import Config
from daemon.config.section import Setting
from daemon.config.web_tokens import is_loopback, needs_sign_in, require_web_tokens
from daemon.domain.errors import ConfigError, MaskloopError
from daemon.domain.moved_modules import failed_import
from daemon.intake import Intake
from daemon.loop.components import strategy_faults
from daemon.runs.locks import holder_of
from daemon.selection.reasons import strategy_words
from daemon.store import FILE, LOCK
from strategies import Pool
from strategies.base import PER_IMAGE, FloatArray

PROBE_BYTES = 2**20  # written as a test into the folder of the store
TRIAL_IMAGES, TRIAL_LABELED, TRIAL_DIMENSIONS, TRIAL_BATCH = 40, 5, 64, 4


def start_faults(config: Config, connector: Connector) -> Sequence[str]:
    """Faults that do not keep the daemon from starting, as "CHECK: FAULT"."""
    found = {
        "strategies": strategy_trial_faults(config),
        "disk": disk_faults(config),
        "labeling tool": _tool_faults(connector),
    }
    return [f"{name}: {fault}" for name, faults in found.items() for fault in faults]


def _tool_faults(connector: Connector) -> Sequence[str]:
    intake, found = Intake(), []
    try:
        with intake.guard(
            "labeling tool", expected="a check that ends", cure="report it with `maskloop doctor`"
        ):
            found = [str(fault) for fault in connector.check()]
    except MaskloopError as exc:
        return [str(exc)]
    return [*found, *map(str, intake.faults())]


def strategy_trial_faults(config: Config) -> Sequence[str]:
    """Load both strategies and let each select from a synthetic pool, as its contract says.

    Without this, a strategy would fail only after the first training.
    """
    if faults := strategy_faults(config):
        return faults
    selection = config.selection
    seed_pool = _seed_pool(selection.seed)
    scored_pool = _scored_pool(selection.seed, len(config.classes.names))
    return [
        *_trial_faults("seed_strategy", selection.seed_strategy, {}, seed_pool),
        *_trial_faults("strategy", selection.strategy, selection.settings, scored_pool),
    ]


def state_folder_faults(config: Config) -> Sequence[str]:
    """Create the state folder and write a file of PROBE_BYTES into it."""
    config.state.mkdir(parents=True, exist_ok=True)
    if faults := access_faults(config):
        return faults
    with tempfile.NamedTemporaryFile(dir=config.state) as file:
        file.write(bytes(PROBE_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return []


def access_faults(config: Config) -> Sequence[str]:
    """Paths of the state folder that this user may not write, for example because another user
    ran the daemon before. If the folder is missing: the folder that it would be created in."""
    if not config.state.exists():
        folder = _nearest_folder(config.state)
        return [] if os.access(folder, os.W_OK | os.X_OK) else [_not_writable(folder)]
    names = ("", FILE, f"{FILE}-wal", f"{FILE}-shm", LOCK, "runs", "images")
    paths = [config.state / name for name in names]
    return [
        _not_writable(path)
        for path in paths
        if path.exists() and not os.access(path, os.W_OK | (os.X_OK if path.is_dir() else 0))
    ]


def require_access(config: Config) -> None:
    """Raise ConfigError with the access faults, if there are any."""
    if faults := access_faults(config):
        raise ConfigError("[project] state_dir:\n  " + "\n  ".join(faults))


def web_access_faults(config: Config) -> Sequence[str]:
    """Who can reach the page, and whether they have to sign in over a channel that others cannot
    read."""
    web = config.web
    if not web.enabled:
        return []
    try:
        require_web_tokens(config)
    except ConfigError as exc:
        return [str(exc)]
    if needs_sign_in(config) and not web.https:
        where = f"names = {list(web.names)}" if is_loopback(web.host) else f"host = {web.host!r}"
        return [
            f"[web] {where}: others reach the page without https, so tokens and sessions can be "
            f"read on the way; expected a proxy with TLS in front, and https = true; see "
            f"daemon/web/README.md"
        ]
    return []


def disk_faults(config: Config) -> Sequence[str]:
    """Whether the disk has the free space that [storage] min_free_gb asks for."""
    free = shutil.disk_usage(_nearest_folder(config.state)).free / 1e9
    wanted = config.storage.min_free_gb
    if free >= wanted:
        return []
    return [
        f"{config.state}: {free:.2f} GB free; expected [storage] min_free_gb = {wanted}; "
        f"free some space or move [project] state_dir"
    ]


def port_faults(config: Config) -> Sequence[str]:
    """Whether the page can be served. No fault while a daemon runs, since it uses the port."""
    web = config.web
    if not web.enabled or holder_of(config.state / LOCK) is not None:
        return []
    try:
        addresses = socket.getaddrinfo(
            web.host, web.port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE
        )
        family, kind, _, _, address = addresses[0]
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


def _trial_faults(
    key: str, name: str, settings: Mapping[str, Setting], pool: Pool
) -> Sequence[str]:
    """Faults of what the strategy of a setting selects from a synthetic pool, or raises."""
    where = f"[selection] {key} = {name!r}"
    expected = f"{TRIAL_BATCH} ids of a trial pool of {TRIAL_IMAGES} images"
    cure = "correct the strategy (its contract is in strategies/README.md), or name another one"
    intake, picks = Intake(), list[int]()
    try:
        with intake.guard(where, expected=expected, cure=cure):
            picks = _select(name, settings, pool)
            known = set(pool.ids.tolist())
            if len(set(picks)) != TRIAL_BATCH or not known.issuperset(picks):
                return [f"{where}: got {str(picks)[:80]}; expected {expected}; {cure}"]
        if not intake.faults():
            with intake.guard(where, expected="a reason for each pick", cure=cure):
                arms = [(image_id, name) for image_id in picks]
                strategy_words(pool, arms, strategies.load(name, **settings))
    except ConfigError as exc:
        return [f"{where}: {exc}"]
    return [str(fault) for fault in intake.faults()]


def _select(name: str, settings: Mapping[str, Setting], pool: Pool) -> list[int]:
    strategy, rng = strategies.load(name, **settings), np.random.default_rng(0)
    try:
        return [int(i) for i in strategy.select(pool, TRIAL_BATCH, rng)]
    except ImportError as exc:  # a plug-in may import inside `select`
        raise ConfigError(f"strategy {name}: {failed_import(exc, name)}") from exc


def _seed_pool(seed: int) -> Pool:
    """A pool as in cycle 0: random unit embeddings, (TRIAL_IMAGES, TRIAL_DIMENSIONS), only."""
    ids = np.arange(1, TRIAL_IMAGES + 1, dtype=np.int64)
    return Pool(ids=ids, embeddings=_unit_rows(np.random.default_rng(seed), TRIAL_IMAGES))


def _scored_pool(seed: int, classes: int) -> Pool:
    """A pool as after a training: every field is there, besides what was measured of the loop."""
    rng = np.random.default_rng(seed)
    embeddings, labeled = _unit_rows(rng, TRIAL_IMAGES), _unit_rows(rng, TRIAL_LABELED)
    measures: dict[str, Any] = {  # of those with several numbers an image each is one of a class
        name: rng.random((TRIAL_IMAGES, classes)[:dimensions], dtype=np.float32)
        for name, dimensions in PER_IMAGE.items()
    }
    measures["class_share"] /= measures["class_share"].sum(axis=1, keepdims=True)
    measures |= {"embeddings": embeddings, "foreground_embeddings": embeddings}
    ids = np.arange(1, TRIAL_IMAGES + 1, dtype=np.int64)
    return Pool(ids=ids, labeled=labeled, labeled_foreground=labeled, **measures)


def _unit_rows(rng: np.random.Generator, images: int) -> FloatArray:
    """Random embeddings of unit length: (images, TRIAL_DIMENSIONS)."""
    rows = rng.standard_normal((images, TRIAL_DIMENSIONS), dtype=np.float32)
    unit: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _nearest_folder(path: Path) -> Path:
    """The path itself or its nearest parent that is a folder."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())


def _not_writable(path: Path) -> str:
    return (
        f"{path}: this user may not write there, or the disk is read-only; expected write access; "
        f"run the daemon as the owner, chown it to this user, or name a disk that can be written"
    )

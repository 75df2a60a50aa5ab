"""What an experiment depends on, with the hashes of its files; whether a folder holds the same."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from daemon.domain.errors import ExperimentRefused
from daemon.domain.formatting import count
from daemon.experiment.command import read_json
from daemon.experiment.image_folders import Folders
from daemon.experiment.recipes.experiment_plan import ExperimentPlan
from daemon.experiment.report import program_commit
from daemon.runs.checksums import sha256_of
from daemon.runs.durable import write_json

log = logging.getLogger(__name__)

FREE = {"title", "notes", "not_repeatable", "report"}  # of a recipe: they change no figure
PACKAGES = ("numpy", "torch", "scikit-learn", "umap-learn", "pillow")
COMPARED = ("recipe", "images", "masks", "classes", "files")


def settle_request(plan: ExperimentPlan) -> Mapping[str, Any]:
    """Compare with the request of the folder, and write it; returns it.

    Further arms and seeds may be asked later. Raises ExperimentRefused where anything differs that
    is trained already.
    """
    file, request = plan.folder.request_file, request_of(plan)
    if file.exists():
        before = read_json(file)
        differing = [name for name in COMPARED if before.get(name) != request[name]]
        known = before.get("arms", {})
        differing += [
            f"arms.{name}"
            for name, arm in request["arms"].items()
            if name in known and known[name] != arm
        ]
        if differing:
            raise ExperimentRefused(
                f"{file}: the folder holds another experiment, which differs in "
                f"{', '.join(_inside(before, request, differing))}; name another folder with --out"
            )
        if before.get("versions") != request["versions"]:
            log.warning("%s: the program or its packages have changed since it began", file)
        request = {**request, "arms": {**known, **request["arms"]}}
    write_json(file, request)
    return request


def request_of(plan: ExperimentPlan) -> dict[str, Any]:
    """The content of request.json, as JSON has it. All files are read for their hashes."""
    recipe = plan.recipe.model_dump(mode="json")
    arms = {name: _without(arm, "seeds") for name, arm in recipe.pop("arms").items()}
    shared = {name: value for name, value in recipe.items() if name not in FREE}
    shared["training"] = _without(shared["training"], "seeds")
    lists = plan.lists
    request = {
        "recipe": shared,
        "arms": arms,
        "seeds": {arm: list(plan.recipe.seeds_of(arm)) for arm in plan.recipe.arms},
        "name": plan.read.name,
        "recipe_sha256": plan.read.sha256,
        "images": str(plan.read.home / plan.recipe.data.images),
        "masks": str(plan.folders.masks),
        "classes": list(plan.classes),
        "counts": {
            "labeled": len(lists.labeled),
            "pool": len(lists.pool),
            "pool with a mask": len(plan.masked),
            "test": len(lists.test),
        },
        "files": {
            name: list_digest(plan.folders, ids)
            for name, ids in (
                ("labeled", lists.labeled),
                ("pool", lists.pool),
                ("test", lists.test),
            )
        },
        "versions": {**_versions(), "commit": program_commit()},
        "machine": _machine(),
    }
    found: dict[str, Any] = json.loads(json.dumps(request))
    return found


def list_digest(folders: Folders, ids: Sequence[str]) -> str:
    """64 hex digits that change with an id, an image or a mask of the list; not with its order."""
    whole = hashlib.sha256()
    for name in sorted(ids):
        mask = folders.mask(name)
        parts = (
            name,
            sha256_of(folders.images[name]),
            sha256_of(mask) if mask.is_file() else "no mask",
        )
        whole.update("\0".join(parts).encode("utf-8", "surrogateescape") + b"\n")
    return whole.hexdigest()


def _inside(
    before: Mapping[str, Any], request: Mapping[str, Any], names: Sequence[str]
) -> list[str]:
    """The tables inside that differ, in place of the whole recipe or all files."""
    found = []
    for name in names:
        old, new = before.get(name), request.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            keys = sorted({*old, *new})
            found += [f"{name}.{key}" for key in keys if old.get(key) != new.get(key)]
        else:
            found.append(name)
    return found


def _without(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != name}


def _machine() -> str:
    """Cores that may be used, and what they are."""
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        text = ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    cores = count(len(os.sched_getaffinity(0)), "core")
    return f"{cores}, {model[1] if model else platform.machine()}"


def _versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **found}

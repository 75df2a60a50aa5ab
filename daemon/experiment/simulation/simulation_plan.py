"""What a simulation runs: the images of each list, the classes, the arms and seeds; and whether a
folder holds the same simulation."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import logging
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from daemon.config.name_lists import read_lists
from daemon.domain.errors import ExperimentRefused
from daemon.experiment.command import read_json
from daemon.experiment.image_folders import Folders, class_names, read_folders, read_ids
from daemon.experiment.report import program_commit
from daemon.experiment.simulation.simulation_folder import SimulationFolder
from daemon.experiment.simulation.simulation_options import SimulationOptions
from daemon.experiment.splits import require_masks
from daemon.pixels.masks import read_mask
from daemon.runs.durable import write_json

log = logging.getLogger(__name__)

TRAIN_LISTS = ("train", "pool")  # names of the training list, in this order
GROWING = ("arms", "seeds", "replicates", "full")  # more may be asked later in the same folder
VERSIONS = ("numpy", "torch", "scikit-learn", "pillow")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The options with what they mean for these folders. train, test: ids; each has a mask."""

    options: SimulationOptions
    folder: SimulationFolder
    source: Folders
    classes: tuple[str, ...]
    train: tuple[str, ...]
    test: tuple[str, ...]

    def labels_wanted(self) -> int:
        """How many images an arm labels, validation included."""
        options = self.options
        return options.validation + self.train_labels(options.cycles)

    def train_labels(self, cycle: int) -> int:
        """How many training labels the model of a cycle has, from 1."""
        return self.options.initial + (cycle - 1) * self.options.batch

    def trainings(self) -> int:
        """How many trainings the whole simulation has."""
        options = self.options
        seeds, cycles = len(options.seeds), options.cycles
        of_arms = 1 + len(options.arms) * (cycles - 1)
        return seeds * (of_arms + options.replicates * cycles) + len(options.full)


def make_plan(options: SimulationOptions) -> Plan:
    """Read lists, classes and masks of the training list.

    Raises ExperimentRefused for what does not fit together, and for too few images.
    """
    source = read_folders(options.images, options.masks)
    train, test = _lists(options, source)
    classes = class_names(options.classes, source, train)
    plan = Plan(
        options=options,
        folder=SimulationFolder(options.out),
        source=source,
        classes=classes,
        train=train,
        test=test,
    )
    _require_enough(plan)
    return plan


def settle_request(plan: Plan) -> tuple[Plan, Mapping[str, Any]]:
    """Compare with the request of the folder, and write it.

    Returns the plan with the arms, seeds, replicates and full-label methods of earlier commands
    in the same folder too. Raises ExperimentRefused where anything else differs.
    """
    file = plan.folder.request_file
    if not file.exists():
        _require_replicate_arm(plan)
        request = {**_request(plan), "class_pixels": _class_pixels(plan)}
        write_json(file, request)
        return plan, request
    before = read_json(file)
    merged = _merged(plan, before)
    _require_replicate_arm(merged)
    request = _request(merged)
    differing = sorted(
        name
        for name in set(request) - {*GROWING, "versions"}
        if before.get(name) != request[name]
        if name != "replicate_arm" or before["replicates"]
    )
    if differing:
        raise ExperimentRefused(
            f"{file}: the folder holds another simulation, which differs in "
            f"{', '.join(differing)}; name another folder with --out"
        )
    if before.get("versions") != request["versions"]:
        log.warning("%s: the program or its packages have changed since it began", file)
    request = {**before, **{name: request[name] for name in (*GROWING, "replicate_arm")}}
    write_json(file, request)
    return merged, request


def _merged(plan: Plan, before: Mapping[str, Any]) -> Plan:
    options = plan.options
    try:
        renewed = options.replicates or not before["replicates"]
        options = dataclasses.replace(
            options,
            arms=_union(before["arms"], options.arms),
            seeds=_union(before["seeds"], options.seeds),
            full=_union(before["full"], options.full),
            replicates=max(options.replicates, int(before["replicates"])),
            replicate_arm=options.replicate_arm if renewed else str(before["replicate_arm"]),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise ExperimentRefused(
            f"{plan.folder.request_file}: holds no simulation: {exc!r}; name another folder with "
            f"--out"
        ) from exc
    return dataclasses.replace(plan, options=options)


def _union(before: Sequence[Any], now: Sequence[Any]) -> tuple[Any, ...]:
    """What was asked before, then what is new."""
    return tuple(dict.fromkeys([*before, *now]))


def _require_replicate_arm(plan: Plan) -> None:
    options = plan.options
    if options.replicates and options.replicate_arm not in options.arms:
        raise ExperimentRefused(
            f"--replicate-arm {options.replicate_arm}: is none of --arms; expected one of "
            f"{', '.join(options.arms)}"
        )


def _request(plan: Plan) -> dict[str, Any]:
    """The content of request.json: everything that the runs depend on."""
    options = plan.options
    listed = json.dumps([plan.train, plan.test]).encode()
    names = ("arms", "seeds", "initial", "initial_by", "validation", "batch", "cycles", "device")
    more = ("random_share", "learner", "method", "replicates", "replicate_arm", "full")
    request = {
        **{name: getattr(options, name) for name in (*names, *more)},
        "images": str(options.images),
        "masks": str(options.masks),
        "splits": str(options.splits),
        "train": len(plan.train),
        "test": len(plan.test),
        "lists": hashlib.sha256(listed).hexdigest(),
        "classes": list(plan.classes),
        "preset": options.settings["preset"],
        "settings": dict(options.settings),
        "config": dict(options.config),
        "versions": _versions(),
    }
    as_saved: dict[str, Any] = json.loads(json.dumps(request))  # tuples become lists
    return as_saved


def _class_pixels(plan: Plan) -> dict[str, int]:
    """Class -> pixels of it in the masks of the training list; the report needs the rarest."""
    counts = np.zeros(256, dtype=np.int64)
    for name in plan.train:
        mask = read_mask(plan.source.mask(name), where=name)
        counts += np.bincount(mask.ravel(), minlength=256)
    return {name: int(counts[value]) for value, name in enumerate(plan.classes)}


def _versions() -> dict[str, Any]:
    numbers = {name: importlib.metadata.version(name) for name in VERSIONS}
    return {"python": platform.python_version(), "commit": program_commit(), **numbers}


def _lists(options: SimulationOptions, source: Folders) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        lists = read_lists(options.splits)
    except ValueError as exc:
        raise ExperimentRefused(
            f"--splits {options.splits}: cannot be read: {exc}; expected "
            f'{{"train": [ID], "test": [ID]}}'
        ) from exc
    name = next((name for name in TRAIN_LISTS if name in lists), "")
    missing = [] if name else ["train"]
    missing += [] if "test" in lists else ["test"]
    if missing:
        raise ExperimentRefused(
            f"--splits {options.splits}: has no list {' and no list '.join(missing)}; got "
            f"{', '.join(lists) or 'none'}; a simulation needs images to choose from, and others "
            f"to measure on"
        )
    train, test = (
        require_masks(read_ids(f"{options.splits}:{one}", source, "--splits"), source, "--splits")
        for one in (name, "test")
    )
    if shared := sorted(set(train) & set(test)):
        raise ExperimentRefused(
            f"--splits {options.splits}: {len(shared)} images are in {name} and in test, first "
            f"{shared[0]!r}; a model must not be measured on images that it was trained on; take "
            f"them out of one list"
        )
    return train, test


def _require_enough(plan: Plan) -> None:
    options, wanted = plan.options, plan.labels_wanted()
    if wanted > len(plan.train):
        raise ExperimentRefused(
            f"--splits {options.splits}: {len(plan.train)} training images, but "
            f"{options.validation} of --validation, {options.initial} of --initial and "
            f"{options.cycles - 1} batches of {options.batch} are {wanted}; ask for fewer, or add "
            f"images"
        )

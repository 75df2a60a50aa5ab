"""What an experiment does, from a recipe and its folders: lists, classes, arms, trainings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.config.learner import settings_of
from daemon.domain.errors import ExperimentRefused
from daemon.experiment.image_folders import Folders, class_names, read_folders, read_listed
from daemon.experiment.recipes.experiment_folder import ExperimentFolder
from daemon.experiment.recipes.leak_guard import GuardedLists, guard
from daemon.experiment.recipes.recipe_file import ReadRecipe
from daemon.experiment.recipes.recipe_model import ALL, Recipe
from daemon.experiment.splits import require_masks


@dataclass(frozen=True, kw_only=True)
class ExperimentPlan:
    """masked: images of the pool that have a mask; ids. lists.labeled is empty where the sample is
    still to be chosen. parallel: trainings at once; None: auto."""

    read: ReadRecipe
    folder: ExperimentFolder
    folders: Folders
    classes: tuple[str, ...]
    lists: GuardedLists
    masked: tuple[str, ...]
    parallel: int | None = 1

    @property
    def recipe(self) -> Recipe:
        """What was asked."""
        return self.read.recipe

    def trainings(self) -> Iterator[tuple[str, int]]:
        """Arm and seed of each, seed by seed, so that pairs come early."""
        seeds = dict.fromkeys(
            seed for arm in self.recipe.arms for seed in self.recipe.seeds_of(arm)
        )
        for seed in seeds:
            yield from (
                (arm, seed) for arm in self.recipe.arms if seed in self.recipe.seeds_of(arm)
            )

    def sampled(self) -> int:
        """How many images the sample has."""
        return len(self.lists.labeled) or self.recipe.sample.n

    def labels_of(self, arm: str) -> int:
        """How many labels an arm trains on."""
        labels = self.recipe.arms[arm].labels
        if labels == ALL:
            return len(self.masked)
        return labels if isinstance(labels, int) else self.sampled()

    def iterations_of(self, arm: str) -> int | None:
        """Of a training; None where seconds count."""
        if self.recipe.limit_of(arm) is not None:
            return None
        return settings_of(self.recipe.settings_of(arm)).iterations


def make_plan(read: ReadRecipe, out: Path, parallel: int | None = 1) -> ExperimentPlan:
    """Read the lists, the classes and the masks of the labels.

    Raises ExperimentRefused for what does not fit together, and for too few images.
    """
    recipe, home = read.recipe, read.home
    folders = read_folders(home / recipe.data.images, home / recipe.data.masks)
    test = require_masks(_listed(read, folders, "test"), folders, "[lists] test")
    given = _listed(read, folders, "labeled") if recipe.lists.labeled else ()
    labeled = require_masks(given, folders, "[lists] labeled") if given else ()
    if recipe.lists.pool == ALL:
        pool = tuple(name for name in folders.images if name not in set(test) | set(labeled))
    else:
        pool = _listed(read, folders, "pool")
    lists = guard(folders, recipe.lists, labeled, pool, test)
    # With a sample the labels come from the pool; a list of labels is further images beside it.
    candidates = (*lists.labeled, *lists.pool) if labeled else lists.pool
    masked = tuple(name for name in dict.fromkeys(candidates) if folders.mask(name).is_file())
    plan = ExperimentPlan(
        read=read,
        folder=ExperimentFolder(out),
        folders=folders,
        classes=class_names(recipe.data.classes, folders, masked),
        lists=lists,
        masked=masked,
        parallel=parallel,
    )
    _require_enough(plan)
    return plan


def _listed(read: ReadRecipe, folders: Folders, name: str) -> tuple[str, ...]:
    """The ids of a list of the recipe."""
    text: Mapping[str, Any] = dict(read.recipe.lists)
    return read_listed(str(read.home / text[name]), folders.images, f"[lists] {name}")


def _require_enough(plan: ExperimentPlan) -> None:
    lists, recipe = plan.lists, plan.recipe
    if not lists.test:
        raise ExperimentRefused(
            "[lists] test: no image is left; expected at least one that is not labeled"
        )
    if not lists.labeled and not 1 <= recipe.sample.n <= len(plan.masked):
        raise ExperimentRefused(
            f"[sample] n = {recipe.sample.n}: expected 1 to {len(plan.masked)}, which is how many "
            f"images of the pool have a mask in {plan.folders.masks}"
        )
    most = plan.sampled()
    for name, arm in recipe.arms.items():
        if isinstance(arm.labels, int) and arm.labels > most:
            raise ExperimentRefused(
                f"[arms.{name}] labels = {arm.labels}: expected at most {most}, the labeled images"
            )
        if arm.learns_from_pool() and not lists.pool:
            raise ExperimentRefused(
                f"[arms.{name}] learns from the pool, which is empty; name images in [lists] pool, "
                f"or write pool = false"
            )

"""The recipes of Supervisely's HRDA plants demo, on a made-up project of the same shape."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.domain.errors import ExperimentRefused
from daemon.experiment.recipes.experiment_plan import ExperimentPlan, make_plan
from daemon.experiment.recipes.recipe_file import read_recipe
from tests.fakes import dataset_sources

# A tenth of the published numbers: 62 labeled of which 57 are unlabeled and 5 in validation too.
LABELED, UNLABELED, VALIDATION = 6, 200, 22


@pytest.fixture(scope="module")
def plants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The imported project. Copies have another file content, and a number before their name."""
    home = tmp_path_factory.mktemp("plants")
    unlabeled = [f"{row:05}_frame{row}.png" for row in range(UNLABELED)]
    validation = [f"{row:05}_frame{row}.png" for row in range(UNLABELED, UNLABELED + VALIDATION)]
    originals = [*unlabeled[: LABELED - 1], validation[0]]
    copies = [f"{row:02}_{name}" for row, name in enumerate(originals)]
    datasets = {
        "labeled": dict.fromkeys(copies, mask(3)),
        "unlabeled": dict.fromkeys(unlabeled, mask(0)),
        "validation": dict.fromkeys(validation, mask(3)),
    }
    dataset_sources.supervisely(home / "source", datasets)
    images = sorted((home / "source").glob("*/img/*"))
    for seed, image in enumerate(images):  # so that no two files are equal
        dataset_sources.picture(image, (8, 8), seed)
    import_folder(home / "source", home / "imported", ImportOptions(), lambda done, all_of: None)
    return home / "imported"


def mask(classes: int) -> dataset_sources.Mask:
    """Eight by eight pixels of as many classes, in columns; 0: background only."""
    columns = np.arange(8) % max(1, classes)
    return np.broadcast_to(columns.astype(np.uint8), (8, 8)).copy()


def plan_of(name: str, data: Path, *changes: str) -> ExperimentPlan:
    return make_plan(read_recipe(name, data, changes), data.parent / "out")


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("hrda-plants-blog", {"labeled": 6, "pool": 200, "test": 22}),
        ("hrda-plants-strict", {"labeled": 6, "pool": 195, "test": 21}),
    ],
)
def test_the_strict_lists_lack_the_leaked_pictures_and_the_twins(
    plants: Path, name: str, counts: Mapping[str, int]
) -> None:
    lists = plan_of(name, plants).lists

    assert {role: len(getattr(lists, role)) for role in counts} == counts
    leaked = "removed from test" if "strict" in name else "kept, so the figures flatter the arms"
    assert lists.words[0] == f"in test and labeled too: 1 picture, {leaked}"
    assert lists.words[1].startswith("labeled and in the pool too: 5 pictures")


def test_the_published_lists_need_a_word_to_be_used_as_they_are(plants: Path) -> None:
    with pytest.raises(ExperimentRefused, match=r"1 picture in both, first '00200_frame200'"):
        plan_of("hrda-plants-blog", plants, "lists.leaks=refuse")

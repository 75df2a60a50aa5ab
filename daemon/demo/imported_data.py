"""A folder that `maskloop import` wrote, as the data set of a demo.

Its masks are what the simulated annotators know. The list pool is labeled in Label Studio; test
images are the list test, else one of validation; images without a mask are left out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from daemon.config.name_lists import read_lists
from daemon.demo.dataset import Dataset, checked_dataset, images_by_name
from daemon.domain.errors import DemoFailed

TEST_LISTS = ("test", "testing", "val", "valid", "validation")  # the first that holds something
POOL, LISTS = "pool", "splits.json"


def imported_dataset(folder: Path) -> Dataset:
    """The data set in `folder`; every file is checked. Raises DemoFailed with the first faults."""
    images, masks = folder / "images", folder / "masks"
    for part in (images, masks):
        if not part.is_dir():
            raise DemoFailed(
                f"--data {folder}: has no folder {part.name}; expected what `maskloop import` "
                f"wrote; for other folders: --images and --masks, or import them first"
            )
    by_name = images_by_name(images)
    labeled = {path.stem for path in masks.glob("*.png")}
    pool, test = _lists(folder, sorted(labeled & set(by_name)))
    if unknown := [name for name in (*pool, *test) if name not in by_name]:
        raise DemoFailed(
            f"{folder / LISTS}: {len(unknown)} names have no image, first {unknown[0]!r}; import "
            f"the data set again"
        )
    pool, test = ([name for name in names if name in labeled] for names in (pool, test))
    found = checked_dataset(by_name, masks, pool, test, ())
    return replace(found, left_out=len(set(by_name) - labeled))


def _lists(folder: Path, labeled: list[str]) -> tuple[list[str], list[str]]:
    """Names of pool and test; without lists every labeled image is in the pool."""
    path = folder / LISTS
    if not path.is_file():
        return labeled, []
    try:
        lists = read_lists(path)
    except ValueError as exc:
        raise DemoFailed(f"{path}: cannot be read: {exc}; import the data set again") from exc
    called = {name.lower().rpartition("/")[2]: names for name, names in lists.items()}
    test = next((called[name] for name in TEST_LISTS if called.get(name)), [])
    held_out = set(test)
    return [name for name in lists.get(POOL, labeled) if name not in held_out], test

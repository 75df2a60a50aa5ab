"""A name for predictions is used once, whatever became of the store that used it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.fakes.label_studio import FakeLabelStudio
from tests.faults.fake_loop import Loop, answered


def in_force(fake: FakeLabelStudio) -> str:
    return str(fake.labeling.projects[1]["model_version"])


def order_anew(loop: Loop) -> None:
    """An answer is taken back, so that its task is open again: all get a new order."""
    made = answered(loop.fake.labeling, 1)
    loop.ticker.tick()
    loop.fake.labeling.delete_annotation(made["id"])
    loop.ticker.tick()


def test_a_version_that_a_failed_order_used_never_comes_back(
    fake: FakeLabelStudio, tmp_path: Path
) -> None:
    loop, versions = Loop(fake, tmp_path, "folder"), []
    fake.fail("GET", "/model-versions/", 500, times=3)
    loop.ticker.tick_and_report()  # pushed as 0.1, and then the order fails
    loop.ticker.tick()
    versions.append(in_force(fake))

    order_anew(loop)
    versions.append(in_force(fake))
    loop.connector.close()

    assert [version.partition("-")[0] for version in versions] == ["0.2", "0.3"]


def test_a_new_store_never_reuses_the_versions_of_a_lost_one(
    fake: FakeLabelStudio, tmp_path: Path
) -> None:
    versions = []
    for _ in range(2):
        loop = Loop(fake, tmp_path, "folder")
        loop.ticker.tick()
        versions.append(in_force(fake))
        loop.connector.close()
        shutil.rmtree(loop.config.state)
        shutil.rmtree(tmp_path / "files")  # painted again, the same
        fake.labeling.projects[1]["description"] = ""  # as the refusal of the mark tells to

    lost, new = versions
    assert lost.partition("-")[0] == new.partition("-")[0] == "0.1"
    assert lost != new


def test_a_restored_backup_never_reuses_the_versions_made_since(
    fake: FakeLabelStudio, tmp_path: Path
) -> None:
    loop, versions = Loop(fake, tmp_path, "folder"), []
    loop.ticker.tick()
    backup = shutil.copytree(loop.config.state, tmp_path / "backup")
    for _ in range(2):
        shutil.rmtree(loop.config.state)
        shutil.copytree(backup, loop.config.state)
        order_anew(loop)
        versions.append(in_force(fake))
    loop.connector.close()

    lost, new = versions
    assert lost.partition("-")[0] == new.partition("-")[0] == "0.2"
    assert lost != new

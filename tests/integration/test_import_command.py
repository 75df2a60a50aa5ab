"""`maskloop import` as a command: what it leaves behind, says, and makes possible."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from daemon.cli.commands import main
from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.demo.dataset import own_dataset
from daemon.experiment.image_folders import class_names, read_folders
from daemon.experiment.options import add_options, read_options
from daemon.experiment.splits import assign_roles
from tests.fakes.dataset_sources import coco, mask_png, picture, ring

LABELED = tuple(f"f{row:02}" for row in range(14))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """COCO with 14 images, 2 of them for testing."""
    root = tmp_path / "source"
    coco(root / "train", dict.fromkeys(LABELED[:12], ring()), name="instances_train")
    coco(root / "test", dict.fromkeys(LABELED[12:], ring()), name="instances_test")
    return root


def test_what_is_imported_can_be_trained_on_and_shown(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    code = main(["import", str(source), "--out", str(out)])

    assert code == 0
    assert "14 images, 14 with a mask, 0 faults" in capsys.readouterr().out
    names = sorted(path.name for path in out.iterdir())
    assert names == ["classes.txt", "images", "masks", "report.json", "splits.json"]
    dataset = own_dataset(out / "images", out / "masks", out / "splits.json", ())
    assert (len(dataset.pool), dataset.test) == (12, LABELED[12:])
    assert dataset.classes.names == ("background", "crop", "weed")
    parser = argparse.ArgumentParser()
    add_options(parser)
    line = f"--images {out}/images --masks {out}/masks --labeled 4 --unlabeled all --out {out}/run"
    options = read_options(parser.parse_args([*line.split(), "--test", f"{out}/splits.json:test"]))
    folders = read_folders(options.images, options.masks)
    roles = assign_roles(folders, options)
    assert len(roles.labeled) == 4
    assert class_names((), folders, roles.labeled) == ("background", "crop", "weed")


def test_what_is_imported_can_be_imported(source: Path, tmp_path: Path) -> None:
    assert main(["import", str(source), "--out", str(tmp_path / "once")]) == 0

    assert main(["import", str(tmp_path / "once"), "--out", str(tmp_path / "twice")]) == 0

    for name in ("classes.txt", "splits.json"):
        once, twice = ((tmp_path / folder / name).read_text() for folder in ("once", "twice"))
        assert once == twice
    for mask in (tmp_path / "once/masks").iterdir():
        assert mask.read_bytes() == (tmp_path / "twice/masks" / mask.name).read_bytes()


def test_an_archive_is_imported_like_its_folder(source: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", source)
    tar = shutil.make_archive(str(tmp_path / "packed"), "tar", source)

    assert main(["import", archive, "--out", str(tmp_path / "a")]) == 0
    assert main(["import", tar, "--out", str(tmp_path / "b")]) == 0

    assert len(list((tmp_path / "a/masks").iterdir())) == 14
    assert len(list((tmp_path / "b/masks").iterdir())) == 14
    assert not list(tmp_path.glob("*/.*"))


def test_faults_end_in_1_and_stand_in_the_report(source: Path, tmp_path: Path) -> None:
    (source / "train/images/f03.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    code = main(["import", str(source), "--out", str(tmp_path / "out")])
    lenient = main(["import", str(source), "--out", str(tmp_path / "two"), "--lenient"])

    assert (code, lenient) == (1, 0)
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["images"] == 13
    assert [fault["where"] for fault in report["faults"]] == ["train/images/f03.png"]


@pytest.mark.parametrize("what", ["file", "full folder", "link"])
def test_a_place_that_is_taken_is_refused(
    what: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    if what == "file":
        out.write_text("mine")
    elif what == "link":
        out.symlink_to(tmp_path)
    else:
        (out / "inner").mkdir(parents=True)

    assert main(["import", str(source), "--out", str(out)]) == 1

    assert "expected a new" in capsys.readouterr().err
    assert not (tmp_path / "out.part").exists()


def test_an_empty_folder_is_filled(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    assert main(["import", str(source), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/report.json").is_file()


def test_an_import_that_is_stopped_leaves_nothing(source: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        assert (tmp_path / "out.part/masks").is_dir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_folder(source, tmp_path / "out", ImportOptions(), stop)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_what_a_killed_import_left_is_cleared_and_nothing_else_is(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = tmp_path / "out.part"
    (left / "images").mkdir(parents=True)
    (left / "images/old.png").write_text("x")

    assert main(["import", str(source), "--out", str(tmp_path / "out")]) == 1
    assert "no import left it" in capsys.readouterr().err
    assert (left / "images/old.png").is_file()

    (left / ".maskloop-import").touch()
    assert main(["import", str(source), "--out", str(tmp_path / "out")]) == 0
    assert not (tmp_path / "out/images/old.png").exists()


@pytest.mark.parametrize("what", ["nothing", "a text", "an empty folder"])
def test_a_source_that_is_none_says_what_was_looked_for(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if what == "a text":
        (tmp_path / "in").write_text("no archive")
    elif what == "an empty folder":
        (tmp_path / "in").mkdir()

    assert main(["import", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 1

    assert "name the" in capsys.readouterr().err
    assert not (tmp_path / "out.part").exists()


def test_links_to_outside_are_not_followed(tmp_path: Path) -> None:
    picture(tmp_path / "secret.png", (24, 30))
    for name in ("a", "b"):
        picture(tmp_path / f"in/images/{name}.png", (24, 30))
        mask_png(tmp_path / f"in/masks/{name}.png", ring())
    (tmp_path / "in/images/b.png").unlink()
    (tmp_path / "in/images/b.png").symlink_to(tmp_path / "secret.png")

    assert main(["import", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 1

    assert [path.name for path in (tmp_path / "out/images").iterdir()] == ["a.png"]


def test_names_that_are_alike_get_their_folders(tmp_path: Path) -> None:
    for folder in ("day", "night"):
        picture(tmp_path / f"in/images/{folder}/a.png", (24, 30))
        mask_png(tmp_path / f"in/masks/{folder}/a.png", np.flipud(ring()))

    assert main(["import", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0

    found = sorted(path.name for path in (tmp_path / "out/masks").iterdir())
    assert found == ["day__a.png", "night__a.png"]

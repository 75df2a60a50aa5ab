"""Folders of pictures: what is taken, what is left out, and why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.folder import Folder
from connectors.images.cache import read_below
from connectors.label_studio.image_source import FolderSource
from daemon.domain import ClassSet
from daemon.domain.errors import ImageRefused
from daemon.pixels.folders import LeftOut, PictureFolder, Reason
from daemon.stages.unused_files import faults_and_notes, load_unused_files, save_unused_files
from daemon.store import Store
from tests.fakes.picture_parts import picture, saved

PNG = saved(picture(), "PNG")
TIFF = saved(picture(), "TIFF")


def reasons(folder: PictureFolder) -> dict[str, Reason]:
    return {one.path: one.reason for one in folder.listing().left_out}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    return folder


def test_formats_are_told_by_bytes_and_what_is_none_is_named(root: Path) -> None:
    for name in ("a.jfif", "b.dat", "c"):
        (root / name).write_bytes(PNG)
    (root / "notes.png").write_text("no picture at all")
    (root / "readme.txt").write_text("nothing that anybody misses")
    (root / "page.jpg").write_text("<!DOCTYPE html><title>Sign in</title>")
    (root / ".hidden.png").write_bytes(PNG)
    (root / "photo.tif").write_bytes(TIFF)

    listing = PictureFolder(root).listing()

    assert list(listing.pictures) == ["a.jfif", "b.dat", "c"]
    assert {one.path: one.reason for one in listing.left_out} == {
        "notes.png": Reason.NAMED_SO,
        "page.jpg": Reason.NAMED_SO,
        "readme.txt": Reason.NO_PICTURE,
        ".hidden.png": Reason.HIDDEN,
        "photo.tif": Reason.NOT_SHOWN,
    }
    assert listing.counts()[Reason.NAMED_SO] == 2
    assert "web page" in str(next(one for one in listing.left_out if one.path == "page.jpg"))


def test_a_tiff_is_taken_where_nobody_looks_through_a_browser(root: Path) -> None:
    (root / "photo.tif").write_bytes(TIFF)

    assert list(PictureFolder(root, shown_in_browser=False).listing().pictures) == ["photo.tif"]


def test_a_name_that_is_no_utf8_is_left_out_in_words_that_can_be_printed(root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.png")).write_bytes(PNG)
    (root / "two\nlines.png").write_bytes(PNG)
    (root / "na\u00efve \u202f\u3042.png").write_bytes(PNG)

    listing = PictureFolder(root).listing()

    assert list(listing.pictures) == ["na\u00efve \u202f\u3042.png"]
    assert sorted(one.path for one in listing.left_out) == ["caf\\xe9.png", "two\\x0alines.png"]
    assert {one.reason for one in listing.left_out} == {Reason.NAME}


def test_links_are_followed_and_a_loop_ends(root: Path, tmp_path: Path) -> None:
    (tmp_path / "disk" / "deep").mkdir(parents=True)
    (tmp_path / "disk" / "deep" / "a.png").write_bytes(PNG)
    (root / "linked").symlink_to(tmp_path / "disk")
    (root / "one.png").symlink_to(tmp_path / "disk" / "deep" / "a.png")
    (tmp_path / "disk" / "back").symlink_to(root)
    (root / "itself").symlink_to(root / "itself")
    (root / "gone.png").symlink_to(tmp_path / "gone.png")

    folder = PictureFolder(root)

    assert list(folder.listing().pictures) == ["linked/deep/a.png", "one.png"]
    assert reasons(folder) == {
        "linked/back": Reason.LINK_LOOP,
        "itself": Reason.UNREADABLE,
        "gone.png": Reason.UNREADABLE,
    }


def test_label_studio_is_shown_no_link_to_outside_of_what_it_serves(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "served" / "images", tmp_path / "elsewhere"
    root.mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "a.png").write_bytes(PNG)
    (tmp_path / "served" / "b.png").write_bytes(PNG)
    (root / "outside.png").symlink_to(elsewhere / "a.png")
    (root / "folder").symlink_to(elsewhere)
    (root / "inside.png").symlink_to(tmp_path / "served" / "b.png")

    source = FolderSource(root, tmp_path / "served")
    found = {image.key: image for image in source.images()}

    assert list(found) == ["inside.png"]
    assert source.read(found["inside.png"]) == PNG
    assert {one.reason for one in source.left_out()} == {Reason.LINK_OUTSIDE}


def test_the_folder_connector_reads_what_links_point_to(root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (root / "a.png").symlink_to(tmp_path / "a.png")
    (root / "a.jpg").write_bytes(PNG)
    classes = ClassSet(names=("soil", "crop"))
    connector = Folder(images=root, truth=tmp_path, state=tmp_path / "state", classes=classes)

    (found,) = connector.images()

    assert (found.key, connector.read(found)) == ("a.jpg", PNG)
    (left,) = connector.left_out()
    assert (left.path, left.reason, left.got) == ("a.png", Reason.TWIN, "a.jpg")


def test_no_key_leaves_the_folder_even_where_links_may(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(PNG)

    for key in ("../secret.png", str(tmp_path / "secret.png")):
        with pytest.raises(ImageRefused, match="below"):
            read_below(root, key, within=Path("/"))


def test_a_file_is_opened_again_only_when_it_changed(root: Path) -> None:
    path = root / "a.png"
    path.write_bytes(PNG)
    folder = PictureFolder(root)
    assert list(folder.listing().pictures) == ["a.png"]

    path.write_bytes(b"now it is text" * 9)

    assert reasons(folder) == {"a.png": Reason.NAMED_SO}


def test_ten_thousand_files_are_listed_and_listed_again(root: Path) -> None:
    for number in range(10_000):
        (root / f"{number:05d}.png").write_bytes(PNG[:100])
    folder = PictureFolder(root)

    for _ in range(2):
        assert len(folder.listing().pictures) == 10_000  # quiet cores: 0.3 s, then 0.1 s


def test_a_pipe_stops_nothing(root: Path) -> None:
    os.mkfifo(root / "pipe.png")

    assert reasons(PictureFolder(root)) == {"pipe.png": Reason.NO_PICTURE}


class Leaves:
    """A connector that left these out."""

    def __init__(self, *left: LeftOut) -> None:
        self._left = left

    def left_out(self) -> tuple[LeftOut, ...]:
        return self._left


def test_what_was_left_out_is_kept_for_status_and_page(tmp_path: Path) -> None:
    missed = LeftOut(path="photo.tif", reason=Reason.NOT_SHOWN, got="TIFF")
    text = LeftOut(path="a.txt", reason=Reason.NO_PICTURE)
    with Store(tmp_path / "store.db") as store:
        assert load_unused_files(store)["counts"] == {}

        save_unused_files(store, Leaves(text, missed))  # type: ignore[arg-type]

        kept = load_unused_files(store)
    assert kept["missed"] == 1
    assert kept["counts"] == {"not shown by browsers": 1, "no picture": 1}
    assert [one["path"] for one in kept["named"]] == ["photo.tif", "a.txt"]


def test_check_names_what_people_may_miss_and_counts_the_rest() -> None:
    left = [LeftOut(path=f"{n}.txt", reason=Reason.NO_PICTURE) for n in range(9)]
    left.append(LeftOut(path="photo.tif", reason=Reason.NOT_SHOWN, got="TIFF"))

    faults, notes = faults_and_notes(left)

    assert len(faults) == len(notes) == 1
    assert "photo.tif" in faults[0]
    assert "convert" in faults[0]
    assert notes[0].startswith("9 of the image folder left out")

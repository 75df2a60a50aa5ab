"""Who is labeled, validates, stays unlabeled and tests; what plain folders may look like."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.image_folders import class_names, read_folders
from daemon.experiment.options import Options, add_options, read_options
from daemon.experiment.splits import Roles, assign_roles

IDS = tuple(f"f{row:02}" for row in range(12))
UNMASKED = ("f05", "f08")


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 different images, 10 masks with the values 0 to 2, and lists of ids."""
    folder = tmp_path_factory.mktemp("field")
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for name in IDS:
        picture = rng.integers(0, 255, (6, 6, 3), np.uint8)
        Image.fromarray(picture).save(folder / f"images/{name}.png")
        if name not in UNMASKED:
            mask = np.array([[0, 1, 2, 255]], np.uint8).repeat(2, axis=0)
            Image.fromarray(mask).save(folder / f"masks/{name}.png")
    (folder / "test.txt").write_text("f10\n\n f11 \n")
    (folder / "splits.json").write_text(json.dumps({"pool": IDS[:10], "few": IDS[:3], "no": 3}))
    return folder


def options(field: Path, *words: str, **changes: str) -> Options:
    parser = argparse.ArgumentParser()
    add_options(parser)
    given = {
        "images": str(field / "images"),
        "masks": str(field / "masks"),
        "labeled": "4",
        "unlabeled": "all",
        "test": str(field / "test.txt"),
        "out": str(field / "out"),
        **changes,
    }
    line = [part for name, value in given.items() for part in (f"--{name}", value)]
    return read_options(parser.parse_args([*line, *words]))


def roles(field: Path, **changes: str) -> Roles:
    chosen = options(field, **changes)
    return assign_roles(read_folders(chosen.images, chosen.masks), chosen)


def test_every_image_has_one_role_and_only_labeled_ones_need_a_mask(field: Path) -> None:
    found = roles(field, val="1")

    assert found.test == ("f10", "f11")
    assert len(found.labeled) == 3
    assert len(found.validation) == 1
    assert sorted((*found.labeled, *found.validation, *found.unlabeled, *found.test)) == list(IDS)
    assert set(UNMASKED) <= set(found.unlabeled)


def test_more_labels_hold_the_fewer_ones_of_the_same_seed(field: Path) -> None:
    few, many, other = (
        roles(field, labeled=count, seed=seed).labeled
        for count, seed in (("2", "3"), ("6", "3"), ("6", "4"))
    )

    assert many[:2] == few
    assert set(many) != set(other)


def test_labels_are_drawn_from_the_list_of_unlabeled_where_there_is_one(field: Path) -> None:
    found = roles(field, labeled="3", unlabeled=f"{field}/splits.json:few")

    assert sorted(found.labeled) == ["f00", "f01", "f02"]
    assert found.unlabeled == ()


def test_methods_without_unlabeled_images_have_the_same_labels(field: Path) -> None:
    paired = roles(field, unlabeled=f"{field}/splits.json:pool")
    alone = roles(field, unlabeled="none")

    assert paired.labeled == alone.labeled
    assert alone.unlabeled == ()
    assert len(paired.unlabeled) == 6


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**9), st.integers(2, 8), st.data())
def test_drawing_is_a_function_of_the_seed(
    field: Path, seed: int, count: int, data: st.DataObject
) -> None:
    val = data.draw(st.integers(0, count - 1))

    one, two = (roles(field, labeled=str(count), val=str(val), seed=str(seed)) for _ in range(2))

    assert one == two
    assert len(one.labeled) + len(one.validation) == count
    assert len(one.validation) == val
    everything = (*one.labeled, *one.validation, *one.unlabeled, *one.test)
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labeled": "9"}, "expected 1 to 8"),
        ({"labeled": "4", "val": "4"}, "expected fewer than the 4"),
        ({"labeled": "TEST"}, "--labeled and --test: 2 images are in both"),
        ({"val": "TEST"}, "--val and --test: 2 images are in both"),
        ({"labeled": "splits.json:few", "val": "splits.json:few"}, "--labeled and --val"),
        ({"labeled": "splits.json:pool"}, "2 of 10 images have no mask"),
        ({"unlabeled": "splits.json:lost"}, "has no list 'lost'; expected one by that name"),
        ({"unlabeled": "splits.json:no"}, "expected a list of names in quotes"),
        ({"test": "nowhere.txt"}, "one id a line"),
        ({"labeled": "none"}, "cannot be read"),
    ],
)
def test_lists_that_do_not_fit_are_refused_in_words(
    field: Path, changes: dict[str, str], words: str
) -> None:
    full = {
        name: str(field / "test.txt")
        if text == "TEST"
        else text.replace("splits", f"{field}/splits")
        for name, text in changes.items()
    }

    with pytest.raises(ExperimentRefused, match=words):
        roles(field, **full)


def test_an_unknown_id_is_named_with_an_example(field: Path, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("f00\nf99.png\n")

    with pytest.raises(
        ExperimentRefused, match=r"1 of 2 ids have no image, first 'f99.png'.*'f00'"
    ):
        roles(field, labeled=str(tmp_path / "ids.txt"))


def copied(field: Path, tmp_path: Path, source: str, target: str) -> Path:
    """The field with one image a byte-equal copy of another."""
    for file in field.rglob("*"):
        if file.is_file():
            place = tmp_path / file.relative_to(field)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read_bytes())
    images = tmp_path / "images"
    (images / f"{target}.png").write_bytes((images / f"{source}.png").read_bytes())
    return tmp_path


def test_a_copy_of_a_test_image_under_another_name_is_refused(field: Path, tmp_path: Path) -> None:
    folder = copied(field, tmp_path, source="f10", target="f01")

    with pytest.raises(ExperimentRefused, match=r"same content, first f01\.png and f10\.png"):
        roles(folder, labeled=f"{folder}/splits.json:few")


def test_a_copy_of_a_test_image_is_no_unlabeled_image(field: Path, tmp_path: Path) -> None:
    folder = copied(field, tmp_path, source="f10", target="f08")

    found = roles(folder)

    assert found.copies == 1
    assert "f08" not in found.unlabeled
    assert len(found.unlabeled) == 5


def test_classes_are_named_by_option_by_file_or_by_value(field: Path, tmp_path: Path) -> None:
    folders = read_folders(field / "images", field / "masks")
    folder = copied(field, tmp_path, source="f00", target="f00")
    (folder / "classes.txt").write_text("soil\ncrop\nweed\n")

    assert class_names((), folders, ["f00"]) == ("0", "1", "2")
    assert class_names(("a", "b", "c", "d"), folders, ["f00"]) == ("a", "b", "c", "d")
    own = read_folders(folder / "images", folder / "masks")
    assert class_names((), own, ["f00"]) == ("soil", "crop", "weed")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("soil", "crop"), r"f00\.png: holds the value 2, but soil, crop are the values 0 to 1"),
        (("soil", "crop", "soil"), "different names"),
        (("soil",), "2 to 255"),
    ],
)
def test_names_that_do_not_fit_the_masks_are_refused(
    field: Path, names: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ExperimentRefused, match=words):
        class_names(names, read_folders(field / "images", field / "masks"), ["f00"])


def test_a_mask_that_is_no_mask_is_named(field: Path, tmp_path: Path) -> None:
    folder = copied(field, tmp_path, source="f00", target="f00")
    folders = read_folders(folder / "images", folder / "masks")
    (folder / "masks/f00.png").write_bytes(b"no picture")
    Image.new("RGB", (4, 2)).save(folder / "masks/f01.png")

    for name, words in (("f00", "got 10 bytes"), ("f01", "got a PNG of mode RGB")):
        with pytest.raises(ExperimentRefused, match=rf"{name}\.png: {words}"):
            class_names((), folders, [name])


def test_two_images_of_one_id_are_refused(field: Path, tmp_path: Path) -> None:
    folder = copied(field, tmp_path, source="f00", target="f00")
    Image.new("RGB", (4, 2)).save(folder / "images/f00.jpg")

    with pytest.raises(ExperimentRefused, match="have the same id"):
        read_folders(folder / "images", folder / "masks")


def test_settings_are_python_literals_or_text(field: Path) -> None:
    chosen = options(
        field, "--set", "width=8", "--set", "fusion=sepaspp", "--iterations", "7",
        "--set", "mask_padding=False",
    )  # fmt: skip

    assert chosen.settings == {
        "preset": "cpu",
        "method": "hrda",
        "width": 8,
        "fusion": "sepaspp",
        "iterations": 7,
        "mask_padding": False,
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "width"), "KEY=VALUE"),
        (("--set", "method=hrda"), "use --method"),
        (("--max-seconds", "0"), "expected a number above 0 and"),
        (("--max-seconds", "nan"), "expected a number above 0 and"),
        (("--threads", "-1"), "--threads -1: expected a whole number from 0 to 4096"),
        (("--seed", str(2**64)), "--seed 18446744073709551616: expected a whole number from 0"),
        (("--device", "gpu"), "expected auto, cpu, cuda or cuda:N"),
        (("--set", "learning_rate=-1.0"), "--set: learning_rate = -1.0: expected a number above"),
        (("--set", "itterations=3"), "did you mean iterations"),
        (("--iterations", "0"), "--iterations: iterations = 0: expected a whole number from 1"),
        (("--preset", "gpuu"), "--preset: preset = 'gpuu': expected one of cpu, gpu"),
        (("--parent", "$NO_SUCH_VARIABLE/x.pth"), "has no variable 'NO_SUCH_VARIABLE'"),
        (("--parent", "none.pth"), "no such file"),
        (("--classes", "soil,soil"), "'soil' stands there twice"),
    ],
)
def test_options_that_cannot_be_are_refused(field: Path, words: tuple[str, str], said: str) -> None:
    with pytest.raises(ExperimentRefused, match=said):
        options(field, *words)

"""Folders of masks into plain folders: layouts, class tables, conventions, colours, faults."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from daemon.datasets.class_map import ClassMap, read_class_map
from daemon.datasets.formats import class_indices, colour_masks
from daemon.datasets.formats.conventions import CITYSCAPES, voc_colour
from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.datasets.import_report import Report
from daemon.datasets.samples import NO_LABEL, Repair
from daemon.domain.errors import DatasetRefused
from tests.fakes.dataset_sources import mask_png, picture, ring


def imported(root: Path, class_map: ClassMap | None = None) -> tuple[Path, Report]:
    out = root.parent / "out"
    return out, import_folder(
        root, out, ImportOptions(classes=class_map or ClassMap()), lambda done, total: None
    )


def mask_of(out: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(out / f"masks/{name}.png"))


LAYOUTS = {
    "mmseg": ("img_dir/train/a.jpg", "ann_dir/train/a.png"),
    "voc": ("VOC/JPEGImages/a.jpg", "VOC/SegmentationClass/a.png"),
    "camvid": ("701_StillsRaw_full/a.png", "LabeledApproved_full/a_L.png"),
    "camvid of the tutorial": ("CamVid/train/a.png", "CamVid/trainannot/a.png"),
    "cityscapes": (
        "leftImg8bit/train/x/a_leftImg8bit.png",
        "gtFine/train/x/a_gtFine_labelTrainIds.png",
    ),
    "plain": ("images/a.png", "masks/a.png"),
    "upper case": ("Images/Train/a.PNG", "Labels/Train/a.PNG"),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_layout_is_recognized(layout: tuple[str, str], tmp_path: Path) -> None:
    image, mask = layout
    picture(tmp_path / "in" / image, (24, 30))
    mask_png(tmp_path / "in" / mask, ring())

    out, report = imported(tmp_path / "in")

    assert (report.faults, report.images) == ([], 1)
    assert np.array_equal(mask_of(out, Path(image).stem), ring())
    if "train" in image.lower():
        assert json.loads((out / "splits.json").read_text())["train"] == [Path(image).stem]


def test_cityscapes_label_ids_keep_the_19_classes_that_are_trained(tmp_path: Path) -> None:
    root = tmp_path / "in"
    mask = np.arange(34, dtype=np.uint8).reshape(2, 17)
    picture(root / "leftImg8bit/val/x/a_leftImg8bit.png", (2, 17))
    mask_png(root / "gtFine/val/x/a_gtFine_labelIds.png", mask)
    mask_png(root / "gtFine/val/x/a_gtFine_instanceIds.png", mask)

    out, report = imported(root)

    assert len(report.classes) == 19
    found = mask_of(out, "a_leftImg8bit").ravel().tolist()
    assert found[CITYSCAPES.index("road")] == 0
    assert found.count(255) == 15
    assert report.repairs[Repair.NO_CLASS_BY_CONVENTION, ""].number == 15


def test_voc_colours_and_palettes_mean_the_same(tmp_path: Path) -> None:
    root = tmp_path / "in/VOCdevkit/VOC2012"
    values = np.array([[0, 1, 15, 20, 255]], np.uint8)
    palette = [channel for value in range(256) for channel in voc_colour(value)]
    colours = np.array([[voc_colour(value) for value in values[0].tolist()]], np.uint8)
    for name in ("2007_000001", "2007_000002"):
        picture(root / f"JPEGImages/{name}.jpg", (1, 5))
    picture(root / "JPEGImages/2007_000003.jpg", (1, 5))
    lists = root / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_000001\n")
    (lists / "val.txt").write_text("2007_000002\n")
    (lists / "trainval.txt").write_text("2007_000001\n2007_000002\n")
    for name in ("2007_000001", "2007_000002"):
        mask_png(root / f"SegmentationClass/{name}.png", values, palette)
    by_index, report = imported(tmp_path / "in")
    indexed = mask_of(by_index, "2007_000001").copy()
    by_index.rename(tmp_path / "indexed")
    for name in ("2007_000001", "2007_000002"):
        mask_png(root / f"SegmentationClass/{name}.png", colours)

    by_colour, again = imported(tmp_path / "in")

    assert np.array_equal(indexed, values)
    assert np.array_equal(mask_of(by_colour, "2007_000001"), values)
    assert report.classes == again.classes
    assert report.classes[15] == "person"
    assert json.loads((by_colour / "splits.json").read_text()) == {
        "pool": ["2007_000001"],
        "train": ["2007_000001"],
        "trainval": ["2007_000001", "2007_000002"],
        "unlabeled": ["2007_000003"],
        "val": ["2007_000002"],
    }


TABLES = {
    "labelmap.txt": "# label:color_rgb:parts:actions\nsoil:0,0,0::\ncrop:0,128,0::\nweed:9,9,9::\n",
    "label_colors.txt": "0 0 0\t\tsoil\n0 128 0\tcrop\n9 9 9 weed\n",
    "class_dict.csv": "name,r,g,b\nsoil,0,0,0\ncrop,0,128,0\nweed, 9, 9, 9\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_colours_names_the_classes(name: str, tmp_path: Path) -> None:
    root = tmp_path / "in"
    colours = np.array([(0, 0, 0), (0, 128, 0), (9, 9, 9)], np.uint8)[ring()]
    picture(root / "images/a.jpg", (24, 30))
    picture(root / "images/b.jpg", (24, 30))
    mask_png(root / "masks/a.png", colours)
    colours[3, 3] = (1, 2, 3)
    mask_png(root / "masks/b.png", colours)
    (root / name).write_text(TABLES[name])

    out, report = imported(root)

    assert report.classes == ("soil", "crop", "weed")
    assert np.array_equal(mask_of(out, "a"), ring())
    assert [(one.where, one.got) for one in report.faults] == [
        ("images/b.jpg: masks/b.png", "1 colours of no class, such as #010203")
    ]


def test_colours_without_a_table_are_named_after_themselves(tmp_path: Path) -> None:
    root = tmp_path / "in"
    picture(root / "images/a.jpg", (24, 30))
    mask_png(root / "masks/a.png", np.array([(0, 0, 0), (0, 128, 0), (9, 9, 9)], np.uint8)[ring()])

    out, report = imported(root)

    assert report.classes == ("#000000", "#008000", "#090909")
    assert np.array_equal(mask_of(out, "a") == 1, ring() == 1)


def test_a_smoothed_mask_is_no_mask(tmp_path: Path) -> None:
    root = tmp_path / "in"
    picture(root / "images/a.png", (40, 40))
    picture(root / "masks/a.png", (40, 40))

    with pytest.raises(DatasetRefused, match="more than 256 colours"):
        imported(root)


def test_masks_of_0_and_255_only_have_one_class(tmp_path: Path) -> None:
    root = tmp_path / "in"
    picture(root / "images/a.jpg", (24, 30))
    mask_png(root / "masks/a.png", np.where(ring() > 0, 255, 0).astype(np.uint8))

    out, report = imported(root)

    assert np.array_equal(mask_of(out, "a"), (ring() > 0).astype(np.uint8))
    assert report.repairs[Repair.STENCIL, ""].number == 1


def test_one_bad_mask_is_named_and_the_rest_is_imported(tmp_path: Path) -> None:
    root = tmp_path / "in"
    (root / "masks").mkdir(parents=True)
    (root / "classes.txt").write_text("soil\ncrop\nweed\n")
    for name in "abcdefg":
        picture(root / f"images/{name}.jpg", (24, 30))
        mask_png(root / f"masks/{name}.png", ring())
    mask_png(root / "masks/b.png", ring()[:-1])
    mask_png(root / "masks/c.png", ring() + 1)
    (root / "masks/d.png").write_bytes((root / "masks/d.png").read_bytes()[:60])
    mask_png(root / "masks/e.png", ring().astype(np.uint16) * 300)
    (root / "images/f.jpg").write_bytes((root / "images/f.jpg").read_bytes()[:300])
    (root / "masks/g.png").unlink()

    out, report = imported(root)

    assert sorted(path.stem for path in (out / "masks").iterdir()) == ["a"]
    assert sorted(path.stem for path in (out / "images").iterdir()) == ["a", "g"]
    assert sorted(fault.where.partition(":")[0][-12:] for fault in report.faults) == [
        *(f"images/{name}.jpg"[-12:] for name in "bcdef"),
    ]
    assert json.loads((out / "splits.json").read_text())["unlabeled"] == ["g"]


@given(mask=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20)))
def test_any_class_index_mask_comes_back(
    mask: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = mask_png(tmp_path_factory.getbasetemp() / "index.png", mask)

    values = class_indices.read(path, "m", 255).values

    assert np.array_equal(values, np.where(mask == 255, NO_LABEL, mask.astype(np.uint16)))


@given(
    mask=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20)),
    colours=st.permutations(range(256)),
)
def test_any_colour_mask_comes_back(
    mask: np.ndarray, colours: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = np.array([(code, 255 - code, code // 2) for code in colours], np.uint8)
    path = mask_png(tmp_path_factory.getbasetemp() / "colour.png", table[mask])
    known = {tuple(colour): value for value, colour in enumerate(table.tolist())}

    assert np.array_equal(colour_masks.read(path, "m", colour_masks.lookup(known)).values, mask)


def test_a_class_map_renames_merges_and_ignores(tmp_path: Path) -> None:
    root = tmp_path / "in"
    picture(root / "images/a.jpg", (1, 5))
    mask_png(root / "masks/a.png", np.array([[0, 1, 2, 3, 255]], np.uint8))
    (root / "classes.txt").write_text("sky\nbeet\nmaize\nsoil\n")
    written = tmp_path / "map.toml"
    written.write_text(
        'background = "soil"\nignore = ["sky"]\n[rename]\nbeet = "crop"\nmaize = "crop"\n'
    )

    out, report = imported(root, read_class_map(written))

    assert report.classes == ("soil", "crop")
    assert mask_of(out, "a").tolist() == [[255, 1, 1, 0, 255]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ignore = 3", "a list of class names"),
        ("[rename]\nbeet = 3", "a table of OLD = NEW"),
        ("other = 1", "expected only background, ignore, rename"),
        ("background = [", "expected a TOML file"),
        ('ignore = ["bet"]', "classes of the source: sky, beet"),
        ('background = "earth"', "expected one of the new names"),
        ('ignore = ["sky"]', "expected 2 to 255 classes"),
    ],
)
def test_a_faulty_class_map_says_what_is_wrong(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text)

    with pytest.raises(DatasetRefused, match=said):
        read_class_map(path).apply(("sky", "beet"), frozenset())


def test_a_turned_photograph_turns_its_mask(tmp_path: Path) -> None:
    root = tmp_path / "in"
    (root / "images").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise
    Image.new("RGB", (30, 24)).save(root / "images/a.jpg", exif=exif)
    mask_png(root / "masks/a.png", ring())

    out, report = imported(root)

    assert np.array_equal(mask_of(out, "a"), np.rot90(ring(), -1))
    assert report.repairs[Repair.TURNED, ""].number == 1


@pytest.mark.parametrize(
    ("folder", "lists"),
    [
        ("val2017", {"pool": [], "val": ["a"]}),
        ("excluded", {"pool": [], "excluded": ["a"]}),
        ("images_test", {"pool": [], "test": ["a"]}),
        ("field-test-3", None),
        ("latest", None),
    ],
)
def test_a_folder_called_after_a_split_is_one(
    folder: str, lists: dict[str, list[str]] | None, tmp_path: Path
) -> None:
    picture(tmp_path / f"in/images/{folder}/a.png", (24, 30))
    mask_png(tmp_path / f"in/masks/{folder}/a.png", ring())

    out, _ = imported(tmp_path / "in")

    path = out / "splits.json"
    assert (json.loads(path.read_text()) if path.exists() else None) == lists

"""CVAT for images, Datumaro and YOLO segmentation into plain folders: round trips, what each
decides, and broken files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from PIL import Image
from scipy import ndimage

from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.datasets.import_report import Report
from daemon.datasets.recognition import recognize
from daemon.datasets.samples import Repair, Trust
from daemon.datasets.source_tree import list_tree
from daemon.domain.errors import DatasetRefused
from tests.fakes.dataset_sources import (
    MASKS,
    Mask,
    cvat,
    cvat_xml,
    datumaro,
    picture,
    ring,
    write_json,
    yolo,
)

WIDE = np.zeros((3, 4096), np.uint8)
WIDE[1, [0, 7, 4095]] = WIDE[:, 2000:2100] = 1
EXACT: dict[str, Callable[[Path, dict[str, Mask]], Path]] = {
    "CVAT masks": cvat,
    "CVAT polygons": lambda root, masks: cvat(root, masks, "polygon"),
    "Datumaro masks": datumaro,
    "Datumaro polygons": lambda root, masks: datumaro(root, masks, "polygon"),
}


def imported(root: Path, **trust: bool) -> tuple[Path, Report]:
    out = root.parent / f"out{len(trust)}"
    options = ImportOptions(trust=Trust(**trust))
    return out, import_folder(root, out, options, lambda done, total: None)


def mask_of(out: Path, name: str) -> Mask:
    return np.asarray(Image.open(out / f"masks/{name}.png"))


def splits_of(out: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads((out / "splits.json").read_text())
    return found


def read_back(root: Path, mask: Mask) -> Mask:
    """The mask of the only image, without writing it."""
    sample = recognize(list_tree(root), Trust()).samples[0]
    if sample.labels is None:
        return np.zeros_like(mask)  # no object in the whole source
    return sample.labels(mask.shape).values.astype(np.uint8)


@pytest.mark.parametrize("name", EXACT)
@given(mask=MASKS)
@example(mask=WIDE)
@example(mask=ring())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_mask_comes_back(name: str, mask: Mask, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "in", ignore_errors=True)
    EXACT[name](tmp_path / "in", {"a": mask})

    assert np.array_equal(read_back(tmp_path / "in", mask), mask)


@given(mask=MASKS)
@example(mask=WIDE)
@example(mask=ring())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_mask_comes_back_from_yolo_but_for_holes_where_no_object_lies(
    mask: Mask, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "in", ignore_errors=True)
    described = yolo(tmp_path / "in", {"a": mask})
    described.write_text(f"{described.read_text()}task: segment\n")  # else diamonds are boxes
    if not mask.any():
        return
    objects = []
    for value in (1, 2):
        found, number = ndimage.label(mask == value, np.ones((3, 3)))
        filled = (ndimage.binary_fill_holes(found == one) for one in range(1, number + 1))
        objects += [(inside.sum(), value, inside) for inside in filled]
    expected = np.zeros_like(mask)
    for _, value, inside in sorted(objects, key=lambda one: -one[0]):
        expected[inside] = value

    back = read_back(tmp_path / "in", mask)

    assert np.array_equal(back, expected)
    assert np.array_equal(back[mask != 0], mask[mask != 0])


def test_cvat_shapes_lie_in_their_z_order_and_are_what_their_kind_is(tmp_path: Path) -> None:
    size = {"height": "20", "width": "30"}
    square = "2,2;8,2;8,8;2,8"
    shapes = [
        ("polygon", {"label": "weed", "points": square, "z_order": "1"}),
        ("polygon", {"label": "crop", "points": "4,4;12,4;12,12;4,12", "z_order": "0"}),
        ("ellipse", {"label": "crop", "cx": "20", "cy": "10", "rx": "3", "ry": "2"}),
        ("box", {"label": "weed", "xtl": "24", "ytl": "4", "xbr": "28", "ybr": "6",
                 "rotation": "90"}),
        ("points", {"label": "weed", "points": "1,1"}),
    ]  # fmt: skip
    machine = [("polygon", {"label": "crop", "points": square, "source": "auto"})]
    images = [({"name": "a.png", **size}, shapes), ({"name": "b.png", **size}, machine)]
    for name in ("a", "b"):
        picture(tmp_path / f"in/{name}.png", (20, 30))
    (tmp_path / "in/annotations.xml").write_text(cvat_xml(images))

    out, report = imported(tmp_path / "in")
    boxes, _ = imported(tmp_path / "in", boxes=True)

    mask = mask_of(out, "a")
    assert (mask == 2).sum() == 36
    assert (mask[2:8, 2:8] == 2).all()
    assert (mask[:, 13:24] == 1).sum() == pytest.approx(np.pi * 6, abs=2)
    upright = mask_of(boxes, "a")[3:7, 25:27]
    assert (upright == 2).all()
    assert (mask[3:7, 25:27] == 255).all()
    assert splits_of(out) == {"pool": ["a"], "unlabeled": ["b"]}
    assert report.repairs[Repair.OTHER_GEOMETRY, "'points'"].number == 1
    assert report.repairs[Repair.MACHINE_ONLY, ""].first == "b.png"


def test_subsets_are_lists_and_one_without_any_object_is_unlabeled(tmp_path: Path) -> None:
    nothing = np.zeros((24, 30), np.uint8)
    datumaro(tmp_path / "in", {"a": ring(), "b": nothing}, subset="train")
    datumaro(tmp_path / "in", {"c": ring()}, subset="excluded")
    datumaro(tmp_path / "in", {"d": nothing}, subset="new")

    out, report = imported(tmp_path / "in")

    assert report.faults == []
    lists = {"pool": ["a", "b"], "train": ["a", "b"], "excluded": ["c"], "unlabeled": ["d"]}
    assert splits_of(out) == lists
    assert report.repairs[Repair.BACKGROUND_ONLY, ""].number == 1
    assert report.classes == ("background", "crop", "weed")


def test_a_broken_annotation_is_a_fault_of_its_image_only(tmp_path: Path) -> None:
    for name, root in (("xml", tmp_path / "xml/in"), ("json", tmp_path / "json/in")):
        writer = cvat if name == "xml" else datumaro
        path = writer(root, {"a": ring(), "b": ring(), "c": ring(), "d": ring()})
        text = path.read_text()
        if name == "xml":
            parts = text.split("<image")
            parts[1] = parts[1].replace('label="crop"', 'label="tree"')
            parts[2] = parts[2].replace("rle=", 'rle="1e9" left2=')
            parts[3] = parts[3].replace('c.png"', 'nobody.png"')
            path.write_text("<image".join(parts))
        else:
            content = json.loads(text)
            content["items"][0]["annotations"][0]["label_id"] = None
            content["items"][1]["annotations"][0]["rle"] = 7
            content["items"][2] |= {"id": "../../etc/passwd", "image": {"path": "/etc/passwd"}}
            write_json(path, content)

        out, report = imported(root)

        assert [one.name for one in (out / "masks").iterdir()] == ["d.png"]
        assert len(report.faults) == 3
        assert np.array_equal(mask_of(out, "d"), ring())


def test_yolo_reads_boxes_confidences_and_images_without_a_file(tmp_path: Path) -> None:
    yolo(tmp_path / "in", {"a": ring(), "b": np.zeros((24, 30), np.uint8), "c": ring()})
    labels = tmp_path / "in/labels/train"
    (labels / "a.txt").write_text("0 0.5 0.5 0.2 0.25\n1 0 0 0.1 0 0.1 0.125 0 0.125 0.9\n")

    out, report = imported(tmp_path / "in")
    trusting, _ = imported(tmp_path / "in", boxes=True, machine=True)

    mask, trusted = mask_of(out, "a"), mask_of(trusting, "a")
    assert (mask == 255).sum() == 6 * 6 + 4 * 4
    assert [(trusted == value).sum() for value in (1, 2)] == [36, 16]
    assert not mask_of(out, "b").any()
    assert splits_of(out) == {"pool": ["a", "b", "c"], "train": ["a", "b", "c"]}
    assert report.repairs[Repair.BACKGROUND_ONLY, ""].first == "images/train/b.png"


def test_yolo_splits_are_those_of_the_yaml_wherever_its_author_had_them(tmp_path: Path) -> None:
    root = tmp_path / "in"
    for split, name in (("train", "a"), ("valid", "b"), ("test", "c")):
        made = yolo(tmp_path / split, {name: ring()}, split)
        for kind in ("images", "labels"):
            shutil.copytree(made.parent / kind / split, root / split / kind)
    folders = {"train": "../train/images", "val": "/content/field/valid/images"}
    (root / "test.txt").write_text("./test/images/c.png\n")
    lines = [f"{name}: {path}" for name, path in {**folders, "test": "test.txt"}.items()]
    (root / "data.yaml").write_text("\n".join([*lines, "nc: 2", "names: [crop, weed]"]))

    out, report = imported(root)

    assert report.faults == []
    assert splits_of(out) == {"pool": ["a"], "train": ["a"], "val": ["b"], "test": ["c"]}


def test_yolo_without_a_yaml_takes_names_from_a_list_or_counts_classes(tmp_path: Path) -> None:
    yolo(tmp_path / "in", {"a": ring()}, "val2017").unlink()

    _, numbers = imported(tmp_path / "in")
    (tmp_path / "in/classes.txt").write_text("maize\nthistle\n")
    out, names = imported(tmp_path / "in", boxes=True)

    assert numbers.classes == ("background", "0", "1")
    assert names.classes == ("background", "maize", "thistle")
    assert splits_of(out) == {"pool": [], "val": ["a"]}


@pytest.mark.parametrize(
    "line", ["0", "0 0.1 0.1 0.2", "7 0 0 1 0 1 1", "x 0 0 1 0 1 1", "0 nan 0 1 0 1 1",
             "0 40 0 900 0 900 300", "-1 0 0 1 0 1 1", "0.5 0 0 1 0 1 1"]
)  # fmt: skip
def test_a_broken_line_of_yolo_names_its_file_and_number(line: str, tmp_path: Path) -> None:
    yolo(tmp_path / "in", {"a": ring(), "b": ring()})
    labels = tmp_path / "in/labels/train/a.txt"
    labels.write_text(labels.read_text() + line)

    out, report = imported(tmp_path / "in")

    assert [one.name for one in (out / "masks").iterdir()] == ["b.png"]
    assert report.faults[0].where == "images/train/a.png: labels/train/a.txt, line 4"


BOMB = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><annotations><image name="&b;"/></annotations>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<annotations><image name="a.png">&a;</image></annotations>"""
REFUSED = {
    "entities": (BOMB, "document type"),
    "a file from outside": (OUTSIDE, "document type"),
    "a video": ("<annotations><track id='1'/></annotations>", "tracks of a video"),
    "cut off": ("<annotations><image name='a.png'>", "no element found"),
    "deep": ("<annotations>" + "<a>" * 10_000, "deep"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_xml_that_means_ill_is_refused(name: str, tmp_path: Path) -> None:
    content, said = REFUSED[name]
    picture(tmp_path / "in/a.png", (5, 5))
    (tmp_path / "in/annotations.xml").write_text(content)

    with pytest.raises(DatasetRefused, match=said):
        imported(tmp_path / "in")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: &a [1]\nb: &b {<<: *a}\nnames: [x]\n", "alias"),
        ("names: !!python/object/apply:os.system [ls]\n", "no usable YAML"),
        ("names: {0: [crop]}\n", "names"),
        ("names: [crop, weed]\nkpt_shape: [17, 3]\n", "poses"),
        ("names: " + "[" * 5000, "no usable YAML"),
    ],
)
def test_yaml_that_is_not_plain_is_refused(content: str, said: str, tmp_path: Path) -> None:
    yolo(tmp_path / "in", {"a": ring()}).write_text(content)

    with pytest.raises(DatasetRefused, match=said):
        imported(tmp_path / "in")


def test_no_mask_lands_on_the_picture_of_another_entry(tmp_path: Path) -> None:
    size = {"height": "24", "width": "30"}
    picture(tmp_path / "in/images/Train/a.png", (24, 30))
    picture(tmp_path / "in/elsewhere/b.png", (24, 30))
    square = [("polygon", {"label": "crop", "points": "1,1;9,1;9,9;1,9"})]
    entries = [
        ({"name": "a.png", "subset": "Test", **size}, square),  # its picture is missing
        ({"name": "a.png", "subset": "Train", **size}, []),
        ({"name": "b.png", "subset": "Train", **size}, square),
    ]
    (tmp_path / "in/annotations.xml").write_text(cvat_xml(entries))

    out, report = imported(tmp_path / "in")

    assert not mask_of(out, "a").any()
    assert mask_of(out, "b").any()
    assert [fault.got for fault in report.faults] == ["no picture of its own"]

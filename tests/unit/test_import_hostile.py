"""Sources with ill intent: whatever stands in a file, the import ends with faults or a refusal."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.masks.regions import Control, encode
from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.domain import ClassSet
from daemon.domain.errors import DatasetRefused
from tests.fakes.dataset_sources import (
    coco,
    cvat,
    datumaro,
    label_studio,
    ring,
    supervisely,
    yolo,
)
from tests.fakes.mutations import mutated


def _export(root: Path) -> Path:
    control = Control(from_name="mask", to_name="image")
    result = encode(ring(), ClassSet(names=("background", "crop", "weed")), control, {})
    return label_studio(root, {"a.png": result, "b.png": result})


def _project(root: Path) -> Path:
    supervisely(root, {"ds": {"a.png": ring(), "b.png": ring()}}, "polygon")
    return root / "ds/ann/a.png.json"


def _meta(root: Path) -> Path:
    return supervisely(root, {"ds": {"a.png": ring(), "b.png": ring()}})


SOURCES: dict[str, Callable[[Path], Path]] = {
    "COCO polygons": lambda root: coco(root, {"a": ring(), "b": ring()}, "polygons"),
    "COCO text": lambda root: coco(root, {"a": ring(), "b": ring()}, "text"),
    "Supervisely annotation": _project,
    "Supervisely meta": _meta,
    "Label Studio": _export,
    "Datumaro": lambda root: datumaro(root, {"a": ring(), "b": ring()}),
}


def _yolo(root: Path) -> Path:
    return yolo(root, {"a": ring(), "b": ring()}).parent / "labels/train/a.txt"


TEXTS: dict[str, Callable[[Path], Path]] = {
    "CVAT masks": lambda root: cvat(root, {"a": ring(), "b": ring()}),
    "CVAT polygons": lambda root: cvat(root, {"a": ring(), "b": ring()}, "polygon"),
    "YOLO": _yolo,
}
JUNK = ("", "-1", "1e308", "nan", "9" * 40, "\0", "../..", "<a>", "&amp;", ";", "\u202e", "0x7")


@pytest.mark.parametrize("name", TEXTS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_junk_in_a_text_ends_in_faults_or_a_refusal(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    file = TEXTS[name](folder / "in")
    parts = re.split(r"([\w.-]+)", file.read_text())
    for _ in range(3):
        parts[data.draw(st.integers(0, len(parts) - 1))] = data.draw(st.sampled_from(JUNK))
    file.write_text("".join(parts))

    try:
        report = import_folder(
            folder / "in", folder / "out", ImportOptions(), lambda done, all: None
        )
    except DatasetRefused:
        assert not (folder / "out").exists()
    else:
        assert len(list((folder / "out/masks").iterdir())) == report.labeled
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", SOURCES)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_junk_in_any_place_ends_in_faults_or_a_refusal(
    name: str, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    file = SOURCES[name](folder / "in")
    content = mutated(random.Random(seed), json.loads(file.read_text()))
    file.write_text(json.dumps(content))

    try:
        report = import_folder(
            folder / "in", folder / "out", ImportOptions(), lambda done, total: None
        )
    except DatasetRefused:
        assert not (folder / "out").exists()
    else:
        assert len(list((folder / "out/masks").iterdir())) == report.labeled
        assert json.loads((folder / "out/report.json").read_text())["images"] == report.images
    assert not (folder / "out.part").exists()
    shutil.rmtree(folder)


def test_a_mask_of_a_large_size_is_refused_before_it_is_made(tmp_path: Path) -> None:
    file = coco(tmp_path / "in", {"a": np.zeros((5, 5), np.uint8), "b": ring()})
    content = json.loads(file.read_text())
    content["images"][0] |= {"width": 10**6, "height": 10**6}
    file.write_text(json.dumps(content))

    report = import_folder(
        tmp_path / "in", tmp_path / "out", ImportOptions(), lambda done, total: None
    )

    assert [fault.expected for fault in report.faults] == [
        "whole numbers of pixels, at most 1073741824 in all"
    ]

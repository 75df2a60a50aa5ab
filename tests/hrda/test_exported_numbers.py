"""The figures of a test set are those that the exported model delivers, on any machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from daemon import pixels
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.evaluation.iou import confusion, iou_of
from daemon.hrda.export.card import card_of
from daemon.hrda.export.inference_script import predict as script_predict
from daemon.hrda.export.window_graph import window_graph
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.predict import evaluate_test_set
from daemon.hrda.serve.engine import load_engine
from daemon.hrda.training.checkpoint import write_checkpoint
from daemon.runs.model_card import ModelFacts
from daemon.runs.run_folder import LabeledFile, PredictRequest, RunFolder
from tests.hrda.tiny import CLASSES, segmentor, several_classes, write_field


@pytest.fixture
def files(tmp_path: Path) -> list[LabeledFile]:
    return write_field(tmp_path / "field", 3)


def measured(net: Segmentor, files: list[LabeledFile], folder: Path):  # type: ignore[no-untyped-def]
    request = PredictRequest(classes=CLASSES, checkpoint=folder / "none", test=tuple(files))
    folder.mkdir()
    reader = FileReader(files)
    return evaluate_test_set(RunFolder(folder), net, request, "test", reader, None)


def network(precision: str) -> Segmentor:
    net = several_classes(segmentor(detail_window_px=64, precision=precision))
    net.bf16 = True  # as on a machine that has it
    return net


def test_test_images_are_measured_in_fp32_unless_bf16_is_asked_for(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    in_bf16 = measured(network("bf16"), files, tmp_path / "bf16")
    net = network("auto")
    usual = measured(net, files, tmp_path / "auto")
    exact = network("fp32")
    exact.bf16 = False
    expected = measured(exact, files, tmp_path / "fp32")

    assert (usual.precision, in_bf16.precision) == ("fp32", "bf16")
    assert usual.confusion == expected.confusion != in_bf16.confusion
    assert net.bf16  # what follows is computed as before


def test_the_script_measures_on_files_what_the_training_reported(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    net = network("auto")
    reported = measured(net, files, tmp_path / "run")

    card = card_of(net, CLASSES, ModelFacts(name="test")).model_dump(mode="json")
    graph = window_graph(net)
    total = np.zeros((3, 3), np.int64)
    for file in files:
        found = script_predict(
            lambda *given: graph.module(*map(torch.from_numpy, map(np.ascontiguousarray, given))),
            pixels.read_picture(file.image),
            card,
        )
        total += confusion(np.asarray(Image.open(file.mask)), np.asarray(found), 3)

    assert np.nanmean(iou_of(total)) == pytest.approx(reported.miou, abs=1e-3)


@pytest.mark.parametrize(
    ("trained", "asked", "expected"),
    [("auto", "auto", False), ("auto", "bf16", True), ("bf16", "auto", True),
     ("bf16", "fp32", False)],
)  # fmt: skip
def test_a_served_model_computes_as_its_test_figures_were_measured(
    trained: str, asked: str, expected: bool, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / "checkpoint.pth", network(trained), CLASSES)

    engine = load_engine(tmp_path / "checkpoint.pth", device="cpu", threads=1, precision=asked)

    assert engine.net.bf16 is expected

"""A model as files: one window as a graph, whole images by the script, the card."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from daemon.cli.commands import main
from daemon.domain import Evaluation
from daemon.domain.errors import ConfigError
from daemon.hrda.export.card import card_of, weights_origin
from daemon.hrda.export.graph_files import ONNX_PACKAGES
from daemon.hrda.export.inference_script import predict as script_predict
from daemon.hrda.export.model_files import write_graphs
from daemon.hrda.export.notebook import code_of, notebook
from daemon.hrda.export.window_graph import WindowGraph, window_graph, window_pixels
from daemon.hrda.inference.whole_images import predict_image
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.training.checkpoint import write_checkpoint
from daemon.runs.checksums import sha256_of
from daemon.runs.model_card import ONNX_GRAPH, TORCH_GRAPH, ModelCard, ModelFacts
from daemon.runs.model_card_text import card_text
from daemon.runs.run_folder import RunFolder, TrainRequest, TrainResult
from tests.hrda.tiny import CLASSES, field, segmentor, several_classes, tiny, unlabeled, write_field


def network(**changes: Any) -> Segmentor:
    """A network whose masks hold several classes."""
    return several_classes(segmentor(**{"detail_window_px": 64, **changes}))


def picture(height: int, width: int) -> Any:
    return field(np.random.default_rng(height), max(height, width))[0][:height, :width]


def in_numpy(graph: WindowGraph) -> Any:
    """The module of a graph as predict.py calls a file of it."""

    def run(*given: Any) -> Any:
        tensors = [torch.from_numpy(np.ascontiguousarray(one)) for one in given]
        return graph.module(*tensors[: len(graph.inputs)]).numpy()

    return run


def test_the_graph_of_a_window_gives_the_logits_of_the_sliding_windows() -> None:
    net = network()
    graph = window_graph(net).module
    for size in ((128, 128), (64, 192)):
        image = torch.from_numpy(picture(*size)).permute(2, 0, 1)[None].float()

        ours = net.slide_inference(image, 64, 32).fused
        theirs = graph(image, *(window_pixels(side, 64, 32) for side in size))

        assert torch.allclose(ours, theirs, atol=1e-4)
        assert float(ours.abs().max()) > 0.5


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"architecture": "segformer"},
        {"framing": "fit", "context_px": 128},
        {"overlap_megapixels": 0.01},
    ],
    ids=lambda changes: next(iter(changes), "default"),
)
def test_the_script_gives_the_masks_of_maskloop(changes: dict[str, Any]) -> None:
    net = network(**changes)
    sizes = [(100, 90), (200, 140)]
    expected = [predict_image(net, picture(*size)).mask() for size in sizes]

    card = card_of(net, CLASSES, ModelFacts(name="test")).model_dump(mode="json")
    graph = in_numpy(window_graph(net))
    found = [script_predict(graph, picture(*size), card) for size in sizes]

    for ours, theirs in zip(expected, found, strict=True):
        assert ours.shape == theirs.shape
        # sums in another order move a pixel in a thousand of this noisy network; with `fit`
        # OpenCV rounds the scaled picture in its own way
        assert np.mean(ours == theirs) >= (0.99 if "framing" in changes else 0.999)
    assert len(np.unique(np.concatenate([one.ravel() for one in expected]))) > 1


def test_the_script_is_short() -> None:
    from daemon.hrda.export import inference_script

    lines = [line for line in Path(inference_script.__file__).read_text().splitlines() if line]

    assert len(lines) <= 60


def test_the_script_says_how_it_is_used() -> None:
    from daemon.hrda.export import inference_script

    done = subprocess.run(
        [sys.executable, str(inference_script.__file__), "model.onnx"],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr.strip() == str(inference_script.__doc__).strip()


def test_windows_that_are_too_small_for_a_graph_are_refused() -> None:
    with pytest.raises(ConfigError, match="detail_window_px = 32: expected at least 64"):
        window_graph(network(detail_window_px=32))


def test_the_card_names_no_folder_and_no_secret_of_this_machine() -> None:
    file = weights_origin(tiny(encoder_weights="/home/anna/models/lite0.pth"))
    packaged = weights_origin(tiny(encoder_weights=""))

    assert "anna" not in file.model_dump_json()
    assert "lite0.pth" in file.source
    assert "for you to look up" in file.licence
    assert "Apache-2.0" in packaged.licence
    assert len(packaged.sha256 or "") == 64


def trained(folder: Path) -> Path:
    """What `maskloop train` leaves of a training, with a network of few channels."""
    run = RunFolder(folder / "train")
    files = write_field(folder / "field", 3)
    request = TrainRequest(
        classes=CLASSES,
        labeled=tuple(files[:2]),
        validation=tuple(files[2:]),
        unlabeled=unlabeled(files),
        seed=7,
    )
    run.write_request(request)
    iou = {"soil": 0.9, "crop": 0.7, "weed": None}
    figures = Evaluation(images=40, miou=0.8, iou=iou, miou_interval=(0.75, 0.84), precision="fp32")
    write_checkpoint(run.checkpoint, network(), CLASSES)
    run.write_result(TrainResult(validation=figures, iterations=4, seconds=1.0))
    return folder


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_model_goes_out_as_files_that_need_no_maskloop(tmp_path: Path) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason="not installed: pip install 'maskloop[export]'")
    source, out = trained(tmp_path / "run"), tmp_path / "out"
    words = ["export", "--model", str(source), "--out", str(out), "--threads", "1"]

    assert main(words) == 0

    card = ModelCard.model_validate_json((out / "model.json").read_bytes())
    assert set(card.files) == {"checkpoint.pth", "model.pt2", "model.onnx"}
    for name, file in card.files.items():
        assert file.sha256 == sha256_of(out / name)
        assert name == "checkpoint.pth" or (file.difference or 0) < 1e-3
    assert card.facts.training is not None
    assert (card.facts.training.train_labels, card.facts.training.seed) == (2, 7)
    text = (out / "README.md").read_text()
    assert "| validation | 40 | fp32 | 0.800 | 0.750 to 0.840 | 0.900 | 0.700 | none |" in text
    check_script(out, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "changes",
    [
        {"encoder": "mit_b0"},
        {"encoder": "mit_b0", "architecture": "segformer"},
        {"architecture": "segformer"},
        {"fusion": "sepaspp"},
    ],
    ids=lambda changes: " ".join(changes.values()),
)
def test_graphs_of_other_networks_give_their_logits_to_a_thousandth(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    for package in ONNX_PACKAGES:
        pytest.importorskip(package, reason="not installed: pip install 'maskloop[export]'")

    found = write_graphs(tmp_path, network(**changes), onnx=True)

    assert set(found) == {TORCH_GRAPH, ONNX_GRAPH}
    for apart, largest in found.values():
        assert apart < 1e-3
        assert largest > 0.5  # else nothing was compared


def check_script(out: Path, folder: Path) -> None:
    """predict.py in a process of its own, by both graphs, on images of several sizes."""
    net = network()
    paths = [folder / f"{height}.png" for height in (100, 300)]
    for path in paths:
        Image.fromarray(picture(int(path.stem), 130)).save(path)
    for graph in ("model.onnx", "model.pt2"):
        masks = folder / graph.replace(".", "-")
        words = [str(out / "predict.py"), str(out / graph), str(masks), *map(str, paths)]
        subprocess.run([sys.executable, *words], check=True, cwd=folder, timeout=600)
        for path in paths:
            expected = predict_image(net, np.asarray(Image.open(path))).mask()
            found = np.asarray(Image.open(masks / path.name))
            assert np.mean(found == expected) >= 0.999
    cells = code_of(json.loads((out / "predict.ipynb").read_text()))
    cells = [cell.replace("image.jpg", str(paths[0])) for cell in cells]
    subprocess.run([sys.executable, "-c", "\n".join(cells)], check=True, cwd=out, timeout=600)


def test_the_words_of_a_card_are_markdown_whatever_the_classes_are_called() -> None:
    card = card_of(network(), ("soil", "a|b\nc", "weed"), ModelFacts(name="field"))

    text = card_text(card)

    assert "| 1 | a\\|b c | `#0072b2` |" in text
    assert "Nothing was measured." in text
    assert json.loads(json.dumps(notebook(card, "model.pt2")))["nbformat"] == 4

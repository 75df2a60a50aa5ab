"""Do the exported model and REST measure what `maskloop train` measured? mIoU of all test images.

    python -m tests.benchmarks.export_agreement --run DIR            a folder of `maskloop train`
    python -m tests.benchmarks.export_agreement --data ../shared/data/soy --out DIR

The second trains first: 24 labels, 100 iterations, supervised. Then the model is exported, its
graphs are run by the functions of predict.py, and `maskloop serve` answers over HTTP. A run of an
earlier release, whose test figures came from bf16, is measured again first.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from daemon import pixels
from daemon.cli.commands import main as maskloop
from daemon.domain import Evaluation
from daemon.experiment.child_runs import run_to_end
from daemon.pixels import masks
from daemon.runs.run_folder import LabeledFile, PredictRequest, PredictResult, RunFolder

TEST_IMAGES = 40
ALLOWED = 1e-3
START_S = 300.0


def train(data: Path, out: Path) -> None:
    """A short training on a folder with images, masks and splits.json."""
    names = json.loads((data / "splits.json").read_text())["test"]
    step = max(1.0, len(names) / TEST_IMAGES)
    chosen = [names[int(row * step)] for row in range(min(TEST_IMAGES, len(names)))]
    out.mkdir(parents=True, exist_ok=True)
    (out / "test.txt").write_text("\n".join(chosen) + "\n")
    words = ["--images", data / "images", "--masks", data / "masks", "--test", out / "test.txt"]
    words += ["--labeled", 24, "--val", 8, "--unlabeled", "none", "--method", "supervised"]
    words += ["--classes", "soil,crop,weed", "--iterations", 100, "--seed", 0, "--threads", 1]
    if maskloop(["train", *map(str, words), "--out", str(out / "run")]):
        sys.exit("the training failed")


def confusion(truth: Any, found: Any, classes: int) -> Any:
    """(C, C) pixels, a row for each class of the truth; 255 does not count."""
    counts = truth != 255
    pairs = truth[counts].astype(np.int64) * classes + found[counts]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def miou(matrix: Any) -> float:
    """The mean IoU over the classes that the truth holds."""
    inside = np.diag(matrix)
    union = matrix.sum(0) + matrix.sum(1) - inside
    present = matrix.sum(1) > 0
    return float(np.mean(inside[present] / union[present]))


def measured(files: tuple[LabeledFile, ...], classes: int, mask_of: Callable[[Path], Any]) -> Any:
    """(C, C): the summed confusion matrix of all files."""
    total = np.zeros((classes, classes), np.int64)
    for file in files:
        total += confusion(masks.read_mask(file.mask), mask_of(file.image), classes)
    return total


def reported(run: Path, out: Path) -> tuple[PredictRequest, Evaluation]:
    """What was measured on the test images of a run; measured now where the run is older."""
    folder = RunFolder(run / "predict")
    request = folder.read_request(PredictRequest)
    before = folder.read_result(PredictResult).test
    if before is None or before.precision is None:
        checkpoint = RunFolder(run / "train").checkpoint
        folder = RunFolder(out / "predict")
        changes = {"checkpoint": checkpoint, "student": None}
        folder.write_request(request.model_copy(update=changes))
        run_to_end(folder, "predict", lambda _: None)
        print(f"measured again: {before.miou if before else None} in bf16 where the CPU has it")
    found = folder.read_result(PredictResult).test
    if found is None or found.miou is None:
        raise RuntimeError(f"{folder.path}: no figure; expected one of {len(request.test)} images")
    return request, found


def by_graph(export: Path, name: str) -> Callable[[Path], Any]:
    """Masks by a graph and predict.py of an export; pictures by the reader of Maskloop."""
    spec = importlib.util.spec_from_file_location("exported_predict", export / "predict.py")
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{export / 'predict.py'}: cannot be imported")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    card = json.loads((export / "model.json").read_text())
    graph = script.load(export / name, card["window"]["inputs"])
    return lambda path: script.predict(graph, pixels.read_picture(path), card)


@contextmanager
def serving(model: Path) -> Iterator[httpx.Client]:
    """`maskloop serve` as a process of its own, on any free port."""
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-m", "daemon.cli", "serve", str(model), "--port", "0"]
        process = subprocess.Popen([*command, "--threads", "1"], stderr=log)
        try:
            address = ""
            deadline_s = time.monotonic() + START_S
            while not address and process.poll() is None and time.monotonic() < deadline_s:
                time.sleep(0.2)
                log.seek(0)
                words = [word for word in log.read().split() if word.startswith("http://")]
                address = words[0].removesuffix("/v1/predict") if words else ""
            with httpx.Client(base_url=address, timeout=600) as client:
                yield client
        finally:
            process.terminate()
            print("serve ended with", process.wait(60))


def by_rest(client: httpx.Client) -> Callable[[Path], Any]:
    """Masks by POST /v1/predict."""

    def mask_of(path: Path) -> Any:
        headers = {"Content-Type": "application/octet-stream"}
        answer = client.post("/v1/predict", content=path.read_bytes(), headers=headers)
        answer.raise_for_status()
        return np.asarray(Image.open(io.BytesIO(answer.content)))

    return mask_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path, help="finished folder of `maskloop train`")
    source.add_argument("--data", type=Path, help="folder with images, masks and splits.json")
    parser.add_argument("--out", type=Path, default=None, help="new folder; default: temporary")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    out = (options.out or Path(tempfile.mkdtemp(prefix="export-agreement-"))).absolute()
    if options.data:
        train(options.data, out)
    run = (options.run or out / "run").absolute()
    export = out / "model"
    words = ["export", "--model", str(run), "--out", str(export), "--threads", "1"]
    if not (export / "model.json").exists() and maskloop(words):
        sys.exit("the export failed")
    request, found = reported(run, out)
    print(f"maskloop train: mIoU {found.miou:.6f} on {found.images} images in {found.precision}")
    classes, worst = len(request.classes), 0.0
    for name in ("model.onnx", "model.pt2"):
        matrix = measured(request.test, classes, by_graph(export, name))
        worst = max(worst, compared(name, matrix, found))
    with serving(export) as client:
        worst = max(
            worst, compared("rest", measured(request.test, classes, by_rest(client)), found)
        )
    print("agrees" if worst <= ALLOWED else f"DOES NOT AGREE: more than {ALLOWED}")
    sys.exit(worst > ALLOWED)


def compared(name: str, matrix: Any, reported: Evaluation) -> float:
    """Print how far a confusion matrix is from figures of Maskloop; the difference of the mIoU."""
    apart = abs(miou(matrix) - (reported.miou or 0.0))
    moved = int(np.abs(matrix - np.array(reported.confusion)).sum()) // 2
    print(f"{name}: mIoU {miou(matrix):.6f}, {apart:.1e} away; {moved} of {matrix.sum()} pixels")
    return apart


if __name__ == "__main__":
    main()

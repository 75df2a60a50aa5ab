"""`python -m daemon.hrda`: what the daemon may rely on. Real files, real child processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from daemon.hrda.__main__ import main
from daemon.runs.parent_death import PARENT_DIED
from daemon.runs.run_folder import (
    EmbedRequest,
    ImageFile,
    LabeledFile,
    PredictRequest,
    PredictResult,
    RunFolder,
    TrainRequest,
    TrainResult,
)
from daemon.runs.run_process import DONE, LOCKED, STOPPED
from strategies.base import PER_IMAGE
from tests.fakes.child_process import running
from tests.hrda.tiny import CHANGES, CLASSES, unlabeled, write_field


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[LabeledFile]:
    return write_field(tmp_path_factory.mktemp("field"), 8)


def train_request(files: list[LabeledFile], **changes: Any) -> TrainRequest:
    return TrainRequest(
        classes=CLASSES,
        device="cpu",
        threads=1,
        seed=7,
        settings={**CHANGES, "unlabeled_start": 0.0, **changes},
        labeled=tuple(files[:3]),
        validation=tuple(files[3:5]),
        unlabeled=unlabeled(files[5:]),
    )


@pytest.fixture(scope="module")
def trained(files: list[LabeledFile], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = RunFolder(tmp_path_factory.mktemp("run") / "0001-train")
    folder.write_request(train_request(files))
    assert main(["train", str(folder.path)]) == DONE
    return folder


@contextmanager
def start(verb: str, folder: RunFolder, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "daemon.hrda", verb, str(folder.path)]
    with (
        folder.log.open("ab") as log,
        running(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        ) as child,
    ):
        yield child


def wait_until(condition: Any, what: str, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} took over {seconds} s"
        time.sleep(0.02)


def killed_at(
    request: TrainRequest, root: Path, reached: Callable[[RunFolder], bool], what: str
) -> RunFolder:
    """The folder of a training that was killed when this was reached.

    What lasts for a moment only may be missed, and then the training ends by itself: it is tried
    again in another folder.
    """
    for attempt in range(20):
        folder = RunFolder(root / f"killed-{attempt}")
        folder.write_request(request)
        with start("train", folder) as child:
            wait_until(lambda: child.poll() is not None or reached(folder), what)  # noqa: B023
            child.kill()
            code = child.wait()
        if not folder.finished():
            assert code == -signal.SIGKILL, folder.log.read_text()
            return folder
    raise AssertionError(f"{what}: every training had ended before it was seen")


def error_of(folder: RunFolder) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(folder.error_file.read_text())
    return content


def test_a_training_leaves_its_model_and_its_result(trained: RunFolder) -> None:
    result = trained.read_result(TrainResult)
    progress = trained.read_progress()

    assert result.iterations == 4
    assert result.validation is not None
    assert set(result.validation.iou) == set(CLASSES)
    assert result.counters == {"skipped": 0}
    assert result.settings["width"] == 8
    assert "torch" in result.versions
    assert progress is not None
    assert progress.phase == "validation"
    assert progress.step == progress.steps == 2
    assert not trained.resume.exists()


def test_a_checkpoint_scores_writes_masks_and_is_measured(
    trained: RunFolder, files: list[LabeledFile], tmp_path: Path
) -> None:
    odd = tmp_path / "odd.png"
    Image.fromarray(np.zeros((51, 77, 3), np.uint8)).save(odd)
    folder = RunFolder(tmp_path / "predict")
    folder.write_request(
        PredictRequest(
            classes=CLASSES,
            device="cpu",
            threads=1,
            checkpoint=trained.checkpoint,
            temperature=2.0,
            student=trained.checkpoint,
            student_temperature=2.0,
            score=unlabeled(files),
            masks=(ImageFile(id=5, image=odd), *unlabeled(files[:1])),
            test=tuple(files[:2]),
        )
    )

    assert main(["predict", str(folder.path)]) == DONE

    scores, result = folder.read_scores(), folder.read_result(PredictResult)
    assert scores.ids.tolist() == [file.id for file in files]
    assert np.allclose(np.linalg.norm(scores.embeddings, axis=1), 1, atol=1e-5)
    assert scores.uncertainty is not None
    assert scores.class_share is not None
    assert scores.uncertainty.min() >= 0
    assert scores.uncertainty.max() <= 1
    assert np.allclose(scores.class_share.sum(axis=1), 1, atol=1e-5)
    assert {name for name in PER_IMAGE if getattr(scores, name) is None} == set()
    assert scores.teacher_disagreement is not None
    assert scores.teacher_disagreement.max() < 1e-6  # the student is the model itself
    mask = np.asarray(Image.open(folder.mask(5)))
    assert mask.shape == (51, 77)
    assert mask.dtype == np.uint8
    assert mask.max() < len(CLASSES)
    assert set(result.confidence[5]) <= set(CLASSES)
    assert result.test is not None
    assert result.test.images == 2
    assert result.student == result.test


def test_embedding_no_images_is_a_check_of_the_machine(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "check")
    folder.write_request(EmbedRequest(classes=CLASSES, images=()))

    assert main(["embed", str(folder.path)]) == DONE

    assert folder.read_scores().embeddings.shape == (0, 432)
    assert folder.read_result(PredictResult).images == 0


def test_equal_images_have_equal_embeddings_and_others_differ(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "embed")
    twice = (*unlabeled(files[:2]), ImageFile(id=1, image=files[0].image))
    folder.write_request(EmbedRequest(classes=CLASSES, images=twice, device="cpu"))

    assert main(["embed", str(folder.path)]) == DONE

    rows = folder.read_scores().embeddings
    assert rows[0] @ rows[2] == pytest.approx(1, abs=1e-5)
    assert rows[0] @ rows[1] < 0.9999


def test_a_killed_training_ends_with_the_same_bits(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    request = train_request(files, iterations=12, save_every_s=0.0)
    whole = RunFolder(tmp_path / "whole")
    whole.write_request(request)
    assert main(["train", str(whole.path)]) == DONE

    killed = killed_at(request, tmp_path, lambda run: run.resume.exists(), "the first save")
    assert main(["train", str(killed.path)]) == DONE

    one, two = (torch.load(f.checkpoint, weights_only=True)["weights"] for f in (whole, killed))
    assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())
    assert whole.read_result(TrainResult).validation == killed.read_result(TrainResult).validation


def test_sigterm_saves_and_leaves_and_a_truncated_state_is_refused(
    files: list[LabeledFile], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_request(train_request(files, iterations=100_000, save_every_s=1e9))
    with start("train", folder) as child:
        wait_until(lambda: (p := folder.read_progress()) and p.step > 0, "the first iteration")

        child.terminate()

        assert child.wait(240) == STOPPED
    assert folder.resume.exists()
    assert not folder.error_file.exists()
    content = folder.resume.read_bytes()
    folder.resume.write_bytes(content[: len(content) // 2])
    (folder.path / "request.json").write_text(train_request(files, iterations=2).model_dump_json())
    with caplog.at_level("WARNING"):
        assert main(["train", str(folder.path)]) == DONE
    assert "resume.pth: cannot be read" in caplog.text
    assert folder.read_result(TrainResult).iterations == 2


def test_a_second_process_on_the_same_folder_is_refused(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_request(train_request(files))

    with folder.locked():
        assert main(["train", str(folder.path)]) == LOCKED

    assert not folder.error_file.exists()


def test_a_process_dies_with_the_end_of_its_stdin(files: list[LabeledFile], tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_request(train_request(files, iterations=100_000))
    with start("train", folder, MASKLOOP_PARENT_STDIN="1") as child:
        wait_until(folder.progress_file.exists, "the first sign of life")

        assert child.stdin is not None
        child.stdin.close()

        assert child.wait(240) == PARENT_DIED


def test_a_child_starts_where_its_parent_ended_and_rows_follow_their_names(
    trained: RunFolder,
) -> None:
    from daemon.hrda.network.hrda import build_segmentor
    from daemon.hrda.training.checkpoint import read_checkpoint, warm_start
    from tests.hrda.tiny import tiny

    parent, _ = read_checkpoint(trained.checkpoint, torch.device("cpu"))
    torch.manual_seed(1)
    child = build_segmentor(tiny(), 4)
    fresh = child.decoder.conv_seg.weight.clone()

    new = warm_start(child, trained.checkpoint, ("soil", "stone", "weed", "crop"))

    assert new == ["stone"]
    rows = child.decoder.conv_seg.weight
    assert torch.equal(rows[[0, 3, 2]], parent.decoder.conv_seg.weight)
    assert torch.equal(rows[1], fresh[1])
    assert torch.equal(child.encoder.stem.weight, parent.encoder.stem.weight)


def test_a_parent_teaches_the_first_iteration(
    trained: RunFolder, files: list[LabeledFile], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "child")
    request = train_request(files, iterations=1, learning_rate=1e-12, prior_correction=0.0)
    folder.write_request(request.model_copy(update={"parent": trained.checkpoint}))

    assert main(["train", str(folder.path)]) == DONE

    one, two = (torch.load(f.checkpoint, weights_only=True)["weights"] for f in (trained, folder))
    name = "decoder.conv_seg.weight"
    assert torch.allclose(one[name], two[name])

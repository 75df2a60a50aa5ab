"""Many pictures through one model: read ahead, in passes, into a file that a kill leaves usable."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from daemon.hrda import predict
from daemon.hrda.__main__ import main
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.data.image_files import read_image
from daemon.hrda.inference import passes
from daemon.hrda.inference.passes import images_per_pass, queue_length, readers
from daemon.hrda.inference.score_file import ScoreFile, row_dtype
from daemon.hrda.inference.scored_images import Scoring
from daemon.hrda.inference.streaming import group_by_size, predictions_of, scores_of
from daemon.hrda.inference.whole_images import context_windows, predict_image, predict_images
from daemon.hrda.training.checkpoint import write_checkpoint
from daemon.runs.run_folder import ImageFile, PredictRequest, RunFolder
from daemon.runs.run_process import DONE, STOPPED
from tests.hrda.tiny import CLASSES, field, segmentor, spread

ORIGIN = "0" * 64
COLUMNS = {"embeddings": (4,), "uncertainty": (), "class_share": (2,)}


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    yield
    torch.set_num_threads(1)


@pytest.fixture
def files(tmp_path: Path) -> list[ImageFile]:
    """Seven pictures of three sizes, the sizes in runs of 2, 1, 3 and 1."""
    files = []
    for row, side in enumerate((96, 96, 70, 96, 96, 96, 128)):
        path = tmp_path / f"{row}.png"
        Image.fromarray(field(np.random.default_rng(row), side)[0]).save(path)
        files.append(ImageFile(id=100 + row, image=path))
    return files


def request(files: list[ImageFile], folder: Path) -> PredictRequest:
    checkpoint = folder / "checkpoint.pth"
    write_checkpoint(checkpoint, spread(segmentor()), CLASSES)
    return PredictRequest(
        classes=CLASSES, device="cpu", threads=1, checkpoint=checkpoint, score=tuple(files)
    )


def test_passes_of_several_pictures_see_what_one_by_one_sees(files: list[ImageFile]) -> None:
    net = segmentor().eval()

    together = list(predictions_of(net, files, FileReader(files)))

    assert [file.id for file, _ in together] == [file.id for file in files]
    for file, prediction in together:
        alone = predict_image(net, read_image(file))
        assert torch.allclose(prediction.logits, alone.logits, atol=1e-5)
        assert np.allclose(prediction.embedding, alone.embedding, atol=1e-5)
        assert prediction.size == alone.size


def test_neighbours_of_one_size_go_together_and_no_more_than_allowed() -> None:
    sizes = (4, 4, 4, 6, 4)
    pictures = [(row, np.zeros((side, 5, 3), np.uint8)) for row, side in enumerate(sizes)]

    groups = [
        [row for row, _ in group] for group in group_by_size(pictures, lambda pixels: 40 // pixels)
    ]

    assert groups == [[0, 1], [2], [3], [4]]  # 40 pixels hold two of 4x5 and one of 6x5


def test_a_gpu_gets_large_passes_and_pictures_from_all_threads() -> None:
    cpu, other = segmentor(), segmentor().to("meta")  # any device but the CPU counts as a GPU

    assert [images_per_pass(net, 384 * 384) for net in (cpu, other)] == [4, 64]
    assert [images_per_pass(net, 10**8) for net in (cpu, other)] == [1, 1]
    assert queue_length(other) > images_per_pass(other, 384 * 384) > queue_length(cpu)
    torch.set_num_threads(4)
    assert (readers(cpu), readers(other)) == (2, 4)


def test_passes_that_are_computed_in_advance_as_on_a_gpu_give_the_same_scores(
    files: list[ImageFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = spread(segmentor())
    one_by_one = dict(scores_of(net, files, FileReader(files), Scoring()))

    monkeypatch.setattr(passes, "_kind", lambda net: "cuda")
    found = list(scores_of(net, files, FileReader(files), Scoring()))

    assert [file.id for file, _ in found] == [file.id for file in files]
    for file, columns in found:
        for name, column in columns.items():
            assert np.allclose(column, one_by_one[file][name], atol=1e-4), name


def test_large_pictures_are_cut_into_windows_that_overlap_by_half() -> None:
    net = segmentor(window_px=128, detail_window_px=64)

    boxes = context_windows(net, 128, 320)

    assert [(box.y, box.x) for box in boxes] == [(0, 0), (0, 64), (0, 128), (0, 192)]


def test_a_pass_is_cut_where_memory_allows_fewer_windows() -> None:
    net = segmentor(chunk=2).eval()
    pictures = [field(np.random.default_rng(row))[0] for row in range(5)]

    predictions = predict_images(net, pictures)

    for picture, prediction in zip(pictures, predictions, strict=True):
        assert torch.allclose(prediction.logits, predict_image(net, picture).logits, atol=1e-5)


def test_a_scoring_that_was_interrupted_continues_behind_its_rows(
    files: list[ImageFile],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, broken = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "broken")
    for folder in (whole, broken):
        folder.write_request(request(files, tmp_path))
    assert main(["predict", str(whole.path)]) == DONE
    monkeypatch.setattr(predict, "finite", interrupted(predict.finite, after=4))
    assert main(["predict", str(broken.path)]) == STOPPED
    assert not broken.scores_file.exists()

    monkeypatch.undo()
    with caplog.at_level("INFO"):
        assert main(["predict", str(broken.path)]) == DONE

    assert "continuing behind row 4 of 7" in caplog.text
    one, two = whole.read_scores(), broken.read_scores()
    for name, column in vars(one).items():
        if column is not None:
            assert np.allclose(column, getattr(two, name), atol=1e-5), name
    assert sorted(path.name for path in broken.path.iterdir()) == [
        *("lock", "progress.json", "request.json", "result.json", "scores.npz")
    ]


def interrupted(work: Callable[..., Any], after: int) -> Callable[..., Any]:
    """`work`, until somebody stops the process."""
    calls = iter(range(after))

    def once_more(*arguments: Any) -> Any:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return work(*arguments)

    return once_more


def columns(row: int) -> Mapping[str, Any]:
    return {
        "embeddings": np.full(4, row),
        "uncertainty": row / 10,
        "class_share": [row, 0.25],
    }


def begun(folder: RunFolder, rows: int, ids: list[int]) -> None:
    """Rows of a process that died while it worked on the next one."""

    def dying() -> Iterator[tuple[int, Mapping[str, Any]]]:
        yield from ((ids[row], columns(row)) for row in range(rows))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ScoreFile(folder, row_dtype(COLUMNS), ids, ORIGIN).write(dying())


def test_rows_become_the_arrays_of_scores(tmp_path: Path) -> None:
    folder, ids = RunFolder(tmp_path), [7, 5, 9]

    ScoreFile(folder, row_dtype(COLUMNS), ids, ORIGIN).write(
        (image_id, columns(row)) for row, image_id in enumerate(ids)
    )

    scores = folder.read_scores()
    assert scores.ids.tolist() == ids
    assert scores.embeddings.dtype == np.float32
    assert scores.embeddings.tolist() == [[0] * 4, [1] * 4, [2] * 4]
    assert scores.uncertainty is not None
    assert scores.uncertainty.tolist() == pytest.approx([0, 0.1, 0.2])
    assert scores.class_share is not None
    assert scores.class_share.tolist() == [[0, 0.25], [1, 0.25], [2, 0.25]]


@pytest.mark.parametrize(
    ("fault", "done"),
    [("none", 3), ("torn", 2), ("flipped", 1), ("origin", 0), ("order", 3), ("header", 0)],
)
def test_only_whole_rows_of_the_same_request_are_kept(
    tmp_path: Path, fault: str, done: int
) -> None:
    folder, ids, kind = RunFolder(tmp_path), [7, 5, 9, 8], row_dtype(COLUMNS)
    begun(folder, 3, ids)
    file = tmp_path / "rows.bin"
    content = bytearray(file.read_bytes())
    if fault == "torn":
        file.write_bytes(content[:-1])
    elif fault == "flipped":
        content[64 + kind.itemsize + 20] ^= 1
        file.write_bytes(content)
    elif fault == "header":
        file.write_bytes(content[:10])
    asked = [7, 9, 5, 8] if fault == "order" else ids
    origin = "1" * 64 if fault == "origin" else ORIGIN

    rows = ScoreFile(folder, kind, asked, origin)

    assert rows.done == done
    rows.write((ids[row], columns(row)) for row in range(done, 4))
    assert folder.read_scores().ids.tolist() == ids
    assert folder.read_scores().embeddings[:, 0].tolist() == [0, 1, 2, 3]


def test_scores_do_not_pile_up_in_memory(tmp_path: Path) -> None:
    kind = row_dtype({"embeddings": (432,)})
    row = {"embeddings": np.ones(432, np.float32)}

    peaks = {}
    for count in (1000, 8000):
        folder = RunFolder(tmp_path / str(count))
        folder.path.mkdir()
        tracemalloc.start()
        ScoreFile(folder, kind, range(count), ORIGIN).write((place, row) for place in range(count))
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert folder.scores_file.stat().st_size > 8000 * 432 * 4
    assert peaks[8000] < peaks[1000] * 1.1

"""Files of SAM that cannot be used are named, with what was got and what was expected."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.clicks.click import Click
from daemon.config.loading import Config
from daemon.config.sections import SmartTool
from daemon.diagnostics.input_checks import sam_model_faults
from daemon.domain.errors import RunFailed
from daemon.runs.checksums import sha256_of
from daemon.runs.click_worker_messages import ClicksRequest, SamFiles
from daemon.runs.records import Failure
from daemon.runs.run_folder import RunFolder
from daemon.sam.sam_graphs import open_sam
from daemon.smart_tool.click_answers import AskedObject
from daemon.smart_tool.opening import _engines
from daemon.smart_tool.usual_areas import usual_areas_px
from daemon.smart_tool.wanted_sam import wanted_sam
from tests.fakes.labeled_store import CLASSES, labeled_store
from tests.fakes.labels import image
from tests.fakes.sam_models import sam_files


def config_of(home: Path, files: SamFiles, **changes: Any) -> Config:
    named = {
        "enabled": True,
        "engine": "sam",
        "sam_encoder": str(files.encoder.relative_to(home)),
        "sam_decoder": str(files.decoder),
        "sam_encoder_sha256": files.encoder_sha256,
        "sam_decoder_sha256": files.decoder_sha256,
    }
    return Config(home=home, smart_tool=SmartTool(**{**named, **changes}))


def test_good_files_have_no_fault(tmp_path: Path) -> None:
    assert sam_model_faults(config_of(tmp_path, sam_files(tmp_path))) == []


def test_without_files_there_is_nothing_to_check(tmp_path: Path) -> None:
    assert sam_model_faults(Config(home=tmp_path, smart_tool=SmartTool(enabled=True))) == []


def test_another_checksum_is_a_fault_and_the_walks_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = sam_files(tmp_path)
    config = config_of(tmp_path, files, sam_encoder_sha256="a" * 64)

    (fault,) = sam_model_faults(config)
    with caplog.at_level(logging.WARNING), _engines(config) as engines:
        found = engines.find(
            AskedObject(
                image=image("a"),
                picture=np.zeros((9, 9, 3), np.uint8),
                clicks=(Click(x=5, y=6),),
                prior=None,
            )
        )

    assert f"expected {'a' * 64}" in fault
    assert files.encoder_sha256 in fault
    assert (found.engine, found.fell_back) == ("colour_walk", False)
    assert "the engine sam is off" in caplog.text
    assert fault in caplog.text


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    config = config_of(tmp_path, sam_files(tmp_path))
    (tmp_path / "decoder.onnx").unlink()

    (fault,) = sam_model_faults(config)

    assert "decoder.onnx: cannot be read (No such file or directory)" in fault


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channels": 128}, "got the output image_embeddings of 1 x 128 x 64 x 64; expected 1 x 2"),
        ({"image": [684, 1024, 3]}, "got the input input_image of 684 x 1024 x 3"),
        ({"image": ["height", "width", 4]}, "expected any x any x 3"),
        ({"points": 2}, "got the input point_coords of 1 x 2 x 2"),
        ({"masks": 2}, "got 2 masks; expected 1, 3 or 4"),
    ],
)
def test_another_layout_is_refused_in_words(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    files = sam_files(tmp_path, **changes)

    with pytest.raises(RunFailed) as caught:
        open_sam(files, threads=1)

    assert words in str(caught.value)
    assert sam_model_faults(config_of(tmp_path, files)) == [f"[smart_tool] {caught.value}"]


def test_swapped_files_are_refused_by_the_names_of_their_inputs(tmp_path: Path) -> None:
    good = sam_files(tmp_path)
    swapped = SamFiles(
        encoder=good.decoder,
        decoder=good.encoder,
        encoder_sha256=good.decoder_sha256,
        decoder_sha256=good.encoder_sha256,
    )

    with pytest.raises(RunFailed, match="got the inputs image_embeddings, point_coords"):
        open_sam(swapped, threads=1)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    good = sam_files(tmp_path)
    good.encoder.write_bytes(b"no model")

    (fault,) = sam_model_faults(config_of(tmp_path, _with_true_checksums(good)))

    assert "onnxruntime cannot load it" in fault


def _with_true_checksums(files: SamFiles) -> SamFiles:
    return files.model_copy(
        update={
            "encoder_sha256": sha256_of(files.encoder),
            "decoder_sha256": sha256_of(files.decoder),
        }
    )


def test_without_onnxruntime_one_line_says_what_to_install(tmp_path: Path) -> None:
    files = sam_files(tmp_path)
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from daemon.runs.click_worker_messages import SamFiles\n"
        "from daemon.sam.sam_files import sam_file_faults\n"
        f"print(sam_file_faults(SamFiles.model_validate_json({files.model_dump_json()!r})))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.count("pip install 'maskloop[export]'") == 1
    assert "sam_encoder" not in done.stdout


@pytest.mark.parametrize(
    "named",
    [
        {"engine": "sam"},
        {"sam_encoder": "encoder.onnx"},
        {"sam_encoder": "e", "sam_decoder": "d", "sam_encoder_sha256": "a" * 64},
        {"sam_encoder_sha256": "xyz"},
    ],
)
def test_files_are_named_whole_or_not_at_all(named: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="sam_"):
        SmartTool(**named)


def test_refused_files_are_wanted_no_more_until_the_next_start(tmp_path: Path) -> None:
    files, folder = sam_files(tmp_path), RunFolder(tmp_path / "run")
    folder.path.mkdir()
    config = config_of(tmp_path, files)
    wanted = wanted_sam(config, files, folder)
    assert isinstance(wanted(), ClicksRequest)

    for kind, is_wanted in (("memory", True), ("request", False)):
        folder.error_file.write_text(Failure(kind=kind, message="why").model_dump_json())
        assert (wanted() is not None) == is_wanted

    assert wanted_sam(config, files, folder)() is not None


def test_without_labels_no_usual_area_is_known(tmp_path: Path) -> None:
    assert usual_areas_px(tmp_path, ("soil", "crop")) == {}


def test_usual_areas_are_medians_of_what_people_labeled(tmp_path: Path) -> None:
    masks = {}
    for number, side in enumerate((8, 9, 10, 11, 30)):  # 64, 81, 100, 121, 900 pixels
        mask = np.zeros((40, 60), np.uint8)
        mask[:side, :side] = 1
        mask[35:38, 50:53] = 1  # 9 pixels: no object
        mask[:20, 40:50] = 2 if number < 4 else 0  # 4 objects are too few
        masks[f"image {number}"] = mask
    path = labeled_store(tmp_path, masks)

    assert usual_areas_px(path.parent, CLASSES) == {"crop": 100.0}

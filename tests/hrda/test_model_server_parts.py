"""The parts of the model server: the token, the queue, the model's files, the process."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from daemon.domain.errors import ConfigError, RunFailed
from daemon.hrda.serve.bearer_token import token_of
from daemon.hrda.serve.engine import load_engine
from daemon.hrda.serve.work_queue import QueueFull, Stopping, TooLate, WorkQueue
from daemon.hrda.training.checkpoint import write_checkpoint
from daemon.runs.model_requests import SERVE_TOKEN
from tests.hrda.tiny import CLASSES, field, segmentor

TOKEN = "a token of many letters"


@pytest.mark.parametrize(
    ("environment", "host"), [({}, "0.0.0.0"), ({SERVE_TOKEN: "short"}, "127.0.0.1")]
)
def test_other_machines_need_a_token_that_is_none_to_guess(
    environment: dict[str, str], host: str
) -> None:
    with pytest.raises(ConfigError, match=SERVE_TOKEN):
        token_of(environment, host)
    assert token_of({SERVE_TOKEN: TOKEN}, "0.0.0.0") == TOKEN


def test_the_queue_is_bounded_in_number_and_in_time() -> None:
    gate, work = threading.Event(), WorkQueue(1)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(work.run, gate.wait, 100)
        second = pool.submit(work.run, lambda: "second", 100)
        while work.count < 2:
            time.sleep(0.01)

        with pytest.raises(QueueFull):
            work.run(lambda: None, 100)
        gate.set()
        assert (first.result(), second.result()) == (True, "second")
        gate.clear()
        third = pool.submit(work.run, gate.wait, 100)
        while work.count < 1:
            time.sleep(0.01)
        begun = []
        with pytest.raises(TooLate):
            work.run(lambda: begun.append(1), 0.05)
        gate.set()
        assert third.result() is True
    assert work.stop(10)
    assert begun == []  # nobody waited for it any more
    with pytest.raises(Stopping):
        work.run(lambda: None, 1)


@pytest.mark.long
def test_serve_is_a_process_that_ends_well_at_sigterm(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pth"
    write_checkpoint(checkpoint, segmentor(), CLASSES)
    picture = io.BytesIO()
    Image.fromarray(field(np.random.default_rng(0))[0]).save(picture, format="PNG")
    command = [sys.executable, "-m", "daemon.cli", "serve", str(checkpoint), "--port", "0"]
    environment = os.environ | {SERVE_TOKEN: TOKEN}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([*command, "--threads", "1"], stderr=log, env=environment)
        try:
            address = address_in(tmp_path / "log", process)
            refused = httpx.get(f"{address}/v1/model", timeout=100)
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "image/png"}
            answer = httpx.post(
                f"{address}/v1/predict", content=picture.getvalue(), headers=headers, timeout=100
            )
        finally:
            process.terminate()
            code = process.wait(240)

    assert (refused.status_code, answer.status_code, code) == (401, 200, 0)
    assert TOKEN not in (tmp_path / "log").read_text()


def address_in(log: Path, process: subprocess.Popen[bytes]) -> str:
    """The address that the process prints once it listens."""
    while process.poll() is None:
        if found := re.search(r"http://[^/ ]+", log.read_text()):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pth").write_bytes(b"no model")
    for path in (tmp_path / "checkpoint.pth", tmp_path, tmp_path / "absent.pth"):
        with pytest.raises(RunFailed, match=r"cannot be read"):
            load_engine(path, device="cpu", threads=1)


def test_an_export_whose_weights_were_exchanged_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pth"
    write_checkpoint(checkpoint, segmentor(), CLASSES)
    card = load_engine(checkpoint, device="cpu", threads=1).card
    (tmp_path / "model.json").write_text(card.model_dump_json())
    checkpoint.write_bytes(b"other weights")

    with pytest.raises(RunFailed, match="it is another file or damaged"):
        load_engine(tmp_path, device="cpu", threads=1)

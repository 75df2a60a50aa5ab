"""The worker child: one question a line, one answer a line, whatever is asked."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from daemon.clicks.click import Click, ClickQuestion, PriorMap
from daemon.clicks.click_replay import ClickSource, ReplayedClicks
from daemon.domain.clock import steady_s
from daemon.hrda.click_net.click_checkpoint import ClickModel, read_click_model, write_click_model
from daemon.hrda.click_net.click_network import ENCODER, ClickNetwork
from daemon.hrda.click_net.click_worker import AnsweringWorker, KeptPictures, answer_all
from daemon.runs import click_worker_messages as wire
from daemon.runs.parent_death import PARENT_STDIN
from daemon.runs.prior_maps import write_prior
from daemon.runs.run_folder import RunFolder
from daemon.smart_tool.click_worker_process import ClickWorkerProcess, NoAnswerError
from tests.hrda.tiny import CLASSES, field


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clicks") / "checkpoint.pth"
    torch.manual_seed(0)
    model = ClickModel(
        net=ClickNetwork(),
        encoder=ENCODER,
        first_px=48,
        px=64,
        classes=CLASSES,
        learned=frozenset({"a" * 64}),
        knows_prior=True,
    )
    write_click_model(path, model)
    return path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "field.png"
    Image.fromarray(field(np.random.default_rng(0))[0]).save(path)
    return path


def question(image: Path, clicks: list[tuple[int, int, bool]], **changes: Any) -> bytes:
    asked = wire.WorkerQuestion(id="q", image=image, clicks=tuple(clicks))
    return wire.line_of(asked.model_copy(update=changes))


def answering(checkpoint: Path) -> AnsweringWorker:
    return AnsweringWorker(read_click_model(checkpoint).engine(torch.device("cpu")))


def test_answers_are_those_of_the_engine_whatever_was_asked_before(
    checkpoint: Path, image: Path
) -> None:
    worker, clicks = answering(checkpoint), [(40, 40, True), (60, 20, False), (42, 50, True)]
    engine = read_click_model(checkpoint).engine(torch.device("cpu"))
    asked = ClickQuestion(
        image=np.asarray(Image.open(image)),
        clicks=tuple(Click(x=x, y=y, positive=sign) for x, y, sign in clicks),
    )
    expected = ReplayedClicks().answer(engine, ClickSource(image="x"), asked).probability

    for _ in range(2):
        found = worker.answer(question(image, clicks))
        worker.answer(question(image, clicks[:1]))

        assert isinstance(found, wire.WorkerAnswer)
        np.testing.assert_allclose(
            found.object_probability().values, expected.values, atol=0.5 / 255 + 1e-6
        )


def test_the_prior_is_used_and_a_replaced_image_is_read_again(
    checkpoint: Path, image: Path, tmp_path: Path
) -> None:
    worker, clicks = answering(checkpoint), [(40, 40, True)]
    write_prior(tmp_path / "prior.png", PriorMap(values=np.full((24, 24), 255, np.uint8), stride=4))
    without = worker.answer(question(image, clicks))
    known = worker.answer(question(image, clicks, prior=tmp_path / "prior.png"))
    Image.fromarray(field(np.random.default_rng(7))[0]).save(image)
    replaced = worker.answer(question(image, clicks))

    answers = [without, known, replaced]
    assert all(isinstance(one, wire.WorkerAnswer) for one in answers)
    assert len({one.probability for one in answers if isinstance(one, wire.WorkerAnswer)}) == 3


def test_what_cannot_be_answered_gives_an_error_and_the_next_question_is_answered(
    checkpoint: Path, image: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(image.read_bytes()[:200])
    lines = [
        b"\xff\xfe{\n",
        b"x" * (wire.MAX_QUESTION_BYTES + 5) + b"\n",
        question(tmp_path / "missing.png", [(1, 1, True)]),
        question(broken, [(1, 1, True)]),
        question(image, [(96, 1, True)]),
        question(image, [(1, 1, False)]),
        question(image, [(1, 1, True)], prior=image),
        question(image, [(1, 1, True)]),
    ]
    out = io.BytesIO()

    answer_all(io.BytesIO(b"".join(lines)), out, answering(checkpoint))

    ready, *answers = [wire.read_answer(line) for line in out.getvalue().splitlines(keepends=True)]
    assert ready == wire.WorkerReady(ready="click_net")
    assert [type(one) for one in answers] == [wire.WorkerError] * 7 + [wire.WorkerAnswer]
    errors = [one.error for one in answers if isinstance(one, wire.WorkerError)]
    assert "missing.png" in errors[2]
    assert "outside of the image of 96 x 96" in errors[4]
    assert errors[5] == "no positive click"


def test_pictures_are_kept_within_a_bound(tmp_path: Path) -> None:
    for name in "abc":
        Image.new("RGB", (10, 10)).save(tmp_path / f"{name}.png")
    kept = KeptPictures(most_bytes=700)

    first = kept.picture(tmp_path / "a.png")
    assert kept.picture(tmp_path / "a.png") is first
    for name in "bcb":
        kept.picture(tmp_path / f"{name}.png")

    assert kept.picture(tmp_path / "a.png") is not first


def test_the_process_answers_by_lines_and_ends_with_its_input(
    checkpoint: Path, image: Path, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    run.write_request(
        wire.ClicksRequest(checkpoint=checkpoint, classes=CLASSES, device="cpu", threads=1)
    )
    command = [sys.executable, "-m", "daemon.hrda", "clicks", str(run.path)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, PARENT_STDIN: "1"},
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        ready = wire.read_answer(child.stdout.readline())
        child.stdin.write(question(image, [(40, 40, True)]))
        child.stdin.flush()
        answer = wire.read_answer(child.stdout.readline())
        child.stdin.close()
        code = child.wait(240)

    assert isinstance(ready, wire.WorkerReady)
    assert isinstance(answer, wire.WorkerAnswer)
    assert code == 0


@pytest.mark.long
def test_the_web_process_is_answered_and_a_killed_worker_is_replaced(
    checkpoint: Path, image: Path, tmp_path: Path
) -> None:
    wanted = wire.ClicksRequest(checkpoint=checkpoint, classes=CLASSES, device="cpu", threads=1)
    asked = wire.WorkerQuestion(id="", image=image, clicks=((40, 40, True),))
    made = ClickWorkerProcess(lambda: wanted, RunFolder(tmp_path / "run"), steady_s)

    with closing(made):
        first = patient_answer(made, asked)
        worker = RunFolder(tmp_path / "run").holder()
        assert worker
        os.kill(worker, signal.SIGKILL)
        second = patient_answer(made, asked)

    assert first.probability == second.probability


def patient_answer(made: ClickWorkerProcess, asked: wire.WorkerQuestion) -> wire.WorkerAnswer:
    """The answer, once a worker is ready."""
    for _ in range(2400):
        try:
            return made.ask(asked, deadline_s=10)
        except NoAnswerError:
            time.sleep(0.1)
    raise AssertionError("no worker got ready")


@pytest.mark.long
def test_memory_stays_flat_over_many_clicks(checkpoint: Path, image: Path) -> None:
    worker, rng = answering(checkpoint), np.random.default_rng(0)

    def ask(count: int) -> None:
        for x, y in rng.integers(0, 96, (count, 2)).tolist():
            assert isinstance(worker.answer(question(image, [(x, y, True)])), wire.WorkerAnswer)

    ask(300)
    before = resident_bytes()
    ask(2000)

    assert resident_bytes() - before < 20 * 2**20


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

"""The contract of a launcher (daemon/launchers), run with every one in LAUNCHERS."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from daemon.domain.errors import RunFailed
from daemon.experiment.simulation.probe import ProbeLauncher
from daemon.launchers import Launcher
from daemon.launchers.local import LocalLauncher
from daemon.runs.run_folder import EmbedRequest, ImageFile, LabeledFile, RunFolder, TrainRequest
from tests.contract.example_launcher import ShellLauncher

LEARNER = "tests.fakes.learner"
LAUNCHERS: dict[str, Callable[[str], Launcher]] = {
    "local": lambda module: LocalLauncher(module=module),
    "example": lambda module: ShellLauncher(f"{sys.executable} -m {module} {{command}} {{folder}}"),
    "probe": lambda module: ProbeLauncher(Path(module), module="tests.contract.served_learner"),
}


@pytest.fixture(params=sorted(LAUNCHERS))
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Launcher]]:
    """Makes launchers of one kind; all are stopped at the end."""
    made: list[Launcher] = []

    def launcher(module: str = LEARNER) -> Launcher:
        made.append(LAUNCHERS[request.param](module))
        return made[-1]

    yield launcher
    for one in made:
        one.stop()


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run that has to train on one image."""
    picture = tmp_path / "1.png"
    Image.new("L", (4, 4)).save(picture)
    run = RunFolder(tmp_path / "run")
    labeled = (LabeledFile(id=1, image=picture, mask=picture),)
    run.write_request(TrainRequest(classes=("a", "b"), labeled=labeled))
    return run


def until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not ready():
        assert time.monotonic() < deadline, "it did not happen within 120 s"
        time.sleep(0.02)


def ends(launcher: Launcher, run: RunFolder, command: str = "train") -> None:
    until(lambda: launcher.advance(run, command))


def test_a_run_is_started_then_found_finished(
    make: Callable[..., Launcher], tmp_path: Path
) -> None:
    picture = tmp_path / "1.png"
    Image.new("L", (4, 4)).save(picture)
    run = RunFolder(tmp_path / "run")
    run.write_request(EmbedRequest(classes=("a", "b"), images=(ImageFile(id=1, image=picture),)))
    launcher = make()

    assert not launcher.advance(run, "embed")
    ends(launcher, run, "embed")

    assert run.read_scores().ids.tolist() == [1]


def test_a_finished_run_is_not_started_again(make: Callable[..., Launcher], run: RunFolder) -> None:
    run.result_file.write_text("{}")

    assert make("no.such.module").advance(run, "train")


def test_a_process_without_a_result_is_a_failure_once_with_its_last_words(
    make: Callable[..., Launcher], run: RunFolder
) -> None:
    launcher = make("no_such_module")
    launcher.advance(run, "train")

    with pytest.raises(RunFailed, match=r"exited with 1: .*no_such_module"):
        ends(launcher, run)

    assert not launcher.advance(run, "train")  # starts it again


def test_a_failure_in_words_comes_with_the_error(
    make: Callable[..., Launcher], run: RunFolder, tmp_path: Path
) -> None:
    other = RunFolder(tmp_path / "other")
    request = run.read_request(TrainRequest)
    other.write_request(request.model_copy(update={"settings": {"fail": "too hot"}}))
    launcher = make()
    launcher.advance(other, "train")

    with pytest.raises(RunFailed, match="too hot"):
        ends(launcher, other)


def test_advance_never_waits(
    make: Callable[..., Launcher], run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "600")
    launcher = make()
    launcher.advance(run, "train")
    until(run.progress_file.exists)

    for _ in range(20):
        assert not launcher.advance(run, "train")  # one that waited would find the run finished


def test_a_run_that_works_lets_go_when_asked_and_starts_again(
    make: Callable[..., Launcher], run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "600")
    launcher = make()
    launcher.advance(run, "train")
    until(lambda: run.holder() is not None)

    until(lambda: launcher.release(run))
    assert run.holder() is None
    assert launcher.release(run)

    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "0")
    ends(launcher, run)


def test_stop_leaves_no_process_behind(
    make: Callable[..., Launcher], run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "600")
    launcher = make()
    launcher.advance(run, "train")
    until(lambda: run.holder() is not None)

    launcher.stop()

    assert run.holder() is None


def test_a_run_that_another_process_holds_is_not_started_twice(
    make: Callable[..., Launcher], run: RunFolder
) -> None:
    code = (
        "import sys, time; from pathlib import Path; from daemon.runs.run_folder import RunFolder\n"
        f"with RunFolder(Path({str(run.path)!r})).locked():\n    print(flush=True)\n"
        "    sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        launcher = make("no_such_module")

        assert not launcher.advance(run, "train")
        assert not run.log.exists()  # nothing was started
        holder.communicate()


def test_no_secret_reaches_the_process(
    make: Callable[..., Launcher], run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "hidden-token")
    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "600")
    launcher = make()
    launcher.advance(run, "train")
    until(lambda: bool(run.holder()))

    environment = Path(f"/proc/{run.holder()}/environ").read_bytes()

    assert environment
    assert b"hidden-token" not in environment

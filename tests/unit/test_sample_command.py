"""`maskloop sample` on a folder of small images, with the quick learner's embeddings."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from daemon.cli.commands import main
from daemon.domain.errors import ExperimentRefused
from daemon.experiment.sampling.sample_command import run_sample
from daemon.experiment.sampling.sample_options import add_options, read_options
from daemon.runs.run_folder import EmbedRequest, RunFolder
from tests.fakes import learner


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """Twelve colours, one of them twice, and a file that is no picture."""
    folder = tmp_path / "field"
    folder.mkdir()
    colours = np.random.default_rng(0).integers(0, 255, (12, 3), np.uint8)
    for row, colour in enumerate([*colours, colours[0]]):
        Image.fromarray(np.full((8, 8, 3), colour)).save(folder / f"f{row:02}.png")
    picture = (folder / "f03.png").read_bytes()
    (folder / "torn.png").write_bytes(picture[:45])
    return folder


class Runs:
    """Embeds by the quick learner, and counts what it embedded."""

    def __init__(self) -> None:
        self.embedded: list[int] = []

    def __call__(self, run: RunFolder) -> None:
        self.embedded.append(len(run.read_request(EmbedRequest).images))
        learner.embed(run)


def sample(field: Path, *words: str, runs: Runs | None = None, out: str = "first.txt") -> str:
    """What the command prints."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    places = ["--images", str(field), "--out", str(field.parent / out)]
    options = read_options(parser.parse_args([*places, "--n", "4", *words]))
    with (field.parent / "printed.txt").open("w+") as file:
        console = Console(file=file, width=500)
        assert run_sample(options, console, Console(file=file), runs or Runs()) == 0
        file.seek(0)
        return file.read()


def test_ids_map_and_page_are_written_and_a_bad_file_is_named(field: Path) -> None:
    printed = sample(field, "--similarity", "0.99999")

    ids = (field.parent / "first.txt").read_text().split()
    assert len(set(ids)) == 4
    assert all((field / f"{name}.png").is_file() for name in ids)
    assert "left out: " in printed
    assert "torn.png" in printed
    assert "13 images: 15 % look like another one" in printed
    page = (field.parent / "first.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 4
    assert "src=" in page
    assert "http" not in page
    with Image.open(field.parent / "first-map.png") as drawn:
        assert drawn.width > 500


def test_a_second_call_embeds_only_what_is_new(field: Path) -> None:
    runs = Runs()
    sample(field, runs=runs)
    sample(field, "--by", "random", runs=runs, out="second.txt")
    assert runs.embedded == [14]

    Image.new("RGB", (8, 8), "red").save(field / "new.png")
    printed = sample(field, "--n", "14", runs=runs, out="third.txt")

    assert runs.embedded == [14, 1]
    assert "new" in (field.parent / "third.txt").read_text().split()
    assert "fewer images are distinct than were asked for" in printed


def test_an_unfinished_run_is_resumed(field: Path) -> None:
    def killed(run: RunFolder) -> None:
        raise KeyboardInterrupt

    runs = Runs()
    with (field.parent / "log.txt").open("w") as file:
        parser = argparse.ArgumentParser()
        add_options(parser)
        words = ["--images", str(field), "--n", "4", "--out", str(field.parent / "first.txt")]
        console = Console(file=file)
        assert run_sample(read_options(parser.parse_args(words)), console, console, killed) == 130
    sample(field, runs=runs)

    assert runs.embedded == [14]
    assert len(list((field.parent / "field.embeddings").glob("*-embed"))) == 1


def test_names_of_images_are_text_on_the_page(field: Path) -> None:
    Image.new("RGB", (8, 8), "red").save(field / "<b>&amp;.png")

    sample(field, "--n", "14")

    assert "&lt;b&gt;&amp;amp;" in (field.parent / "first.html").read_text()


def test_too_many_images_are_refused_with_the_number_there_is(field: Path) -> None:
    (field.parent / "tested.txt").write_text("f01\nf02\n")

    words = ("--n", "30", "--similarity", "0.99999", "--exclude", str(field.parent / "tested.txt"))

    with pytest.raises(ExperimentRefused, match=r"--n 30: expected 1 to 11, .* of 14 images"):
        sample(field, *words)
    assert not (field.parent / "first.txt").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--n", "0"], "--n 0: expected at least 1"),
        (["--out", "first.json"], "expected a text file"),
        (["--out", "{field}/first.txt"], "lies among the images"),
        (["--similarity", "nan"], "--similarity nan: expected"),
        (["--group-by", "video"], "has no group"),
        (["--preset", "huge"], "--preset"),
        (["--images", "nowhere"], "no such folder"),
        (["--exclude", "nowhere.txt"], "nowhere.txt: cannot be read"),
    ],
)
def test_wrong_options_are_refused_in_words(
    words: list[str], said: str, field: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["sample", "--images", str(field), "--n", "4", "--out", str(field.parent / "first.txt")]

    assert main([*line, *(word.format(field=field) for word in words)]) == 1
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.long
def test_real_embeddings_and_a_real_map(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "field").mkdir()
    for row in range(34):
        pixels = rng.integers(0, 255, (8, 8, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
        Image.fromarray(pixels).save(tmp_path / f"field/f{row:02}.png")
    words = ["--images", str(tmp_path / "field"), "--n", "5", "--by", "kmeans", "--threads", "1"]

    assert main(["sample", *words, "--out", str(tmp_path / "first.txt")]) == 0

    assert len((tmp_path / "first.txt").read_text().split()) == 5
    (drawn,) = (tmp_path / "field.embeddings").glob("map-*.npy")
    assert np.load(drawn).shape == (34, 2)
    assert "UMAP" in (tmp_path / "first.html").read_text()

"""The files of a simulation's report."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.cli.commands import main
from daemon.experiment.simulation.comparison import compare
from daemon.experiment.simulation.comparison_page import report_page
from daemon.experiment.simulation.comparison_table import markdown
from daemon.experiment.simulation.report import write_report
from daemon.experiment.simulation.simulated_runs import Simulation
from tests.fakes.simulations import simulation

HOSTILE = "<script>alert(1)</script>$x_{|\ud800\n\u202e`*[a](b)"


class Tags(HTMLParser):
    """Counts the elements of a page and keeps the addresses that it names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def report_of(found: Simulation, folder: Path) -> dict[str, str]:
    write_report(found, folder)
    return {
        path.name: path.read_text("utf-8") for path in folder.iterdir() if path.suffix != ".png"
    }


def test_a_report_is_a_table_a_page_and_a_plot(tmp_path: Path) -> None:
    files = report_of(simulation({"random": 0.0, "auto": 0.03}), tmp_path)

    assert set(files) == {"table.md", "report.html", "curve.svg"}
    with Image.open(tmp_path / "curve.png") as plot:
        assert plot.width > 900
        assert plot.convert("L").getextrema() == (0, 255)
    page = Tags(files["report.html"])
    assert page.addresses == []  # no request to anywhere
    assert {"script", "link", "img"} & set(page.tags) == set()
    assert page.tags.count("polyline") == 2 * 6 + 2  # seeds and means
    for text in (files["table.md"], files["report.html"]):
        assert "auto is better than random" in text
        assert "What this does not show" in text


def test_hostile_names_are_shown_as_text(tmp_path: Path) -> None:
    study = simulation({"random": 0.0, HOSTILE: 0.03}, seeds=range(3), replicates=0)
    request = {**study.request, "images": HOSTILE, "preset": HOSTILE, "versions": {"commit": "<b>"}}
    full = tuple(point.model_copy(update={"method": HOSTILE}) for point in study.full)

    files = report_of(study.model_copy(update={"request": request, "full": full}), tmp_path)

    assert {"script", "b"} & set(Tags(files["report.html"]).tags) == set()
    assert "&lt;script&gt;" in files["report.html"]
    assert "<script" not in files["curve.svg"]
    assert "<script" not in files["table.md"].replace("\\<", "")
    rows = [line for line in files["table.md"].splitlines() if line.startswith("|")]
    columns = {len(re.findall(r"(?<!\\)\|", row)) for row in rows[:4]}
    assert len(columns) == 1  # a bar in a name makes no column


@pytest.mark.parametrize("points", [0, 1])
def test_a_simulation_that_has_just_begun_has_a_report(points: int, tmp_path: Path) -> None:
    study = simulation({"random": 0.0, "auto": 0.03}, seeds=[0], replicates=0, full=False)
    runs = tuple(
        run.model_copy(update={"points": run.points[:points]}) for run in study.runs[: 2 * points]
    )

    files = report_of(study.model_copy(update={"runs": runs, "complete": False}), tmp_path)

    assert set(files) == {"table.md", "report.html"}
    assert "The simulation is not finished." in files["report.html"]


def test_the_same_simulation_gives_the_same_page_and_table() -> None:
    study = simulation({"random": 0.0, "auto": 0.03}, seeds=range(3), replicates=0)
    first, second = (compare(study, np.random.default_rng(0)) for _ in range(2))

    assert report_page(study, first) == report_page(study, second)
    assert markdown(study, first) == markdown(study, second)


def test_the_table_says_how_well_two_simulations_rank_the_arms_alike() -> None:
    study = simulation({"random": 0.0, "auto": 0.05, "badge": 0.03, "kcenter": 0.015})
    other = simulation({"random": 0.0, "auto": 0.05, "badge": 0.07, "kcenter": 0.015})

    table = markdown(study, compare(study, np.random.default_rng(0), other))

    assert "Kendall's tau 0.67 over 4 arms" in table


def test_two_arms_have_no_order_to_compare() -> None:
    study = simulation({"random": 0.0, "auto": 0.05}, seeds=range(3), replicates=0)

    table = markdown(study, compare(study, np.random.default_rng(0), study))

    assert "fewer than three arms in both" in table


def test_a_reference_takes_results_to_compare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "--out", str(tmp_path), "--reference", str(tmp_path)]) == 1

    assert "expected --report with it" in capsys.readouterr().err


@pytest.mark.long
def test_the_command_compares_with_another_simulation(tmp_path: Path) -> None:
    leads = {"random": 0.0, "auto": 0.05, "badge": 0.03, "kcenter": 0.015}
    for name in ("probe", "hrda"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(simulation(leads).model_dump_json())
    words = ("--out", str(tmp_path / "probe"), "--reference", str(tmp_path / "hrda"))

    assert main(["simulate", *words, "--report"]) == 0

    assert "Kendall's tau 1.00 over 4 arms" in (tmp_path / "probe/table.md").read_text()


def test_seeds_that_were_run_elsewhere_are_joined_into_one_report(tmp_path: Path) -> None:
    for name, seeds, commit in (("here", (0, 1, 2), "a"), ("there", (7, 8, 9), "b")):
        found = simulation({"random": 0.0, "auto": 0.03}, seeds=seeds)
        request = {**found.request, "versions": {"commit": commit}, "images": f"/{name}/images"}
        (tmp_path / name).mkdir()
        text = found.model_copy(update={"request": request}).model_dump_json()
        (tmp_path / name / "results.json").write_text(text)

    command = ["simulate", "--report", "--out", str(tmp_path / "here"), "--add"]
    assert main([*command, str(tmp_path / "there" / "results.json")]) == 0

    report = (tmp_path / "here" / "report.html").read_text("utf-8")
    assert Tags(report).tags.count("polyline") == 2 * 6 + 2  # six seeds of two arms, two means
    assert "commit a, b" in report
    kept = Simulation.model_validate_json((tmp_path / "here" / "results.json").read_bytes())
    assert kept.request["seeds"] == [0, 1, 2]  # the results themselves stay as they were


def test_another_simulation_is_not_joined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, cycles in (("here", (16, 32)), ("there", (16, 32, 48))):
        (tmp_path / name).mkdir()
        found = simulation({"random": 0.0}, counts=cycles)
        (tmp_path / name / "results.json").write_text(found.model_dump_json())

    command = ["simulate", "--report", "--out", str(tmp_path / "here"), "--add"]
    assert main([*command, str(tmp_path / "there")]) != 0
    assert "differs in cycles" in capsys.readouterr().err

"""The house itself: sizes, names, import weight, documents that match the code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("daemon", "strategies", "connectors")
HEAVY = ("torch", "mmengine", "mmseg", "mmcv", "label_studio_sdk", "sklearn", "umap", "plotly")
BANNED = re.compile(r"utils|helpers?|managers?|misc")
# Room -> file that must exist; the table of daemon/README.md names more.
TOP_LEVEL = {
    *("daemon", "strategies", "connectors", "tests", ".ci", ".git", ".gitignore"),
    *("config.toml", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"),
    *("Makefile", "constraints.txt"),
}


def sources() -> list[Path]:
    return [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            yield node


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_owns_our_package_names(name: str) -> None:
    # `pip install python-daemon` puts another `daemon` first on the path.
    assert set(packages_distributions().get(name, ["maskloop"])) == {"maskloop"}


def test_every_file_can_be_read_in_one_sitting() -> None:
    paths = [*sources(), *sorted((ROOT / "tests").rglob("*.py"))]

    long = {
        str(p.relative_to(ROOT)): n for p in paths if (n := len(p.read_text().splitlines())) > 300
    }

    assert long == {}


def test_every_function_fits_on_a_screen() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.name}": size
        for path in sources()
        for node in functions(path)
        if (size := (node.end_lineno or 0) - node.lineno + 1) > 40
    }

    assert long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [str(path) for path in sources() if BANNED.fullmatch(path.stem)] == []


def test_no_input_is_checked_with_assert() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert)
    ]

    assert found == []


@pytest.mark.parametrize(
    "module", ["daemon.loop.service", "daemon.status.snapshot", "daemon.cli.commands"]
)
def test_the_daemon_starts_without_the_deep_learning_stack(module: str) -> None:
    code = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_top_level_holds_what_it_should_and_nothing_else() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert {line.split("/")[0] for line in listed.stdout.splitlines()} - TOP_LEVEL == set()


@pytest.mark.parametrize(
    "room", ["daemon", "daemon/hrda", "daemon/demo", "daemon/experiment", "daemon/web"]
)
def test_every_room_says_how_it_works(room: str) -> None:
    assert (ROOT / room / "README.md").is_file()


def test_every_path_in_the_feature_table_exists() -> None:
    rows = re.findall(r"^\|[^|]+\|(.+)\|$", (ROOT / "daemon/README.md").read_text(), re.MULTILINE)
    paths = re.findall(r"`([\w./-]+\.(?:py|toml|md))`", "\n".join(rows))

    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_headless_opencv_is_the_one_in_place() -> None:
    code = "import cv2, re; print(re.search(r'GUI:\\s+(\\w+)', cv2.getBuildInformation()).group(1))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "NONE", "run `make setup`"

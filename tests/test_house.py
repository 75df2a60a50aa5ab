"""The house itself: sizes, names, import weight, documents that match the code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("daemon", "strategies", "connectors")
HEAVY = ("torch", "mmengine", "mmseg", "mmcv", "label_studio_sdk", "sklearn", "umap")
HEAVY += ("numba", "llvmlite")
MIGRATION = re.compile(r"m\d{3}_")
BANNED = re.compile(r"utils|helpers?|managers?|misc")
# Words that only we would understand, each with the term of the field that says it.
PRIVATE_WORDS = {
    "again": "reask, retry",
    "ahead": "prefetch, queue",
    "anew": "reask, restart",
    "bears": "fits, limit",
    "begun": "provenance, source prediction",
    "described": "diagnostics, description",
    "heap": "cluster, group",
    "heaps": "clusters, groups",
    "law": "weights, schedule",
    "meet": "reduce",
    "shown": "source, visible, display",
    "signs": "progress",
    "sparing": "lazy imports",
    "sureness": "confidence, calibration",
    "taught": "train, pseudo-label",
    "telling": "informative",
    "tidying": "postprocess",
    "told": "reported, given",
    "wiring": "label config",
}
WHOLE_NAMES = {"shown"}  # private as a name of its own; `shown_in_browser` is plain
# A file name that stands in several rooms, where it means one thing; why, and the rooms.
ONE_MEANING = {
    # what a room of commands holds
    "command": ("the command of this room", "daemon/demo daemon/experiment"),
    "options": ("the options of this room's command", "daemon/cli daemon/demo daemon/experiment"),
    "report": (
        "what this room's command says",
        "daemon/demo daemon/experiment daemon/experiment/simulation",
    ),
    "settings": ("the settings of this room", "daemon/demo daemon/hrda"),
    # a noun of the loop: its type or rules, its rows, its stage, its figures
    "commands": (
        "what people ask for: of the loop, of the program",
        "daemon/cli daemon/domain daemon/store",
    ),
    "classes": ("the classes of masks", "daemon/stages daemon/store"),
    "curve": ("the learning curve: its figures, its page", "daemon/insight daemon/web/pages"),
    "corrections": (
        "how much of a prediction people changed",
        "daemon/domain daemon/insight daemon/stages daemon/store",
    ),
    "cycle_summary": ("what is said of a cycle", "daemon/stages daemon/store"),
    "duplicate_labels": ("images that two people labeled", "daemon/stages daemon/store"),
    "evaluations": ("how good a model is", "daemon/domain daemon/store"),
    "identity": ("which image is which", "daemon/stages daemon/store"),
    "images": ("what there is to label", "daemon/domain daemon/store"),
    "incidents": ("what keeps the loop from working", "daemon/domain daemon/rules daemon/store"),
    "people": (
        "who labels: their rows, their names on pages",
        "connectors/label_studio daemon/stages daemon/store daemon/web daemon/web/access",
    ),
    "cycles": ("the turns of the loop", "daemon/domain daemon/store"),
    "models": ("what the gate and people said of each model", "daemon/domain daemon/store"),
    "events": ("what the daemon did", "daemon/domain daemon/store"),
    "heartbeat": ("the last sign of life of a daemon", "daemon/domain daemon/rules"),
    "reviews": ("second looks at labels", "daemon/domain daemon/stages daemon/store"),
    "agreements": ("how alike two people label", "daemon/domain daemon/store"),
    "second_labels": (
        "labels of validation images by another person, too",
        "daemon/domain daemon/stages daemon/store",
    ),
    "unaccepted_masks": (
        "masks that were suggested and never accepted",
        "daemon/domain daemon/stages daemon/store",
    ),
    "quarantine": ("inputs that cannot be used", "daemon/stages daemon/store"),
    "tasks": (
        "images in front of the annotators",
        "daemon/domain daemon/store connectors/label_studio",
    ),
    "near_duplicates": (
        "images that are too alike: the rule, the run, the stage",
        "daemon/hrda daemon/rules daemon/stages",
    ),
    # a stage, and what does its work elsewhere
    "audit": ("the stage and its run", "daemon/hrda daemon/stages"),
    "label_findings": ("places of labels to look at again", "daemon/domain daemon/store"),
    "suspects": ("the places, and their page", "daemon/audit daemon/web/pages"),
    "embed": ("the stage and its run", "daemon/hrda daemon/stages"),
    "predict": ("the stage and its run", "daemon/hrda daemon/stages"),
    "train": ("the stage and its run", "daemon/hrda daemon/stages"),
    "model": ("the pydantic model of this room", "daemon/config/learner daemon/status"),
    "push": ("the stage and the tool's part of it", "daemon/stages connectors/label_studio"),
    "formatting": ("how numbers and times read", "daemon/domain daemon/web"),
}
ANYWHERE = {"__init__", "__main__", "base"}  # base: a contract, or what a room rests on
# The stages are named after what they do; they are imported as `daemon.stages.select` only.
LIKE_THE_STANDARD_LIBRARY = {"daemon/stages/queue.py", "daemon/stages/select.py"}
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


def names_in(path: Path) -> Iterator[str]:
    """Every function and class; a migration that was released keeps its name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not MIGRATION.match(node.name):
            yield node.name


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


def test_no_file_name_means_two_things() -> None:
    rooms = defaultdict(set)
    for path in sources():
        rooms[path.stem].add(str(path.parent.relative_to(ROOT)))
    allowed = {stem: set(found.split()) for stem, (_, found) in ONE_MEANING.items()}
    for path in (ROOT / "strategies/oracles").glob("*.py"):  # a strategy and its oracle
        allowed.setdefault(path.stem, {"strategies", "strategies/oracles"})

    twice = {
        stem: sorted(found)
        for stem, found in rooms.items()
        if len(found) > 1 and stem not in ANYWHERE and found - allowed.get(stem, set())
    }

    assert twice == {}, "rename one, or say in ONE_MEANING why the name means one thing"


def words_of(name: str) -> list[str]:
    """`ClassShown` and `class_shown` -> class, shown."""
    return re.findall(r"[a-z]+", re.sub(r"([A-Z])", r"_\1", name).lower())


def test_names_are_words_of_the_field() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}: say {PRIVATE_WORDS[word]}"
        for path in sources()
        for name in (path.stem, *names_in(path))
        for word in words_of(name)
        if word in PRIVATE_WORDS
        if word not in WHOLE_NAMES or name.strip("_") == word
    ]

    assert found == []


def test_no_module_is_named_like_one_of_the_standard_library() -> None:
    paths = [*sources(), *sorted((ROOT / "tests").rglob("*.py"))]
    named = {str(p.relative_to(ROOT)) for p in paths if p.stem in sys.stdlib_module_names}

    assert named - LIKE_THE_STANDARD_LIBRARY == set()
    assert not set(PACKAGES) & sys.stdlib_module_names


def test_every_room_says_what_may_enter() -> None:
    silent = [
        str(path.parent.relative_to(ROOT))
        for path in sources()
        if path.name == "__init__.py"
        and not (path.parent / "README.md").is_file()
        and len((ast.get_docstring(ast.parse(path.read_text())) or "").split()) < 5
    ]

    assert silent == []


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


def test_every_folder_and_every_fake_is_on_the_map_of_the_tests() -> None:
    tests = ROOT / "tests"
    named = set(re.findall(r"`([a-z_]+)/?`", (tests / "README.md").read_text()))
    folders = {path.name for path in tests.iterdir() if path.is_dir()} - {"__pycache__"}
    fakes = {path.stem for path in (tests / "fakes").glob("*.py")} - {"__init__"}

    assert folders | fakes <= named


def test_every_path_in_the_feature_table_exists() -> None:
    rows = re.findall(r"^\|[^|]+\|(.+)\|$", (ROOT / "daemon/README.md").read_text(), re.MULTILINE)
    paths = re.findall(r"`([\w./-]+\.(?:py|toml|md))`", "\n".join(rows))

    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_headless_opencv_is_the_one_in_place() -> None:
    code = "import cv2, re; print(re.search(r'GUI:\\s+(\\w+)', cv2.getBuildInformation()).group(1))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "NONE", "run `make setup`"

"""METHOD.md and the code name the same functions, settings and values."""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path

import pytest

from daemon.config.learner import fields_of_settings

ROOM = Path(__file__).parents[2] / "daemon" / "hrda"
LINES = (ROOM / "METHOD.md").read_text().splitlines()
HEAD = next(number for number, line in enumerate(LINES) if line.startswith("| piece"))
ROWS = [  # of the table of pieces; another table of the file has other columns
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in itertools.takewhile(lambda line: line.startswith("|"), LINES[HEAD + 2 :])
]
NAMED = sorted(
    {
        (file, name)
        for row in ROWS
        for file, names in re.findall(r"(\w+\.py)(?:: ((?:`[\w.]+`(?:, )?)+))?", row[2])
        for name in re.findall(r"`([\w.]+)`", names) or [""]
    }
)


def defined(path: Path) -> set[str]:
    """Functions, classes and methods of a file, methods with and without their class."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (part.name for part in node.body if isinstance(part, ast.FunctionDef))
            names |= {f"{node.name}.{name}" for name in inner}
    return names


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_function_of_the_table_exists(file: str, name: str) -> None:
    (path,) = ROOM.rglob(file)

    assert not name or name in defined(path)


def test_every_setting_of_the_table_exists() -> None:
    names = {name for row in ROWS for name in re.findall(r"`(\w+)`", row[3])}
    whole = {name for name in names if not name.startswith("_")}

    assert len(whole) > 50
    assert whole - set(fields_of_settings()) == set()

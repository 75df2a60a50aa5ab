"""Recipes: what is read, and that every fault is said at once, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.recipes.recipe_file import read_recipe, shipped_recipes

GOOD = '[lists]\ntest = "t.txt"\n[arms.one]\nmethod = "hrda"\n'


def faults(tmp_path: Path, text: str | bytes, *changes: str) -> str:
    """What is said of a recipe."""
    file = tmp_path / "recipe.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ExperimentRefused) as refused:
        read_recipe(str(file), None, changes)
    return str(refused.value)


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_recipe_that_comes_along_can_be_read(name: str, tmp_path: Path) -> None:
    read = read_recipe(name, tmp_path)

    assert read.home == tmp_path
    assert read.recipe.title
    assert next(iter(read.recipe.arms)) == "hrda"  # it leads the report


def test_all_faults_are_said_at_once_each_with_its_line_and_the_nearest_name(
    tmp_path: Path,
) -> None:
    said = faults(
        tmp_path,
        """titel = "x"
[lists]
leaks = "maybe"
[sample]
n = 0
[training]
seeds = []
settings = { widht = 3 }
[arms.one]
method = "hrad"
settings = { context_px = 63 }
[arms."../up"]
method = "hrda"
[reports]
""",
    )

    assert [line.strip().partition(":")[0] for line in said.splitlines()[1:]] == [
        f"line {number}" for number in (1, 2, 3, 5, 7, 8, 10, 11, 12, 14)
    ]
    assert "titel: there is no such setting; did you mean title?" in said
    assert "[lists] test: is missing" in said
    assert "leaks = 'maybe': expected one of refuse, remove, allow" in said
    assert "[sample] n = 0: expected a whole number from 1 to 1000000" in said
    assert "widht: unknown setting; did you mean width?" in said
    assert "[arms.one] method = 'hrad': expected one of hrda, supervised, segformer" in said
    assert "[arms.one.settings] context_px = 63: expected a whole number that is a mult" in said
    assert "[arms] ../up: expected a name of small letters, digits and hyphens" in said
    assert "reports: there is no such table; did you mean report?" in said


def test_values_that_contradict_each_other_are_said_too(tmp_path: Path) -> None:
    said = faults(
        tmp_path,
        """[lists]
test = "t.txt"
[sample]
n = 4
group_by = "(["
[arms.a]
method = "hrda"
labels = 9
iterations = 3
max_seconds = 4.0
[report]
reference = "b"
""",
    )

    assert "line 5: [sample] group_by = '([': is no regular expression" in said
    assert 'line 8: [arms.a] labels = 9: expected at most the 4 images of [sample], or "s' in said
    assert "line 10: [arms.a] iterations and max_seconds: expected one of them" in said
    assert "line 12: [report] reference = 'b': there is no such arm; expected one of a" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[lists\ntest = 3", "cannot be read as TOML"),
        (b"\xff\xfe\x00\x01", "UTF-16"),
        (b"title = '\x9f'", "line 1 is no UTF-8 text"),
        ('arms = 3\nlists = [1]\ndata = "x"\n', "line 2: lists = [1]: expected a table; write [l"),
        ('[lists]\ntest = "t.txt"\narms = {}\n', "arms: is missing; expected"),
        (
            GOOD + "[report]\npublished = { x = nan }",
            "[report.published] x = nan: expected a number",
        ),
        (GOOD + f"settings = {'[' * 5000}{']' * 5000}", "cannot be read as TOML"),
    ],
)
def test_a_hostile_recipe_is_refused_in_words(
    tmp_path: Path, text: str | bytes, words: str
) -> None:
    assert words in faults(tmp_path, text)


def test_a_setting_is_changed_on_the_command_line_and_checked_as_in_the_file(
    tmp_path: Path,
) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(GOOD)

    read = read_recipe(str(file), None, ["training.iterations=20", "sample.by=random"])

    assert read.recipe.settings_of("one") == {"preset": "cpu", "method": "hrda", "iterations": 20}
    assert read.recipe.sample.by == "random"
    assert "tranings: there is no such table; did you mean training?" in faults(
        tmp_path, GOOD, "tranings.iterations=20"
    )
    assert "lists.test.x=1: test is no table" in faults(tmp_path, GOOD, "lists.test.x=1")


def test_a_name_that_is_no_recipe_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ExperimentRefused, match="did you mean soy"):
        read_recipe("soi", tmp_path)
    with pytest.raises(ExperimentRefused, match="name the folder of the data with --data"):
        read_recipe("soy", None)

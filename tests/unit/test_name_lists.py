from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.name_lists import names_given, read_class_names, read_list, read_lists

NAMES = ["bare soil", "sugar beet", "weed"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "classes.txt"


@pytest.mark.parametrize(
    "content",
    [
        b"bare soil\nsugar beet\nweed\n",
        b"bare soil\nsugar beet\nweed",
        b"bare soil\r\nsugar beet\r\nweed\r\n",
        b"\xef\xbb\xbfbare soil\nsugar beet\nweed\n",
        b"\n  bare soil  \n\n\tsugar beet\n   \nweed\n\n",
        "bare soil\nsugar beet\nweed\n".encode("utf-16"),
        "bare soil\r\nsugar beet\r\nweed\r\n".encode("utf-16-be").join([b"\xfe\xff", b""]),
    ],
)
def test_a_name_is_a_line_whatever_editor_wrote_it(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    assert read_list(str(file)) == NAMES
    assert read_class_names(str(file)) == tuple(NAMES)
    assert names_given(str(file)) == tuple(NAMES)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"soil\ncaf\xe9\n", "line 2 is no UTF-8 text"),
        ("soil\ncrop\n".encode("utf-16-le"), "zero bytes"),
        (b"\x89PNG\r\n\x1a\n\xff", "no UTF-8 text"),
        (b"soil\ncrop\nsoil\n", "'soil' stands there twice"),
        (b"", "0 names: expected 2 to 255"),
        (b"soil\n", "1 names: expected 2 to 255"),
        (b"soil\ncr\x07op\n", "control characters"),
    ],
)
def test_what_is_no_list_of_classes_is_refused_in_words(
    file: Path, content: bytes, words: str
) -> None:
    file.write_bytes(content)

    with pytest.raises(ValueError, match=words):
        read_class_names(str(file))


@pytest.mark.parametrize(
    ("content", "source", "words"),
    [
        ('{"test": ["a"]}', "splits.json:pool", "has no list 'pool'; expected .* such as 'test'"),
        ('{"test": "a"}', "splits.json:test", "expected a list of names in quotes"),
        ('{"test": [1]}', "splits.json:test", "expected a list of names in quotes"),
        ('{"test": [1]}', "splits.json", "lists by name and splits.json:NAME"),
        ("{", "splits.json:test", "is no JSON"),
        ("[" * 100_000, "splits.json:test", "is no JSON"),
        ("{}", "none.json:test", "No such file"),
        ("{}", "$NO_SUCH_VARIABLE/none.json:test", "no variable 'NO_SUCH_VARIABLE'"),
    ],
)
def test_a_json_list_that_cannot_be_read_is_named(
    tmp_path: Path, content: str, source: str, words: str
) -> None:
    (tmp_path / "splits.json").write_text(content)

    with pytest.raises(ValueError, match=words):
        read_list(source, tmp_path)


def test_json_lists_are_read_by_name_and_alone(tmp_path: Path) -> None:
    (tmp_path / "splits.json").write_bytes(b'\xef\xbb\xbf{"test": [" a b ", "c"], "pool": []}')
    (tmp_path / "classes.json").write_text('["soil", "sugar beet"]')

    assert read_list("splits.json:test", tmp_path) == ["a b", "c"]
    assert read_lists(tmp_path / "splits.json") == {"test": ["a b", "c"], "pool": []}
    assert read_class_names(str(tmp_path / "classes.json")) == ("soil", "sugar beet")


def test_a_file_with_a_colon_in_its_name_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "take 10:30.txt").write_text("a\nb\n")

    assert read_list("take 10:30.txt", tmp_path) == ["a", "b"]


def test_home_is_read_in_paths_of_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "ids.txt").write_text("a\n")

    assert read_list("~/ids.txt") == read_list("$HOME/ids.txt") == ["a"]


def test_names_on_the_command_line_are_divided_by_commas_only() -> None:
    assert names_given(" bare soil, sugar beet ,weed") == tuple(NAMES)
    assert names_given("  ") == ()


@given(content=st.binary(max_size=200))
def test_no_bytes_end_in_anything_but_a_list_or_words(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("list") / "list.txt"
    for path in (file, file.with_suffix(".json")):
        path.write_bytes(content)
        try:
            assert all(one == one.strip() and one for one in read_list(str(path)))
        except ValueError as exc:
            assert str(path) in str(exc)  # noqa: PT017 - that it is words is the point

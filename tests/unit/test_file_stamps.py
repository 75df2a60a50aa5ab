from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from daemon.stages.file_stamps import MISSING, local_path, stamp_of

STARTS = ["file:///", "file://", "http://", "https://", "/", " file:///", "FILE:///", "s3://", ""]
ADDRESSES = st.builds(
    str.__add__, st.sampled_from(STARTS), st.text(st.sampled_from("fil:/?#%20[]@ \n\t\0é.~;\\"))
)


@given(ADDRESSES)
def test_the_quick_way_finds_the_file_that_a_parser_of_addresses_finds(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        expected = Path(unquote(parts.path)) if parts.scheme == "file" else None
    except ValueError:
        expected = None

    assert local_path(uri) == expected


def test_a_file_is_found_by_the_address_that_it_is_listed_with(tmp_path: Path) -> None:
    for name in ("a.png", "with space #1?.png", "\u00e4\u4e2d.jpg", "100%.png"):
        assert local_path((tmp_path / name).as_uri()) == tmp_path / name


def test_a_stamp_changes_with_the_bytes_and_says_where_there_is_no_file(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    assert stamp_of(file) == MISSING
    file.write_bytes(b"1")
    first = stamp_of(file)
    file.write_bytes(b"12")

    assert first != stamp_of(file) != MISSING

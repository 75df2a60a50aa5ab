from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from connectors.images import cloud_storage
from connectors.images.cloud_storage import BACKOFF_S, CloudStorage, is_cloud_address
from daemon.domain.errors import ImageRefused

LIMIT = 100


class Awkward(MemoryFileSystem):
    """A storage that hides sizes, hangs, or raises errors of its own."""

    protocol = "awkward"
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012
    release = threading.Event()

    def info(self, path: str, **options: Any) -> Any:
        if "hangs" in path:
            self.release.wait(600)
        if "forbidden" in path:
            raise RuntimeError("AccessDenied: the role may not")
        return {**super().info(path, **options), "size": None}


@pytest.fixture
def awkward(monkeypatch: pytest.MonkeyPatch) -> Iterator[Awkward]:
    fsspec.register_implementation("awkward", Awkward, clobber=True)
    monkeypatch.setitem(cloud_storage.LIBRARIES, "awkward", "fsspec")
    Awkward.release.clear()
    yield Awkward()
    Awkward.release.set()


@pytest.fixture
def bucket() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    yield files
    files.rm("/bucket", recursive=True)


def test_bytes_come_from_the_storage(bucket: Any) -> None:
    bucket.pipe_file("/bucket/row 1/a#ü.png", b"pixels")

    assert CloudStorage().read("memory://bucket/row 1/a#ü.png", LIMIT) == b"pixels"


def test_too_many_bytes_are_refused_by_their_announced_size(bucket: Any) -> None:
    bucket.pipe_file("/bucket/a.png", bytes(LIMIT))
    bucket.pipe_file("/bucket/b.png", bytes(LIMIT + 1))

    assert len(CloudStorage().read("memory://bucket/a.png", LIMIT)) == LIMIT
    with pytest.raises(ImageRefused, match=f"more than {LIMIT} bytes"):
        CloudStorage().read("memory://bucket/b.png", LIMIT)


def test_too_many_bytes_are_refused_where_no_size_is_announced(awkward: Awkward) -> None:
    awkward.pipe_file("/bucket/a.png", bytes(10_000))

    with pytest.raises(ImageRefused, match=f"more than {LIMIT} bytes"):
        CloudStorage().read("awkward://bucket/a.png", LIMIT)


def test_a_missing_image_and_a_refusal_of_the_storage_are_said(awkward: Awkward) -> None:
    with pytest.raises(ImageRefused, match="FileNotFoundError"):
        CloudStorage().read("memory://bucket/none.png", LIMIT)
    with pytest.raises(ImageRefused, match=r"AccessDenied.*credentials") as caught:
        CloudStorage().read("awkward://bucket/forbidden.png", LIMIT)

    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_storage_that_hangs_is_left_alone_for_a_while(awkward: Awkward) -> None:
    clock = [0.0]
    reader = CloudStorage(total_s=0.1, monotonic=lambda: clock[0])

    with pytest.raises(ImageRefused, match="no answer of the awkward storage in"):
        reader.read("awkward://bucket/hangs.png", LIMIT)
    with pytest.raises(ImageRefused, match="asked again in 300 s"):
        reader.read("awkward://bucket/hangs.png", LIMIT)
    clock[0] += BACKOFF_S
    with pytest.raises(ImageRefused, match="no answer of the awkward storage in"):
        reader.read("awkward://bucket/hangs.png", LIMIT)


@pytest.mark.parametrize(
    ("uri", "library"),
    [("s3://bucket/a.png", "s3fs"), ("gs://b/a", "gcsfs"), ("az://b/a", "adlfs")],
)
def test_a_library_that_is_not_installed_is_named(
    uri: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)  # as if it were not
    with pytest.raises(ImageRefused, match=f"pip install {library}"):
        CloudStorage().read(uri, LIMIT)


@pytest.mark.parametrize("uri", ["memory://", "memory://bucket::file:///etc/passwd"])
def test_a_chain_and_an_empty_address_are_refused(uri: str) -> None:
    with pytest.raises(ImageRefused, match="cannot be read"):
        CloudStorage().read(uri, LIMIT)


@pytest.mark.parametrize(
    "uri",
    ["file:///etc/passwd", "local:///etc/passwd", "ssh://host/a", "zip://a", "http://h/a", "a"],
)
def test_only_cloud_storage_is_read_this_way(uri: str) -> None:
    assert not is_cloud_address(uri)

"""Images of tasks, wherever their addresses point, through the connector."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Any

import fsspec
import httpx
import pytest
from PIL import Image as Picture

from connectors.images.addresses import AllowedHosts
from connectors.images.cache import inspect, save_to_cache
from connectors.label_studio import LabelStudio, create_or_adopt_project
from connectors.label_studio.api import Api
from connectors.label_studio.image_fetch import count_by_kind, name_of, redacted
from daemon.domain import FoundImage
from daemon.domain.errors import ConnectorRefused, ConnectorUnavailable, ImageRefused
from tests.contract.conftest import LIVE, Make
from tests.contract.rigs import CLASSES, Server
from tests.fakes.hostile import HostileServer, answer, moved
from tests.fakes.label_studio import FakeLabelStudio

UPLOAD = "/data/upload/1/7f-field 1.png"


def png(value: int = 0) -> bytes:
    stream = io.BytesIO()
    Picture.new("RGB", (5, 3), (value, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


def project_of(server: Any, *addresses: str) -> int:
    """A project whose tasks show these images."""
    adopted = create_or_adopt_project(
        url=server.url,
        token=lambda: server.token,
        project="pictures",
        classes=CLASSES,
        source=None,
    )
    if not addresses:
        return adopted.id
    with Api(server.url, lambda: server.token) as api:
        rows = [{"data": {"image": address}} for address in addresses]
        api.post(f"api/projects/{adopted.id}/import", rows)
    return adopted.id


def image_at(uri: str, task: str | None = None) -> FoundImage:
    return FoundImage(key=uri, name="a", uri=uri, task=task)


@pytest.fixture
def web() -> Iterator[HostileServer]:
    with HostileServer() as server:
        server.pages["/a.png"] = answer(png(4))
        yield server


@pytest.fixture
def bucket() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    files.pipe_file("/bucket/a.png", png(5))
    yield files
    files.rm("/bucket", recursive=True)


def test_one_project_may_show_images_of_every_kind(
    fake: FakeLabelStudio, connect: Make, web: HostileServer, bucket: Any
) -> None:
    assert fake.document_root is not None
    (fake.document_root / "rows").mkdir()
    (fake.document_root / "rows" / "a.png").write_bytes(png(1))
    fake.labeling.storages.append({"project": 1, "path": str(fake.document_root / "rows")})
    fake.uploads[UPLOAD.replace(" ", "%20")] = png(2)
    fake.cloud["s3://bucket/proxied.png"] = png(3)
    local = "/data/local-files/?d=rows/a.png"
    addresses = (
        local,
        UPLOAD,
        "s3://bucket/proxied.png",
        f"{web.url}/a.png",
        "memory://bucket/a.png",
    )
    project_of(fake, *addresses)
    connector = connect(allowed=AllowedHosts.parse([web.place]))

    images = list(connector.images())

    assert [connector.read(image) for image in images] == [png(value) for value in range(1, 6)]
    assert [image.key for image in images] == list(addresses)
    assert list(connector.check()) == []
    assert count_by_kind(images) == {
        "local files of Label Studio": 1,
        "uploads to Label Studio": 1,
        "s3 storage": 1,
        "web addresses": 1,
        "memory storage": 1,
    }


def test_a_storage_that_shows_where_a_file_is_gets_no_token(
    fake: FakeLabelStudio, connect: Make, web: HostileServer
) -> None:
    fake.cloud["s3://bucket/a.png"] = f"{web.url}/a.png?X-Amz-Signature=secret"
    web.pages["/a.png?X-Amz-Signature=secret"] = answer(png())
    project_of(fake, "s3://bucket/a.png")
    (image,) = connect().images()

    assert connect(allowed=AllowedHosts.parse([web.place])).read(image) == png()
    with pytest.raises(ImageRefused, match="allow_hosts") as caught:
        connect().read(image)

    assert fake.token not in web.heads[0]
    assert "secret" not in str(caught.value)


def test_a_local_file_is_reached_through_label_studio_alone(
    fake: FakeLabelStudio, connect: Make
) -> None:
    with FakeLabelStudio() as private:
        image = image_at(f"{private.url}/data/local-files/?d=a.png")

        with pytest.raises(ImageRefused, match="allow_hosts"):
            connect().read(image)

        assert private.requests == []


def test_a_web_page_called_jpg_is_no_picture(connect: Make, web: HostileServer) -> None:
    web.pages["/a.jpg"] = answer(b"<html>Please sign in", Content_Type="image/jpeg")
    content = connect(allowed=AllowedHosts.parse([web.place])).read(image_at(f"{web.url}/a.jpg"))

    with pytest.raises(ImageRefused, match="a web page"):
        inspect(content)


def test_a_small_file_of_gigapixels_is_refused_before_it_is_decoded(
    connect: Make, web: HostileServer, tmp_path: Any
) -> None:
    bomb = bytearray(png())
    bomb[16:24] = (8_100).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bytes(bomb[12:29])).to_bytes(4, "big")
    web.pages["/bomb.png"] = answer(bytes(bomb))
    content = connect(allowed=AllowedHosts.parse([web.place])).read(image_at(f"{web.url}/bomb.png"))

    with pytest.raises(ImageRefused, match="8100x8100 pixels"):
        save_to_cache(content, tmp_path)

    assert list(tmp_path.iterdir()) == [tmp_path / "files"]


def test_an_access_that_was_withdrawn_is_renewed_for_images_too(
    fake: FakeLabelStudio, connect: Make
) -> None:
    fake.uploads["/data/upload/1/a.png"] = png()
    connector = connect(token=lambda: fake.personal_token)
    assert connector.read(image_at("/data/upload/1/a.png")) == png()
    fake.access_tokens.clear()

    assert connector.read(image_at("/data/upload/1/a.png")) == png()


def test_a_wrong_token_is_no_fault_of_the_image(fake: FakeLabelStudio, connect: Make) -> None:
    fake.uploads["/data/upload/1/a.png"] = png()

    with pytest.raises(ConnectorRefused, match="copy it again"):
        connect(token=lambda: "2" * 40).read(image_at("/data/upload/1/a.png"))


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_no_fault_of_the_image(
    status: int, fake: FakeLabelStudio, connect: Make
) -> None:
    fake.fail("GET", "/data/upload/", status)

    with pytest.raises(ConnectorUnavailable, match=str(status)):
        connect().read(image_at("/data/upload/1/a.png"))


@pytest.mark.parametrize("status", [403, 404, 500])
def test_an_image_that_is_not_given_out_is_refused(
    status: int, fake: FakeLabelStudio, connect: Make
) -> None:
    fake.fail("GET", "/data/upload/", status)

    with pytest.raises(ImageRefused, match="registered as storage"):
        connect().read(image_at("/data/upload/1/a.png"))


def test_label_studio_may_live_below_a_path(web: HostileServer) -> None:
    web.pages["/tools/ls/data/upload/1/a.png"] = answer(png())
    connector = LabelStudio(
        url=f"{web.url}/tools/ls/",
        project=1,
        token=lambda: "1" * 40,
        classes=CLASSES,
        source=None,
    )

    for uri in ("/data/upload/1/a.png", "/tools/ls/data/upload/1/a.png"):
        assert connector.read(image_at(uri)) == png()
    connector.close()


def test_a_redirect_to_another_name_of_the_server_is_said(
    fake: FakeLabelStudio, connect: Make, web: HostileServer
) -> None:
    web.pages["/data/upload/1/a.png"] = moved(f"{fake.url}/data/upload/1/a.png")

    with pytest.raises(ImageRefused, match="allow_hosts"):
        connect(url=web.url).read(image_at("/data/upload/1/a.png"))

    assert fake.requests == []


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("/data/local-files/?d=rows/field%20%231.png", "field #1.png"),
        ("/data/upload/1/7f3a-field%201.png", "7f3a-field 1.png"),
        ("s3://bucket/rows/a.png", "a.png"),
        ("https://host/rows/a.png?v=1", "a.png"),
        ("https://host", "https://host"),
        ("http://[", "http://["),
    ],
)
def test_an_image_is_called_as_its_file(uri: str, name: str) -> None:
    assert name_of(uri) == name


def test_passwords_and_signatures_are_not_shown() -> None:
    address = "https://user:hunter2@host:9000/a.png?X-Amz-Signature=abc#x"

    assert redacted(address) == "https://host:9000/a.png"
    assert redacted("/data/local-files/?d=a.png") == "/data/local-files/?d=a.png"


@pytest.mark.parametrize("place", ["fake", pytest.param("live", marks=LIVE)])
def test_an_upload_is_read_with_the_token(place: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(f"{place}_server")
    if place == "fake":
        request.getfixturevalue("fake").uploads[UPLOAD.replace(" ", "%20")] = png(9)
    number = project_of(server)
    uploaded = UPLOAD if place == "fake" else _upload(server, number)
    connector = LabelStudio(
        url=server.url, project=number, token=lambda: server.token, classes=CLASSES, source=None
    )

    assert connector.read(image_at(uploaded)) == png(9)
    with pytest.raises(ImageRefused, match="HTTP 500"):  # that is how it says "not found"
        connector.read(image_at("/data/upload/1/none.png"))
    with pytest.raises(
        ImageRefused, match="the library s3fs, which is not installed"
    ):  # 404 there, then fsspec
        connector.read(image_at("s3://no-such-bucket/a.png", task="1"))
    connector.close()


def _upload(server: Server, project: int) -> str:
    answered = httpx.post(
        f"{server.url}/api/projects/{project}/import?commit_to_project=false",
        headers={"Authorization": f"Token {server.token}"},
        files={"file": ("field 1.png", png(9))},
        timeout=120,
    ).json()
    (number,) = answered["file_upload_ids"]
    found = httpx.get(
        f"{server.url}/api/import/file-upload/{number}",
        headers={"Authorization": f"Token {server.token}"},
        timeout=120,
    ).json()
    return f"/data/{found['file']}"

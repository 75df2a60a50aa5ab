"""What an image is called: by servers, by exports of our own, by pictures in the data."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PIL import Image as Picture

from connectors.images.addresses import AllowedHosts, without_signature
from connectors.images.data_urls import MAX_ADDRESS_CHARS, decode, key_of_address
from connectors.label_studio import FolderSource
from connectors.label_studio.image_fetch import kind_of, label_studio_path, name_of
from daemon.domain import FoundImage
from daemon.domain.errors import ImageRefused
from tests.contract.conftest import Make
from tests.contract.rigs import LabelStudioRig, Server, folder_source_rig, project_source_rig
from tests.fakes.hostile import HostileServer, answer
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.versions import version

UPLOAD = "/data/upload/1/7f3a91c2-field.png"


def png(value: int = 0) -> bytes:
    stream = io.BytesIO()
    Picture.new("RGB", (5, 3), (value, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


def at(uri: str, task: str | None = None) -> FoundImage:
    return FoundImage(key=uri, name="a", uri=uri, task=task)


@pytest.fixture
def web() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "labeling.example"])
def test_an_upload_is_found_whatever_name_the_server_had_when_it_came(
    fake: FakeLabelStudio, connect: Make, host: str
) -> None:
    fake.uploads[UPLOAD] = png(7)

    assert connect().read(at(f"http://{host}:8080{UPLOAD}")) == png(7)


@pytest.mark.parametrize("host", ["localhost:9", "127.0.0.1", "[::1]:8080"])
def test_a_local_file_is_found_by_another_name_of_this_machine(
    fake: FakeLabelStudio, connect: Make, host: str
) -> None:
    assert fake.document_root is not None
    (fake.document_root / "rows").mkdir()
    (fake.document_root / "rows" / "a.png").write_bytes(png(8))
    fake.labeling.storages.append({"project": 1, "path": str(fake.document_root / "rows")})

    assert connect().read(at(f"http://{host}/data/local-files/?d=rows/a.png")) == png(8)


def test_a_local_file_of_another_machine_is_not_taken_for_ours(
    fake: FakeLabelStudio, connect: Make
) -> None:
    assert fake.document_root is not None
    (fake.document_root / "rows").mkdir()
    (fake.document_root / "rows" / "a.png").write_bytes(png(8))
    fake.labeling.storages.append({"project": 1, "path": str(fake.document_root / "rows")})

    with pytest.raises(ImageRefused, match="another server, copy its images"):
        connect().read(at("http://labeling.invalid/data/local-files/?d=rows/a.png"))


def test_the_token_is_never_shown_to_another_server_with_the_paths_of_label_studio(
    fake: FakeLabelStudio, connect: Make, web: HostileServer
) -> None:
    web.pages[UPLOAD] = answer(b"", "401 Unauthorized")
    connector = connect(allowed=AllowedHosts.parse([web.place]))

    with pytest.raises(ImageRefused) as caught:
        connector.read(at(f"{web.url}{UPLOAD}"))

    assert len(web.heads) == 1
    assert "authorization" not in web.heads[0].lower()
    assert fake.token not in "".join(web.heads)
    words = str(caught.value)
    assert f'[label_studio] url = "{web.url}"' in words
    assert f"LABEL_STUDIO_HOST={fake.url}" in words


def test_a_server_that_may_not_be_reached_is_said_with_the_setting_that_helps(
    fake: FakeLabelStudio, connect: Make
) -> None:
    with pytest.raises(ImageRefused, match=r"\[label_studio\] url = \"http://10\.0\.0\.1:8080\""):
        connect().read(at(f"http://10.0.0.1:8080{UPLOAD}"))


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        (f"http://h:1{UPLOAD}", UPLOAD),
        ("https://h/tools/ls/data/local-files/?d=a%20b.png", "/data/local-files/?d=a%20b.png"),
        ("https://h/data/upload/../../api/users", None),
        ("https://h/pictures/a.png", None),
        (UPLOAD, None),
        ("http://[", None),
    ],
)
def test_own_paths_of_label_studio_are_recognised(uri: str, path: str | None) -> None:
    assert label_studio_path(uri) == path


@pytest.mark.parametrize("source", ["folder", "project"])
def test_an_export_of_our_own_project_works_in_a_new_one(
    fake_server: Server, fake: FakeLabelStudio, source: str
) -> None:
    """Its tasks carry our fields, and its annotations are labels of people."""
    make = folder_source_rig if source == "folder" else project_source_rig
    old = make(fake_server)
    old.push(old.keys[:4])
    assert len(old.answer()) == 4
    if source == "project":  # one of them was asked again, beside its first task
        again = [replace(ask, needs_new_task=True) for ask in old.asks(old.keys[:1])]
        old.connector.push(again, "push-2", version(1, 1))

    new = imported(fake, old, project_source_rig(fake_server))
    found = [image for image in new.connector.images() if image.key not in new.images]

    assert len(found) == (4 if source == "folder" else 8)
    assert all(image.task is not None for image in found)
    assert all(new.connector.read(image).startswith(b"\x89PNG") for image in found)
    sizes = {image.key: (12, 16) for image in found}
    told = new.connector.changes(None, sizes)
    assert sorted(one.image_key for one in told.annotations) == sorted(
        image.key for image in found if is_answered(fake, old, image.key)
    )


def imported(fake: FakeLabelStudio, old: LabelStudioRig, new: LabelStudioRig) -> LabelStudioRig:
    """The tasks of one project with their annotations, in another; as Label Studio imports."""
    for task in fake.labeling.of(old.project):
        made = fake.labeling.import_tasks(new.project, [{"data": task["data"]}])["task_ids"][0]
        for one in fake.labeling.of_task(task["id"]):
            given = fake.labeling.annotate(made, 1, {"result": one["result"]})
            fake.labeling.annotations[given["id"]]["ground_truth"] = True
    return new


def is_answered(fake: FakeLabelStudio, rig: LabelStudioRig, address: str) -> bool:
    return any(
        task["data"]["image"] == address and fake.labeling.of_task(task["id"])
        for task in fake.labeling.of(rig.project)
    )


def test_an_export_whose_folder_lies_elsewhere_now_is_known_by_its_keys(
    fake_server: Server,
) -> None:
    (fake_server.files / "moved" / "rows").mkdir(parents=True)
    source = FolderSource(fake_server.files / "moved", fake_server.files)
    data = {"image": "/data/local-files/?d=before/rows/a.png", "maskloop_key": "rows/a.png"}
    inner = {"image": "/data/local-files/?d=moved/rows/a.png", "maskloop_key": "a.png"}

    assert source.key_of(data, "image") == "rows/a.png"
    assert source.key_of(inner, "image") == "rows/a.png"
    assert source.key_of({"image": "http://["}, "image") is None
    assert source.key_of({"image": ["a"], "maskloop_key": 5}, "image") is None


def test_a_picture_in_the_data_is_known_by_a_short_name() -> None:
    address = f"data:image/png;base64,{base64.b64encode(png(3)).decode()}"

    key = key_of_address(address)

    assert key.startswith("data:image/png;sha256=")
    assert len(key) < 100
    assert key == key_of_address(address) != key_of_address(f"{address}A")
    assert decode(address, 10**6) == png(3)
    assert kind_of(key) == "images embedded in the tasks' data"
    assert name_of(key).endswith(".png")


@pytest.mark.parametrize(
    "address",
    [
        "data:image/png;base64",
        "data:text/html,hello",
        "data:image/png;base64,@@@",
        "data:image/png;base64,A",
        f"data:image/png;base64,{'A' * 4000}",
        f"data:image/svg+xml,{'%41' * 1500}",
    ],
)
def test_a_picture_in_the_data_that_cannot_be_read_is_refused_in_few_words(address: str) -> None:
    with pytest.raises(ImageRefused) as caught:
        decode(address, 1000)

    assert len(str(caught.value)) < 300


def test_an_address_of_any_length_costs_a_few_hundred_characters() -> None:
    signed = "https://h/a.png?X-Amz-Security-Token=" + "A" * 3000

    assert key_of_address(signed) == signed
    assert len(key_of_address("x" * (MAX_ADDRESS_CHARS + 1))) <= 600
    assert key_of_address("x" * 10**5 + "a") != key_of_address("x" * 10**5 + "b")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://b/a.png?X-Amz-Date=1&X-Amz-Signature=2", "https://b/a.png?X-Amz-Date=3", True),
        ("https://b/a.png?versionId=1&X-Amz-Date=1", "https://b/a.png?versionId=2", False),
        ("https://b/a.png?sv=1&sig=2&se=3", "https://b/a.png", True),
        ("https://b/a.png?Expires=1&Signature=2&Key-Pair-Id=3", "https://b/a.png?Expires=9", True),
        ("https://b/show?id=1&Expires=1", "https://b/show?id=2&Expires=1", False),
        ("https://b/a.png?Expires=1", "https://c/a.png?Expires=1", False),
        ("s3://b/a.png?sig=1", "s3://b/a.png", False),
        ("https://[/a?sig=1", "https://[/a", False),
    ],
)
def test_a_signature_names_no_other_object(one: str, other: str, same: bool) -> None:
    assert (without_signature(one) == without_signature(other)) is same

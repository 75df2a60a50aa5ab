"""Wrong tokens, missing projects, images that are not served: on the fake."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from connectors.images.addresses import AllowedHosts
from connectors.label_studio.api import Api
from daemon.domain import FoundImage
from daemon.domain.errors import ConnectorRefused, ConnectorUnavailable, ImageRefused
from tests.contract.conftest import Make
from tests.contract.rigs import LabelStudioRig
from tests.fakes.label_studio import FakeLabelStudio


def test_a_server_that_is_down_is_unavailable_and_the_cure_is_said(connect: Make) -> None:
    with FakeLabelStudio() as gone:
        url = gone.url

    with pytest.raises(ConnectorUnavailable, match="start Label Studio"):
        connect(url=url).check()


def test_a_wrong_token_is_a_fault_with_its_cure(fake_tool: LabelStudioRig, connect: Make) -> None:
    connector = connect(token=lambda: "2" * 40)

    (fault,) = connector.check()
    with pytest.raises(ConnectorRefused, match="copy it again"):
        connector.changes(None, {})

    assert "HTTP 401" in fault.got
    assert "2222" not in str(fault)


def test_legacy_tokens_that_are_switched_off_are_named(
    fake: FakeLabelStudio, fake_tool: LabelStudioRig, connect: Make
) -> None:
    fake.legacy_tokens_enabled = False

    (fault,) = connect().check()

    assert "personal access token" in fault.cure


def test_a_personal_access_token_works(
    fake: FakeLabelStudio, fake_tool: LabelStudioRig, connect: Make
) -> None:
    fake.legacy_tokens_enabled = False
    connector = connect(token=lambda: fake.personal_token, source=fake_tool.source)

    assert list(connector.check()) == []


def test_a_token_that_is_rotated_is_used_at_once(
    fake: FakeLabelStudio, fake_tool: LabelStudioRig, connect: Make
) -> None:
    tokens = [fake.token]
    connector = connect(token=lambda: tokens[-1], source=fake_tool.source)
    assert list(connector.check()) == []
    fake.token = "3" * 40

    tokens.append(fake.token)

    assert list(connector.check()) == []


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "Zahlwört"])
def test_a_token_that_cannot_be_one_is_refused_and_never_shown(token: str, connect: Make) -> None:
    with pytest.raises(ConnectorRefused, match="token") as caught:
        connect(token=lambda: token).changes(None, {})

    assert not token or token not in str(caught.value)


def test_a_missing_project_is_a_fault_with_its_cure(connect: Make) -> None:
    (fault,) = connect(project=77).check()

    assert fault.got == "no project 77"
    assert "maskloop init" in fault.cure


def test_an_address_that_is_not_label_studio_is_said(
    fake: FakeLabelStudio, connect: Make, fake_tool: LabelStudioRig
) -> None:
    fake.fail("GET", "/api/projects/1/", 302)

    with pytest.raises(ConnectorRefused, match="redirect"):
        connect().changes(None, {})


def test_images_that_label_studio_does_not_serve_are_a_fault(
    fake: FakeLabelStudio, fake_tool: LabelStudioRig
) -> None:
    fake.labeling.storages.clear()

    (fault,) = fake_tool.connector.check()

    assert "LOCAL_FILES_SERVING_ENABLED" in fault.cure


def test_the_token_is_not_sent_to_another_host(connect: Make) -> None:
    with FakeLabelStudio() as other:
        image = FoundImage(key="x", name="x", uri=f"{other.url}/api/projects/1/")
        connector = connect(
            token=lambda: other.token, allowed=AllowedHosts.parse([urlsplit(other.url).netloc])
        )

        with pytest.raises(ImageRefused, match="HTTP 401"):
            connector.read(image)


def test_an_address_of_another_kind_is_refused(connect: Make) -> None:
    for uri in ("file:///etc/passwd", "ftp://host/a.png", "http:///a.png", "a.png"):
        with pytest.raises(ImageRefused, match="another kind"):
            connect().read(FoundImage(key=uri, name=uri, uri=uri))


def test_an_image_with_too_many_bytes_is_refused(fake_tool: LabelStudioRig, connect: Make) -> None:
    address = fake_tool.source.address(fake_tool.keys[0])
    image = FoundImage(key=address, name="x", uri=address)

    assert connect().read(image)
    with pytest.raises(ImageRefused, match="more than 10 bytes"):
        connect(max_bytes=10).read(image)


def test_a_legacy_token_is_read_anew_for_each_request() -> None:
    with FakeLabelStudio() as server:
        api = Api(server.url, lambda: f" {server.token}\n")  # as a file holds it
        assert api.get("api/version")["release"] == "1.23.2"
        api.close()

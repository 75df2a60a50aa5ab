"""People click, forget to accept, and submit: the mask is on the page of suspects, in no label."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from connectors.masks.regions import encode
from daemon.config.loading import Config
from daemon.demo.web_user import OpenTask, WebUser
from daemon.domain import Mask
from daemon.domain.clock import utc_now
from daemon.domain.unaccepted_masks import UnacceptedMask
from daemon.smart_tool.kept_suggestions import FOLDER, mask_pixels
from daemon.stages.context import Context
from daemon.stages.image_intake import CURSOR
from daemon.stages.sync import sync_answers
from daemon.store import FILE, Store
from daemon.web.app import create_app
from tests.contract.rigs import CLASSES, CONTROL, LabelStudioRig, Server, folder_source_rig
from tests.fakes.clicking import SIZE, body, click_tool, point
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.launcher import ForkLauncher
from tests.fakes.statuses import status

CROP, WEED = 1, 2
CLICK = point(50, 50, "weed")  # into the square
Region = dict[str, Any]


class Desk:
    """A team whose images show a weed in a square, its smart tool, and what its ticks read."""

    def __init__(self, home: Path, rig: LabelStudioRig) -> None:
        self.rig = rig
        settings = {"classes": {"names": list(CLASSES.names)}}
        server = {"project": rig.project, "url": rig.api.url}
        self.config = Config.model_validate({"home": home, "label_studio": server, **settings})
        self.state = self.config.state
        self._keep_images()
        self.tool = click_tool(self.state, project=rig.project)

    def _keep_images(self) -> None:
        asks = self.rig.push(self.rig.keys[:2])
        assert self.rig.source is not None
        with Store(self.state / FILE) as store:
            for ask in asks:
                path = self.rig.source.root / ask.image.key
                picture = np.full((*SIZE, 3), (90, 60, 40), np.uint8)
                picture[20:40, 30:50] = (40, 160, 50)
                Pillow.fromarray(picture).save(path)
                store.add_image(replace(ask.image, path=path), str(ask.task))

    def click(self, question: OpenTask, *points: Region) -> Region:
        """The region that these clicks suggest."""
        content = body(*points, task=question.task, project=f"{self.rig.project}.1")
        (region,) = self.tool.predict(content)["results"][0]["result"]
        return dict(region)

    def submit(self, question: OpenTask, *regions: Region, by: str = "ada") -> int:
        """The number of the annotation."""
        return int(self.rig.person(by).submit(question, self.rig.project, regions)["id"])

    def edit(self, annotation: int, *regions: Region) -> None:
        self.rig.api.patch(f"api/annotations/{annotation}/", {"result": list(regions)})

    def sync(self) -> list[UnacceptedMask]:
        """Read what people did; what is listed then."""
        with Store(self.state / FILE) as store:
            sync_answers(
                Context(
                    config=self.config,
                    store=store,
                    connector=self.rig.connector,
                    launcher=ForkLauncher(),
                    now=utc_now,
                )
            )
            assert store.count_unaccepted_masks() == len(store.unaccepted_masks(100))
            return store.unaccepted_masks(100)

    def read_all_again(self) -> list[UnacceptedMask]:
        with Store(self.state / FILE) as store:
            store.keep_fact(CURSOR, "")
        return self.sync()

    def label(self) -> Mask:
        """The label of the one image that has one."""
        with Store(self.state / FILE, read_only=True) as store:
            (image,) = store.labeled_ids()
            path = self.state / "label.png"
            path.write_bytes(store.label_png(image))
        return np.asarray(Pillow.open(path))

    def events(self) -> Sequence[str]:
        with Store(self.state / FILE, read_only=True) as store:
            return [event.message for event in store.events() if "not accepted" in event.message]

    def page(self, path: str) -> str:
        app = create_app(lambda: status(0), read_config=lambda: self.config)
        answer = app.test_client().get(path)
        assert answer.status_code == 200
        return answer.text


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    files, people = tmp_path / "files", dict[str, WebUser]()
    files.mkdir()
    with ExitStack() as opened:
        fake = opened.enter_context(FakeLabelStudio(files))

        def person(name: str) -> WebUser:
            if name not in people:
                people[name] = WebUser(fake.url)
                opened.callback(people[name].close)
                assert people[name].sign_up("/user/signup/?token=x", f"{name}@x.org", "secret")
            return people[name]

        server = opened.enter_context(Server(fake.url, fake.token, files, person))
        yield Desk(tmp_path, folder_source_rig(server, SIZE))


def crop() -> list[Region]:
    """A crop that somebody drew, far from the weed."""
    return drawn(slice(0, 5), slice(0, 5), CROP)


def drawn(rows: slice, columns: slice, value: int) -> list[Region]:
    mask = np.zeros(SIZE, np.uint8)
    mask[rows, columns] = value
    return [{**one, "origin": "manual"} for one in encode(mask, CLASSES, CONTROL, {})]


def test_a_mask_that_was_not_accepted_is_listed_and_never_added(desk: Desk) -> None:
    question = desk.rig.taken("ada")
    suggested = desk.click(question, CLICK)
    annotation = desk.submit(question, *crop(), CLICK)

    (mask,) = desk.sync()

    assert (mask.annotation, mask.label, mask.area_px) == (str(annotation), "weed", 400)
    assert mask.box_yxyx == (20, 30, 40, 50)
    pixels = mask_pixels(mask.box_yxyx, mask.mask_png)
    assert pixels is not None
    assert pixels.all()
    assert set(np.unique(desk.label())) == {0, CROP}
    (event,) = desk.events()
    assert event.startswith(f"annotation {annotation} of task {question.task} holds clicks")
    twin = json.loads(desk.page("/api/v1/suspects"))
    assert twin["unaccepted_masks"] == len(twin["unaccepted"]) == 1
    assert twin["unaccepted"][0]["label"] == "weed"
    page = desk.page("/suspects")
    assert "Suggested masks that nobody accepted" in page
    assert f"data:image/png;base64,{mask.mask_png}" in page

    desk.edit(annotation, *crop(), suggested)  # opened once more, clicked, accepted, updated

    assert desk.sync() == []
    assert (desk.label()[20:40, 30:50] == WEED).all()
    assert "nobody accepted" not in desk.page("/suspects")
    assert len(desk.events()) == 1


def test_reading_again_changes_nothing_even_when_the_suggestion_is_gone(desk: Desk) -> None:
    question = desk.rig.taken("ada")
    desk.click(question, CLICK)
    annotation = desk.submit(question, *crop(), CLICK)
    first = desk.sync()
    for file in (desk.state / FOLDER).iterdir():
        file.unlink()  # as after a week

    again = desk.read_all_again()

    assert again == first
    assert len(desk.events()) == 1
    desk.edit(annotation, *crop())  # without the clicks
    assert desk.sync() == []


@pytest.mark.parametrize("how", ["accepted", "drawn by hand", "nothing was suggested", "skipped"])
def test_what_is_not_lost_is_not_listed(desk: Desk, how: str) -> None:
    question = desk.rig.taken("ada")
    if how != "nothing was suggested":
        suggested = desk.click(question, CLICK)
    if how == "accepted":
        desk.submit(question, *crop(), suggested, CLICK)
    elif how == "drawn by hand":
        desk.submit(question, *drawn(slice(20, 40), slice(31, 50), WEED), CLICK)
    elif how == "skipped":
        desk.rig.person("ada").skip(question, desk.rig.project)
    else:
        desk.submit(question, *crop(), CLICK)

    assert desk.sync() == []
    assert desk.events() == []


def test_the_mask_of_another_class_is_lost_even_where_something_is_drawn(desk: Desk) -> None:
    question = desk.rig.taken("ada")
    desk.click(question, CLICK)
    desk.submit(question, *drawn(slice(20, 40), slice(30, 50), CROP), CLICK)

    assert [mask.label for mask in desk.sync()] == ["weed"]


def test_clicks_alone_are_listed_until_somebody_labels_the_image(desk: Desk) -> None:
    question = desk.rig.taken("ada")
    desk.click(question, CLICK)
    desk.submit(question, CLICK)

    assert [mask.task for mask in desk.sync()] == [str(question.task)]

    desk.submit(question, *crop(), by="ben")

    assert desk.sync() == []


def test_a_deleted_annotation_takes_its_mask_with_it(desk: Desk) -> None:
    question = desk.rig.taken("ada")
    desk.click(question, CLICK)
    annotation = desk.submit(question, *crop(), CLICK)
    assert len(desk.sync()) == 1

    desk.rig.api.delete(f"api/annotations/{annotation}/", None)

    assert desk.read_all_again() == []


def test_each_session_of_an_annotation_has_its_mask(desk: Desk) -> None:
    question = desk.rig.taken("ada")
    other = point(40, 40, "crop")
    desk.click(question, CLICK)
    desk.click(question, CLICK, point(60, 60, "weed", is_positive=False))
    desk.click(question, CLICK, other)
    desk.submit(question, *crop(), CLICK, point(60, 60, "weed"), other)

    found = desk.sync()

    assert {mask.label: mask.area_px for mask in found}.keys() == {"weed", "crop"}
    assert next(mask for mask in found if mask.label == "weed").area_px < 400  # the newest: cut

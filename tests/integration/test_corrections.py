"""How much people corrected: from the predictions on a server to the store, status and page."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from connectors.masks.regions import decode
from daemon.cli.terminal import show_status
from daemon.demo.web_user import OpenTask
from daemon.domain import Mask, PredictionVersion, Unmeasured
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.web.app import create_app
from tests.integration.team import CLASSES, CONTROL, Team


@pytest.fixture
def team(make_team: Callable[..., Team]) -> Team:
    return make_team(queue_low=0)


def shown_to(team: Team, question: OpenTask) -> Mask:
    with Image.open(team.home / "masks" / question.details["data"]["maskloop_key"]) as png:
        size = (png.height, png.width)
    return decode(list(question.result), CLASSES, CONTROL, size, "shown").mask


def answer_batches(team: Team) -> dict[str, list[tuple[Mask, Mask]]]:
    """Eight labels without a model by ada; then ben submits two predictions as they are shown, and
    cleo two with all drawn three pixels beside it: what each was shown, and submitted."""
    team.until("8 images wait")
    team.answer_batch("ada")
    team.until("4 images wait")
    pairs: dict[str, list[tuple[Mask, Mask]]] = {"ben": [], "cleo": []}
    for name in ("ben", "cleo", "ben", "cleo"):
        question = team.take(name)
        assert question is not None
        shown = shown_to(team, question)
        submitted = shown if name == "ben" else np.roll(shown, 3, axis=1)
        team.submit(name, question, submitted)
        pairs[name].append((shown, submitted))
        team.daemon.tick()
    return pairs


def test_what_was_corrected_stands_in_the_store_the_status_and_on_the_page(team: Team) -> None:
    pairs = answer_batches(team)

    found = team.status()["corrections"]
    with Store(team.config.state / FILE, read_only=True) as store:
        labels = store.corrected_labels()
    changed = [float(np.mean(shown != submitted)) for shown, submitted in pairs["cleo"]]
    assert min(changed) > 0
    assert sorted(label.changed_share for label in labels) == sorted([0.0, 0.0, *changed])
    versions = {str(label.version) for label in labels}
    assert versions <= {str(version) for version in made(team)}
    assert {label.version.cycle for label in labels} == {1}
    assert all(label.version.nonce for label in labels)

    people = list(found["people"].values())
    assert sorted(work["untouched"] for work in people) == [0, 2]
    assert max(work["changed_share"] for work in people) == pytest.approx(np.mean(changed))
    assert found["total"]["images"] == 4
    assert found["total"]["seconds"] > 0
    assert found["total"]["untimed"] == 0
    assert found["unmeasured"] == {Unmeasured.EMPTY_PAGE: 8}  # cycle 0: there was no model
    assert list(found["cycles"]) == ["1"]

    for value, name in enumerate(CLASSES.names):
        either = either_but_one = 0
        for shown, submitted in [*pairs["ben"], *pairs["cleo"]]:
            either += int(np.count_nonzero((shown == value) | (submitted == value)))
            either_but_one += int(np.count_nonzero((shown == value) ^ (submitted == value)))
        assert found["classes"][name]["changed_share"] == pytest.approx(either_but_one / either)
    seconds = sum(work["seconds"] for work in found["classes"].values())
    of_cleo = next(work for work in people if work["untouched"] == 0)["seconds"]
    assert seconds == pytest.approx(of_cleo)  # divided, none lost; ben changed nothing

    client = create_app(lambda: read_status(team.config)).test_client()
    seen = client.get("/status.json").get_json()["corrections"]
    assert list(seen["people"]) == ["person 1", "person 2"]  # nobody has signed in
    assert list(seen["people"].values()) == people
    assert {**seen, "people": {}} == {**found, "people": {}}
    page = client.get("/").get_data(as_text=True)
    assert "of the pixels of an image, mean of 4" in page
    console = Console(width=300, record=True)
    show_status(read_status(team.config), console)
    assert "4 predictions answered, 2 of them untouched" in console.export_text()


def made(team: Team) -> set[PredictionVersion]:
    """The versions of the predictions that the server holds."""
    rows = team.server.labeling.versions(team.project)["static"]
    return {PredictionVersion.parse(row["model_version"]) for row in rows}

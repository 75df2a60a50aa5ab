"""A second look at labels: another person gets a suspicious one, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from connectors.masks.regions import decode
from daemon.domain.reviews import ReviewState
from daemon.stages import push
from daemon.status.snapshot import read_status
from daemon.web.app import create_app
from tests.integration.second_looks import Reviewed, mask_of
from tests.integration.team import CLASSES, CONTROL, Team

MakeTeam = Callable[..., Team]


def states(field: Reviewed) -> list[ReviewState]:
    with field.store() as store:
        return [review.state for review in store.reviews()]


def stream(field: Reviewed) -> tuple[int, bool]:
    task = field.labeling.tasks[field.task]
    return task["overlap"], task["is_labeled"]


def shown_reviews(field: Reviewed) -> int:
    """How many predictions of the version in force the reviewed task has."""
    version = field.labeling.projects[field.team.project]["model_version"]
    rows = field.labeling.predictions.values()
    return sum(row["task"] == field.task and row["model_version"] == version for row in rows)


def test_the_next_other_person_confirms_an_untouched_label(make_team: MakeTeam) -> None:
    field = Reviewed(make_team())
    field.tick()
    field.tick()  # the repair of the stream leaves it alone

    anna, ben = field.team.take("anna"), field.team.take("ben")

    assert anna is None or anna.task != field.task
    assert ben is not None
    assert ben.task == field.task
    cleo = field.team.take("cleo")
    assert cleo is not None
    assert cleo.task != field.task
    shown = decode(ben.result, CLASSES, CONTROL, (24, 32), "shown").mask
    assert np.array_equal(shown, field.label)
    assert ben.result[0]["score"] == 0.8
    assert ben.result[0]["meta"]["text"] == ["Labeled crop; the model sees weed here."]
    field.team.person("ben").submit(ben, field.team.project, ben.result)
    field.tick()
    assert states(field) == [ReviewState.CONFIRMED]
    field.tick()
    assert states(field) == [ReviewState.CONFIRMED]  # nobody is asked again
    with field.store() as store:
        assert np.array_equal(mask_of(store.label_png(field.image)), field.label)
        assert store.duplicate_labels() == []


def test_a_corrected_label_counts_and_the_old_one_stays_in_the_history(make_team: MakeTeam) -> None:
    field = Reviewed(make_team())
    daemon = field.daemon()
    daemon.tick()
    daemon.tick()
    with field.store() as store:
        labeled = store.labeled_ids()
        assert field.image in labeled
    ben = field.team.take("ben")
    assert ben is not None
    assert ben.task == field.task
    field.team.submit("ben", ben, field.with_weed())

    daemon.tick()

    with field.store() as store:
        (review,) = store.reviews()
        assert review.state is ReviewState.CORRECTED
        assert np.array_equal(mask_of(store.label_png(field.image)), field.with_weed())
        old = store.annotation_png(review.annotation)
        assert old is not None
        assert np.array_equal(mask_of(old), field.label)
        assert store.labeled_ids() == labeled
    config = field.team.config
    page = create_app(lambda: read_status(config), read_config=lambda: config).test_client()
    assert "1 was corrected" in page.get("/suspects").text
    assert read_status(config).reviews.corrected == 1


@pytest.mark.parametrize("how", ["refuse", "drop after"])
def test_a_crash_at_each_step_opens_and_withdraws_a_review_once(
    make_team: MakeTeam, how: str
) -> None:
    field = Reviewed(make_team())
    server = field.team.server
    server.fail("POST", "/import/predictions$", how)
    field.tick_that_fails()
    assert states(field) == [ReviewState.OPEN]
    server.fail("PATCH", f"/api/tasks/{field.task}/", how)
    field.tick_that_fails()
    field.tick()

    assert states(field) == [ReviewState.OPEN]
    assert stream(field) == (2, False)
    assert shown_reviews(field) == 1

    field.use(review_share=0.0)
    server.fail("PATCH", f"/api/tasks/{field.task}/", how)
    field.tick_that_fails()
    field.tick()
    assert states(field) == [ReviewState.WITHDRAWN]
    assert stream(field) == (1, True)


def test_a_review_follows_the_next_order_and_a_changed_setting(make_team: MakeTeam) -> None:
    field = Reviewed(make_team())
    field.tick()
    field.stage(lambda context: push.rerank(context, 0))
    field.labeling.tasks[field.task].update(overlap=1, is_labeled=True)

    field.tick()

    assert stream(field) == (2, False)
    assert shown_reviews(field) == 1
    ben = field.team.take("ben")
    assert ben is not None
    field.team.person("ben").skip(ben, field.team.project)
    field.tick()
    dora = field.team.take("dora")
    assert dora is not None
    assert dora.task == field.task


def test_a_review_is_withdrawn_when_its_author_changes_the_label(make_team: MakeTeam) -> None:
    field = Reviewed(make_team())
    field.tick()
    (own,) = field.labeling.of_task(field.task)
    field.labeling.edit_annotation(own["id"], {"result": own["result"][:1]})

    field.tick()

    assert states(field)[0] is ReviewState.WITHDRAWN
    field.use(review_share=0.0)
    field.tick()
    assert ReviewState.OPEN not in states(field)
    assert stream(field) == (1, True)


def test_nobody_reviews_their_own_label(make_team: MakeTeam) -> None:
    field = Reviewed(make_team(), people=())

    field.tick()

    assert states(field) == []
    with field.store() as store:
        assert "nobody reviews their own" in store.reviews_stopped()

"""Second labels of validation images: another person labels some of them, from an empty page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from daemon.domain.second_labels import SecondLabelState
from daemon.rules.readiness import Ending, LoopFacts
from daemon.stages import push
from daemon.stages.ending import ENDED, read_end
from daemon.stages.loop_facts import read_loop_facts
from daemon.store import Store
from tests.integration.second_labelers import SecondLabelers
from tests.integration.team import Team

MakeTeam = Callable[..., Team]
OPEN, GIVEN = SecondLabelState.OPEN, SecondLabelState.GIVEN
WITHDRAWN, DROPPED = SecondLabelState.WITHDRAWN, SecondLabelState.DROPPED


def test_the_next_other_person_labels_a_validation_image_from_an_empty_page(
    make_team: MakeTeam,
) -> None:
    field = SecondLabelers(make_team())
    field.tick()
    field.tick()  # the repair of the stream leaves it alone
    (task,) = field.tasks()

    anna, ben = field.team.take("anna"), field.team.take("ben")

    assert anna is None or anna.task != task
    assert ben is not None
    assert ben.task == task
    assert field.shown(ben) == []
    cleo = field.team.take("cleo")
    assert cleo is None or cleo.task != task
    before = field.team.status()["labels"]
    field.team.submit("ben", ben)
    field.tick()
    assert field.states() == [GIVEN]
    found = field.team.status()
    after = found["labels"]
    assert found["agreement"]["images"] == 1
    assert "not measured: 1 of the 8 images" in found["agreement"]["words"]
    assert after["spent"] == before["spent"]  # no label of the curve
    assert (after["left"], after["second"]) == (before["left"] - 1, 1)
    field.tick()
    assert field.states() == [GIVEN]  # nobody is asked again
    with field.store() as store:
        (label,) = store.second_labels()
        assert label.image_id in field.validation()
        assert store.duplicate_labels() == []


@pytest.mark.parametrize("how", ["refuse", "drop after"])
def test_a_crash_at_each_step_asks_and_takes_back_once(make_team: MakeTeam, how: str) -> None:
    field = SecondLabelers(make_team())
    field.stage(lambda context: push.rerank(context, 0))
    server = field.team.server
    server.fail("POST", "/import/predictions$", how)
    field.tick_that_fails()
    (task,) = field.tasks()
    server.fail("PATCH", f"/api/tasks/{task}/", how)
    field.tick_that_fails()
    field.tick()

    assert field.states() == [OPEN]
    assert field.stream(task) == (2, False)
    assert field.pages(task) == 1

    field.use(0)
    server.fail("PATCH", f"/api/tasks/{task}/", how)
    field.tick_that_fails()
    field.tick()
    assert field.states() == [WITHDRAWN]
    assert field.stream(task) == (1, True)


def test_an_empty_page_follows_the_next_order_and_a_changed_setting(make_team: MakeTeam) -> None:
    field = SecondLabelers(make_team())
    field.tick()
    (task,) = field.tasks()
    field.stage(lambda context: push.rerank(context, 0))
    field.labeling.tasks[task].update(overlap=1, is_labeled=True)

    field.tick()

    assert field.stream(task) == (2, False)
    assert field.pages(task) == 1
    ben = field.team.take("ben")
    assert ben is not None
    assert (ben.task, field.shown(ben)) == (task, [])


def test_an_image_that_people_skip_is_dropped_and_not_replaced(make_team: MakeTeam) -> None:
    field = SecondLabelers(make_team())
    field.tick()
    for name in ("ben", "cleo"):
        question = field.team.take(name)
        assert question is not None
        field.team.person(name).skip(question, field.team.project)
        field.tick()

    assert field.states() == [DROPPED]
    assert field.stream(field.tasks()[0]) == (1, True)


def test_it_is_taken_back_when_the_image_or_the_first_label_leaves(make_team: MakeTeam) -> None:
    field = SecondLabelers(make_team(), second_labels=2)
    field.tick()
    first, second = field.tasks()
    (own,) = field.labeling.of_task(first)
    field.labeling.delete_annotation(own["id"])

    field.tick()

    assert field.states()[:2] == [WITHDRAWN, OPEN]
    assert field.stream(first) == (1, False)  # it is open to anybody, as any image without a label
    assert field.stream(second) == (2, False)


def test_one_person_alone_is_told_so(make_team: MakeTeam) -> None:
    field = SecondLabelers(make_team(), other="anna")

    field.tick()

    assert field.states() == []
    with field.store() as store:
        assert "has to come from another one" in store.second_labels_stopped()


def test_a_cycle_asks_for_half_a_batch_and_never_beyond_the_budget(make_team: MakeTeam) -> None:
    field = SecondLabelers(make_team(), second_labels=4)
    field.tick()
    assert field.states() == [OPEN, OPEN]  # half of 4
    field.use(1)
    with field.store() as store:
        chosen = {label.image_id for label in store.second_labels()}
    assert chosen <= field.validation()

    tight = field.team.config.loop.model_copy(update={"budget_labels": 10})
    field.team.config = field.team.config.model_copy(update={"loop": tight})
    field.use(4)
    field.tick()
    assert field.states() == [OPEN, OPEN]


def test_the_loop_ends_with_its_budget_spent_where_second_labels_took_the_rest(
    make_team: MakeTeam,
) -> None:
    field = SecondLabelers(make_team(), second_labels=2)
    field.tick()
    tight = field.team.config.loop.model_copy(update={"budget_labels": 10})
    field.team.config = field.team.config.model_copy(update={"loop": tight})
    facts: list[LoopFacts] = []

    field.stage(lambda context: facts.append(read_loop_facts(context, None)))

    assert (facts[0].labels_left, facts[0].may_request) == (1, 0)  # 7 labels, 2 second ones
    with field.store() as store:
        assert "7 labels and 2 for second labels of 10" in _sentence(store)


def _sentence(store: Store) -> str:
    store.keep_fact(ENDED, Ending.BUDGET_SPENT)
    found = read_end(store, 10)
    assert found is not None
    return found.sentence

"""What the benchmark of a team counts: it must be able to find something."""

from __future__ import annotations

from tests.benchmarks.team_times import Order, Served, doubles, idle, inversions

PLACES = {1: 0, 2: 1, 3: 2}


def fetch(task: int | None, began: float, person: int = 0) -> Served:
    """Half a second, and a submit one second later that takes half a second too."""
    return Served(
        person=person,
        task=task,
        began=began,
        ended=began + 0.5,
        submit_began=began + 1.5,
        submit_ended=began + 2,
    )


def test_a_task_that_was_served_before_one_that_stood_before_it_is_an_inversion() -> None:
    order = [Order(places=PLACES, began=0)]

    assert inversions([fetch(1, 1), fetch(2, 4), fetch(3, 7)], order) == 0
    assert inversions([fetch(2, 1), fetch(1, 4), fetch(3, 7)], order) == 1
    assert inversions([fetch(3, 1), fetch(1, 1.2, person=1), fetch(2, 4)], order) == 1


def test_a_task_that_somebody_else_was_fetching_may_have_been_locked() -> None:
    order = [Order(places=PLACES, began=0)]

    assert inversions([fetch(2, 1.2), fetch(1, 1, person=1), fetch(3, 4)], order) == 0


def test_while_the_order_changes_both_orders_are_possible() -> None:
    turned = {1: 2, 2: 1, 3: 0}
    orders = [Order(places=PLACES, began=0, ended=5.2), Order(places=turned, began=5)]

    assert inversions([fetch(3, 5.1), fetch(2, 8), fetch(1, 11)], orders) == 0
    assert inversions([fetch(3, 4), fetch(2, 8), fetch(1, 11)], orders) == 1
    assert inversions([fetch(1, 6), fetch(3, 8), fetch(2, 11)], orders) == 1


def test_a_double_is_explained_by_a_fetch_or_a_submit_at_the_same_time() -> None:
    first = fetch(1, 1)

    assert doubles([first, fetch(2, 1, person=1)]) == []
    assert doubles([first, fetch(1, 1.2, person=1)]) == [True]
    assert doubles([first, fetch(1, 2.8, person=1)]) == [True]
    assert doubles([first, fetch(1, 1.6, person=1)]) == [False]
    assert doubles([first, fetch(1, 4, person=1)]) == [False]


def test_somebody_is_idle_only_while_there_is_something_to_do() -> None:
    order = [Order(places=PLACES, began=0)]
    work = [fetch(1, 1), fetch(2, 4), fetch(3, 7)]

    assert idle([*work, fetch(None, 5)], order) == 1
    assert idle([*work, fetch(None, 8)], order) == 0

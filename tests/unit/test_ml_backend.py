"""Label Studio's requests for clicks, as the browser sends them and as nobody should."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.label_studio import ml_backend
from connectors.label_studio.ml_backend import clicked_object, read_predict
from connectors.label_studio.smart_regions import (
    mean_probability,
    no_region,
    object_mask,
    one_region,
    region_id,
    suggested_region,
)
from connectors.masks.regions import BITMASK, BRUSH, Control, decode
from connectors.unreadable import UnreadableValue
from daemon.clicks.click import Click, ObjectProbability
from tests.fakes.clicking import CLASSES, point, predict


def box(x: float, y: float, width: float, height: float, label: str = "weed") -> dict[str, Any]:
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": 0}
    return {"type": "rectanglelabels", "id": "box", "value": value | {"rectanglelabels": [label]}}


def clicks(*regions: Any, size: tuple[int, int] = (100, 200)) -> tuple[Click, ...]:
    found = clicked_object(read_predict(predict(*regions)))
    return () if found is None else found.clicks(*size)


def test_a_click_of_the_browser_is_read() -> None:
    request = read_predict(predict(point(24.79, 66.53)))

    assert (request.project, request.tasks) == (1, (3,))
    found = clicked_object(request)
    assert found is not None
    assert (found.session, found.label) == ("p-24.79-66.53", "weed")
    assert found.clicks(966, 1296) == (Click(x=321, y=642),)


@pytest.mark.parametrize("sign", [True, None, "absent"])
def test_a_click_without_a_sign_is_positive(sign: bool | str | None) -> None:
    given_point = point(is_positive=sign)
    if sign == "absent":
        del given_point["is_positive"]

    assert clicks(given_point) == (Click(x=100, y=50, positive=True),)


def test_clicks_stay_in_their_order_with_their_signs() -> None:
    found = clicks(point(10, 10), point(20, 20, is_positive=False), point(30, 30))

    assert found == (Click(x=20, y=10), Click(x=40, y=20, positive=False), Click(x=60, y=30))


def test_clicks_before_the_last_change_of_label_belong_to_another_object() -> None:
    regions = [point(1, 1, "crop"), point(2, 2), point(3, 3, "crop"), point(4, 4, "crop")]

    found = clicked_object(read_predict(predict(*regions)))

    assert found is not None
    assert (found.label, found.session) == ("crop", "p-3-3")
    assert len(found.entries) == 2


@pytest.mark.parametrize(
    "regions",
    [
        [],
        [point(is_positive=False)],
        [point(label=None)],
        [point(), point(is_positive=False, label="crop")],
        [{"type": "bitmasklabels", "value": {}}],
    ],
)
def test_clicks_that_mean_no_object_are_answered_by_none(regions: list[Any]) -> None:
    assert clicked_object(read_predict(predict(*regions))) is None


def test_of_very_many_clicks_the_first_and_the_newest_count() -> None:
    found = clicked_object(read_predict(predict(*(point(n / 2, 50) for n in range(200)))))

    assert found is not None
    assert [entry.id for entry in found.entries] == [
        "p-0.0-50",
        *(f"p-{n / 2}-50" for n in range(141, 200)),
    ]


def test_a_box_is_a_click_at_its_centre_within_limits() -> None:
    found = clicked_object(read_predict(predict(box(10, 20, 30, 40), point(90, 90))))

    assert found is not None
    assert found.clicks(100, 200)[0] == Click(x=50, y=40)
    limits = found.box(100, 200)
    assert limits is not None
    assert (limits.left, limits.top, limits.right, limits.bottom) == (20, 20, 80, 60)


def test_a_request_without_a_context_asks_for_predictions_to_store() -> None:
    body = predict(params={"context": None})
    body["tasks"] = [{"id": 3}, {"id": 4}]

    request = read_predict(body)

    assert (request.entries, request.tasks) == (None, (3, 4))
    assert clicked_object(request) is None


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"tasks": []},
        {"tasks": [{"id": True}]},
        {"tasks": [{"id": 2**63}]},
        predict(task="3"),
        predict(point(x=float("nan"))),
        predict(point(x=float("inf"))),
        predict(point(x=10**400)),
        predict(point(x="50")),
        predict(point(x=True)),
        predict(point(value=None)),
        predict("a region"),
        predict(params={"context": {"result": {}}}),
        predict(box(10, 10, -5, 5)),
    ],
)
def test_nonsense_is_refused_with_what_was_expected(body: Any) -> None:
    with pytest.raises(UnreadableValue):
        read_predict(body)


@pytest.mark.parametrize("project", [None, "", "x.1", "1" * 40, {}, 2.5])
def test_an_unreadable_project_is_no_project(project: Any) -> None:
    assert read_predict(predict(point(), project=project)).project is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["tasks", "id", "params", "context", "result", "type", "value", "x", "y", "labels"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values, json_values, json_values)
def test_whatever_comes_is_read_or_refused(body: Any, context: Any, region: Any) -> None:
    odd = predict(region if isinstance(region, dict) else point(value=region))
    if isinstance(region, dict):
        odd["params"]["context"]["result"].append({"type": "keypointlabels", **region})
    for one in (body, predict(params={"context": context}), odd):
        try:
            found = clicked_object(read_predict(one))
        except UnreadableValue:
            continue
        if found is not None:
            assert all(0 <= click.x < 7 and 0 <= click.y < 5 for click in found.clicks(5, 7))


sides = st.integers(1, 5000)


@given(sides, st.floats(0, 1), st.booleans())
def test_a_pixel_and_its_percent_differ_by_half_a_pixel_at_most(
    side: int, share: float, end: bool
) -> None:
    pixel = side - 1 if end else min(side - 1, int(share * side))

    (click,) = clicks(point((pixel + 0.5) / side * 100, 50), size=(9, side))

    assert click.x == pixel


@given(sides, st.floats(0, 100))
def test_a_click_lies_in_the_pixel_that_it_names(side: int, percent: float) -> None:
    (click,) = clicks(point(percent, 50), size=(9, side))

    assert 0 <= click.x < side
    assert abs((click.x + 0.5) - percent * side / 100) <= 0.5 + 1e-6


def test_points_outside_of_the_image_move_to_its_border() -> None:
    assert clicks(point(-5, 100), point(100.4, -1)) == (Click(x=0, y=99), Click(x=199, y=0))


def test_the_id_of_a_session_stays_and_is_never_one_that_the_task_holds() -> None:
    first = region_id(3, "abc")
    body = predict(point(id="abc"))
    body["tasks"][0]["drafts"] = [{"result": [{"id": first}]}]
    body["tasks"][0]["predictions"] = [{"result": [{"id": "other"}, None, {"id": 4}]}, None]

    taken = read_predict(body).region_ids

    assert taken == {first, "other"}
    assert first == region_id(3, "abc")
    assert first.startswith("mk")
    assert len(first) == 18
    assert region_id(3, "abc", taken) not in {first, "other"}


def test_ids_of_many_sessions_differ() -> None:
    ids = {region_id(task, str(session)) for task in range(100) for session in range(1000)}

    assert len(ids) == 100_000


def found(left: int = 2, top: int = 1, value: float = 0.75) -> ObjectProbability:
    values = np.full((3, 4), value, np.float32)
    values[0, 0] = 0.25
    return ObjectProbability(left=left, top=top, values=values)


@pytest.mark.parametrize("kind", [BITMASK, BRUSH])
def test_a_suggestion_decodes_to_the_mask(kind: str) -> None:
    control = Control(from_name="mask", to_name="image", type=kind)
    inside = object_mask(found(), (6, 9))

    region = suggested_region(
        inside,
        id="mk1",
        label="weed",
        control=control,
        score=mean_probability(found()),
        note="prior_walk",
    )

    answer = one_region("v", region or {})
    read = decode(answer["results"][0]["result"], CLASSES, control, (6, 9), "here")
    expected = np.zeros((6, 9), np.uint8)
    expected[1:4, 2:6] = 2
    expected[1, 2] = 0
    assert np.array_equal(read.mask, expected)
    assert answer["results"][0]["score"] == 0.75
    assert json.loads(json.dumps(answer)) == answer


def test_a_suggestion_ends_at_the_box_and_at_the_image() -> None:
    limits = ml_backend.PixelBox(left=3, top=0, right=5, bottom=3)

    boxed = object_mask(found(), (6, 9), limits)
    beyond = object_mask(found(left=7, top=5), (6, 9))

    assert np.argwhere(boxed).tolist() == [[1, 3], [1, 4], [2, 3], [2, 4]]
    assert np.argwhere(beyond).tolist() == [[5, 8]]


@pytest.mark.parametrize("kind", [BITMASK, "polygonlabels"])
def test_no_pixel_is_no_region_and_shapes_have_none(kind: str) -> None:
    control = Control(from_name="mask", to_name="image", type=kind)
    inside = object_mask(found(value=0.3 if kind == BITMASK else 0.8), (6, 9))

    region = suggested_region(inside, id="mk1", label="w", control=control, score=0.5, note="")

    assert region is None
    assert no_region("v")["results"] == [{"model_version": "v", "score": 0.0, "result": []}]

"""The page of the curve: its answers, its forecast and its files."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from daemon.domain import Stage
from daemon.insight.outlook import _date_words
from daemon.insight.stop_advice import Advice
from daemon.status.model import StageTime
from daemon.web.app import create_app
from daemon.web.curve_files import COLUMNS, cell
from daemon.web.pages.curve import view_at
from tests.fakes.statuses import HOSTILE, status

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def client(points: int, **changes: object) -> FlaskClient:
    return create_app(lambda: status(points, **changes)).test_client()


def started(cycle: int, at: str) -> StageTime:
    return StageTime(cycle=cycle, stage=Stage.TRAIN, started_at=at, finished_at=None)


def test_before_three_cycles_the_forecast_is_not_measured() -> None:
    ahead = view_at(status(2), NOW).outlook

    assert (ahead.band, ahead.gain, ahead.targets) == ((), None, ())
    assert ahead.advice.advice is Advice.NOT_MEASURED
    shown = client(2).get("/curve").text
    assert "A forecast takes 3 measured cycles; there are 2." in shown


def test_four_cycles_give_a_forecast_with_an_interval_everywhere() -> None:
    ahead = view_at(status(4), NOW).outlook

    assert ahead.band[0].labels == 80
    assert all(point.low < point.middle < point.high for point in ahead.band)
    assert ahead.gain.labels == 16
    assert ahead.gain.low < ahead.gain.middle < ahead.gain.high
    assert [target.miou for target in ahead.targets] == [0.75, 0.8]
    assert ahead.targets[0].low < ahead.targets[0].middle < (ahead.targets[0].high or 801)


def test_the_date_follows_the_pace_of_labels() -> None:
    times = (started(3, "2026-11-20T12:00:00+00:00"), started(4, "2026-11-22T12:00:00+00:00"))

    ahead = view_at(status(4, stages=times), NOW).outlook

    # 80 labels now, 64 when the training of cycle 3 began 4 days ago
    assert ahead.labels_per_day == pytest.approx(4)
    first = ahead.targets[0]
    reached = NOW + timedelta(days=(first.middle - 80) / 4)
    assert first.date_words.startswith(f"{reached.day} {reached:%b %Y} (80 %: ")


def test_dates_that_are_one_day_are_said_once() -> None:
    assert _date_words(90, 95, 99, 80, 100.0, NOW) == "24 Nov 2026 (80 %: the same day)"
    assert (
        _date_words(90, 95, 250, 80, 100.0, NOW) == "24 Nov 2026 (80 %: 24 Nov 2026 to 26 Nov 2026)"
    )
    assert _date_words(10**9, 10**9, None, 80, 1.0, NOW) == "open"


def test_a_refused_model_is_no_part_of_the_forecast() -> None:
    good = status(4)
    line = good.curve[0].model_copy(update={"refused": (False, False, True, True)})

    ahead = view_at(good.model_copy(update={"curve": (line, *good.curve[1:])}), NOW).outlook

    assert ahead.advice.reason == "A forecast takes 3 measured cycles; there are 2."


@pytest.mark.parametrize("points", [0, 1, 4])
def test_the_twin_is_what_the_page_is_made_of(points: int) -> None:
    browser = client(points)

    twin = browser.get("/curve.json").get_json()

    assert twin["lines"][0]["name"] == "mIoU"
    assert twin["summary"] in browser.get("/curve").text
    assert browser.get("/curve.schema.json").status_code == 200


def test_the_table_holds_every_figure_and_no_formula() -> None:
    browser = client(4, curve=status(4, ("=cmd()", "crop", "weed")).curve)

    answer = browser.get("/curve.csv")

    rows = list(csv.reader(io.StringIO(answer.text)))
    assert tuple(rows[0]) == COLUMNS
    [newest] = [row for row in rows if row[:4] == ["mIoU", "miou", "4", "80"]]
    assert [float(text) for text in newest[4:7]] == pytest.approx([0.702, 0.662, 0.732])
    assert newest[7:] == ["95 %", "False", "", ""]
    assert {row[0] for row in rows[1:]} == {"mIoU", "test mIoU", "'=cmd()", "crop", "weed"}
    assert [row for row in rows if row[1] == "forecast"]
    assert "attachment" in answer.headers["Content-Disposition"]
    assert cell("crop") == "crop"


def test_the_curve_is_drawn_as_a_picture() -> None:
    pytest.importorskip("matplotlib")

    answer = client(4).get("/curve.svg")

    assert (answer.mimetype, b"<svg" in answer.data) == ("image/svg+xml", True)


def test_hostile_class_names_stay_text() -> None:
    shown = client(4, curve=status(4, ("soil", HOSTILE, "weed")).curve).get("/curve").text

    assert HOSTILE not in shown
    assert "document.title=" in shown  # escaped

"""Whether a daemon lives, from its lock and its last sign of life."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from daemon.domain import Heartbeat
from daemon.rules.heartbeat import Life, life_of, sentence_of

NOW = datetime(2026, 5, 1, 16, 24, tzinfo=UTC)
BEAT = Heartbeat(
    pid=7,
    started_at=NOW - timedelta(hours=2),
    began_at=NOW,
    looked_at=NOW,
    next_at=NOW + timedelta(seconds=10),
)
ENDED = replace(BEAT, ended_at=NOW)
SOON, LATER = NOW + timedelta(minutes=5), NOW + timedelta(hours=3)


@pytest.mark.parametrize(
    ("beat", "held", "now", "life"),
    [
        (None, False, NOW, Life.NEVER),
        (None, None, NOW, Life.NEVER),
        (None, True, NOW, Life.RUNNING),
        (BEAT, True, SOON, Life.RUNNING),
        (BEAT, True, LATER, Life.SILENT),
        (BEAT, False, NOW, Life.DEAD),  # the lock tells at once
        (BEAT, None, SOON, Life.RUNNING),  # no locks on this file system
        (BEAT, None, LATER, Life.DEAD),
        (ENDED, False, LATER, Life.STOPPED),
        (ENDED, None, SOON, Life.STOPPED),
        (ENDED, True, LATER, Life.RUNNING),  # the next daemon, before its first look
        (BEAT, True, NOW - timedelta(hours=5), Life.RUNNING),  # the clock was set back
        (BEAT, False, NOW - timedelta(hours=5), Life.DEAD),
    ],
)
def test_lock_and_heartbeat_tell_how_a_daemon_is(
    beat: Heartbeat | None, held: bool | None, now: datetime, life: Life
) -> None:
    assert life_of(beat, held=held, now=now) is life


def test_a_long_look_is_no_silence() -> None:
    slow = replace(BEAT, next_at=NOW + timedelta(hours=1))  # it looks once an hour

    assert life_of(slow, held=True, now=LATER) is Life.RUNNING
    assert life_of(slow, held=True, now=NOW + timedelta(hours=12)) is Life.SILENT


def test_the_words_say_since_when_and_what_to_do() -> None:
    today = sentence_of(Life.DEAD, BEAT, SOON)

    assert sentence_of(Life.RUNNING, BEAT, NOW) == ""
    assert today.startswith(f"no daemon since {BEAT.began_at.astimezone():%H:%M %Z}: it ended")
    assert today.endswith("start `maskloop run`")
    assert f"{BEAT.began_at.astimezone():%d %b %H:%M}" in sentence_of(
        Life.DEAD, BEAT, NOW + timedelta(3)
    )
    assert "it was stopped" in sentence_of(Life.STOPPED, ENDED, LATER)
    assert "process 7" in sentence_of(Life.SILENT, BEAT, LATER)
    assert "has not run yet" in sentence_of(Life.NEVER, None, NOW)

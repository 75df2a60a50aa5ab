"""Whether a daemon lives, from its lock and its last sign of life."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from daemon.domain import Heartbeat
from daemon.rules.heartbeat import Liveness, liveness_of, liveness_sentence

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
        (None, False, NOW, Liveness.NEVER),
        (None, None, NOW, Liveness.NEVER),
        (None, True, NOW, Liveness.RUNNING),
        (BEAT, True, SOON, Liveness.RUNNING),
        (BEAT, True, LATER, Liveness.SILENT),
        (BEAT, False, NOW, Liveness.DEAD),  # the lock tells at once
        (BEAT, None, SOON, Liveness.RUNNING),  # no locks on this file system
        (BEAT, None, LATER, Liveness.DEAD),
        (ENDED, False, LATER, Liveness.STOPPED),
        (ENDED, None, SOON, Liveness.STOPPED),
        (ENDED, True, LATER, Liveness.RUNNING),  # the next daemon, before its first look
        (BEAT, True, NOW - timedelta(hours=5), Liveness.RUNNING),  # the clock was set back
        (BEAT, False, NOW - timedelta(hours=5), Liveness.DEAD),
    ],
)
def test_lock_and_heartbeat_tell_how_a_daemon_is(
    beat: Heartbeat | None, held: bool | None, now: datetime, life: Liveness
) -> None:
    assert liveness_of(beat, held=held, now=now) is life


def test_a_long_look_is_no_silence() -> None:
    slow = replace(BEAT, next_at=NOW + timedelta(hours=1))  # it looks once an hour

    assert liveness_of(slow, held=True, now=LATER) is Liveness.RUNNING
    assert liveness_of(slow, held=True, now=NOW + timedelta(hours=12)) is Liveness.SILENT


def test_the_words_say_since_when_and_what_to_do() -> None:
    today = liveness_sentence(Liveness.DEAD, BEAT, SOON)

    assert liveness_sentence(Liveness.RUNNING, BEAT, NOW) == ""
    assert today.startswith(f"no daemon since {BEAT.began_at.astimezone():%H:%M %Z}: it ended")
    assert today.endswith("start `maskloop run`")
    assert f"{BEAT.began_at.astimezone():%d %b %H:%M}" in liveness_sentence(
        Liveness.DEAD, BEAT, NOW + timedelta(3)
    )
    assert "it was stopped" in liveness_sentence(Liveness.STOPPED, ENDED, LATER)
    assert "process 7" in liveness_sentence(Liveness.SILENT, BEAT, LATER)
    assert "has not run yet" in liveness_sentence(Liveness.NEVER, None, NOW)

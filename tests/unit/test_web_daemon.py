"""What the page says of a daemon that ended, before its first cycle too."""

from __future__ import annotations

import pytest

from daemon.rules.heartbeat import Liveness
from daemon.status.model import Status
from daemon.web.app import create_app
from tests.fakes.statuses import status

WORDS = "no daemon since 16:24 UTC: it ended without a word; start `maskloop run`"


def page_of(shown: Status) -> str:
    return create_app(lambda: shown).test_client().get("/").get_data(as_text=True)


@pytest.mark.parametrize(
    ("cycle", "life", "alarmed"),
    [
        (None, Liveness.NEVER, False),  # a new installation: the page says what to do first
        (None, Liveness.DEAD, True),
        (2, Liveness.DEAD, True),
        (2, Liveness.NEVER, True),
    ],
)
def test_the_page_warns_of_a_daemon_that_ended(
    cycle: int | None, life: Liveness, alarmed: bool
) -> None:
    before = status(2)
    state = before.daemon.model_copy(update={"state": life, "words": WORDS})
    shown = before.model_copy(update={"daemon": state, "cycle": cycle})

    assert ('role="alert">no daemon since 16:24' in page_of(shown)) is alarmed

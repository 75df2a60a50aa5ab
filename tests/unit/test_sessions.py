"""Sessions, one-time links, hosts, origins and rates: the rules of access, without a server."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.web_tokens import WebTokens
from daemon.domain.commands import AccessRole
from daemon.web.access.rate_limit import RateLimit
from daemon.web.access.requests import host_fault, origin_fault
from daemon.web.access.sessions import LINK_LIFETIME, Sessions, link_code
from tests.fakes.visitors import LEAD, NOW, VIEWER, Watch


@pytest.fixture
def clock() -> Watch:
    return Watch()


@given(cookie=st.text(max_size=2000))
def test_no_other_text_is_a_session(cookie: str) -> None:
    sessions = Sessions(lambda: WebTokens(lead=LEAD), Watch(), timedelta(hours=1))

    assert sessions.visitor(cookie).role is None
    assert sessions.role_of_link(cookie) is None
    assert sessions.role_of_token(cookie) is None or cookie == LEAD


OTHERS = st.characters(codec="ascii", exclude_characters="+/")  # - and _ of other base64


@given(place=st.integers(0, 10_000), character=OTHERS)
def test_a_cookie_with_another_character_is_no_session(place: int, character: str) -> None:
    sessions = Sessions(lambda: WebTokens(lead=LEAD), Watch(), timedelta(hours=1))
    cookie = sessions.begin(AccessRole.LEAD)
    place %= len(cookie) - 1  # the last one holds bits that base64 leaves unused
    forged = cookie[:place] + character + cookie[place + 1 :]

    assert (sessions.visitor(forged).role is AccessRole.LEAD) == (forged == cookie)


def test_a_session_of_a_viewer_is_none_of_a_lead_and_a_link_is_no_session() -> None:
    sessions = Sessions(lambda: WebTokens(lead=LEAD, viewer=VIEWER), Watch(), timedelta(hours=1))

    assert sessions.visitor(sessions.begin(AccessRole.VIEWER)).role is AccessRole.VIEWER
    assert sessions.visitor(link_code(LEAD, NOW)).role is None
    assert sessions.role_of_link(sessions.begin(AccessRole.LEAD)) is None
    assert sessions.role_of_link(link_code("another-token-0123456789", NOW)) is None


def test_a_link_signs_in_once_and_for_five_minutes(clock: Watch) -> None:
    sessions = Sessions(lambda: WebTokens(lead=LEAD), clock, timedelta(hours=1))
    code, late = link_code(LEAD, NOW), link_code(LEAD, NOW)

    assert [sessions.role_of_link(code) for _ in range(2)] == [AccessRole.LEAD, None]
    clock.time += LINK_LIFETIME
    assert sessions.role_of_link(late) is None


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("localhost:8060", True),
        ("127.0.0.1", True),
        ("[::1]:8060", True),
        ("192.168.1.7:8060", True),
        ("Pages.Example:443", True),
        ("pages.example.", True),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil.example@127.0.0.1", True),  # as URLs are read, the host is the address
        ("", False),
        ("[::1", False),
        ("evil.example\r\nX: 1", False),
        ("\N{FULLWIDTH DIGIT ONE}27.0.0.1", False),
    ],
)
def test_a_host_is_known_by_its_name_or_is_an_address(host: str, is_known: bool) -> None:
    assert (host_fault(host, {"pages.example"}) == "") == is_known


@given(origin=st.text(), host=st.text())
def test_no_text_breaks_the_check_of_a_request(origin: str, host: str) -> None:
    assert isinstance(host_fault(host, ()), str)
    assert origin_fault(origin, None, "localhost", ()) or origin.lower().endswith("localhost")


def test_a_rate_limit_counts_what_is_new_and_remembers_little() -> None:
    seconds = [0.0]
    limit = RateLimit(2, 60.0, lambda: seconds[0])

    assert [limit.allows("a"), limit.allows("a"), limit.allows("a")] == [True, True, False]
    assert limit.allows("b")
    seconds[0] = 60.0
    assert limit.allows("a")
    assert all(limit.allows(str(number)) for number in range(20_001))
    assert len(limit._attempts) <= 10_000

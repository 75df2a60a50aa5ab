from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.redaction import HIDDEN, Redactor

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Token 0123456789abcdef",
        "Authorization: Bearer abc123def456",
        f"the answer was {JWT}",
        f"cut short {JWT[:40]}",
        "token " + "0a" * 20,
        "http://ada:0123456789@host/x",
        "s3 said https://b.example/a.png?X-Amz-Signature=0123456789&X=1",
        "AWS_SECRET_ACCESS_KEY=0123456789/abc",
        '{"password": "0123456789"}',
        "[label_studio] token = '0123456789': there is no such setting",
        "key AKIA0123456789ABCDEF",
        "-----BEGIN RSA PRIVATE KEY-----\n0123456789\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    shown = Redactor([]).words(text)

    assert HIDDEN in shown
    for secret in ("0123456789", "abc123def456", JWT, "0a" * 20):
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "variable LABEL_STUDIO_API_KEY gives none",
        "[label_studio] token_env = 'LABEL_STUDIO_API_KEY': there is no such variable",
        "legacy token authentication has been disabled for this organization",
        "sha256 " + "0a" * 32,
        "image key row 1/a.png: got 10 bytes",
        "cycle 3: train is running",
        "check the token: copy it again from Account & Settings",
    ],
)
def test_words_that_help_stay(text: str) -> None:
    assert Redactor([]).words(text) == text


@given(
    st.text(min_size=6).filter(lambda text: len(text.strip()) >= 6),
    st.text(max_size=9),
    st.text(max_size=9),
)
def test_a_known_secret_is_hidden_in_any_surroundings(secret: str, before: str, after: str) -> None:
    secret = secret.strip()
    redactor = Redactor([f" {secret}\n"])

    shown = redactor.words(f"{before}{secret}{after} and {quote(secret, safe='')}")

    rest = shown.replace(HIDDEN, "\0")
    assert secret not in rest
    assert quote(secret, safe="") not in rest


def test_secrets_are_hidden_in_names_and_in_the_depth() -> None:
    deep = {"a hunter22 b": [{"x": ("hunter22", 7, None, True)}], "n": 1.5}

    shown = Redactor(["hunter22"]).all(deep)

    assert "hunter22" not in json.dumps(shown)
    assert shown["n"] == 1.5
    assert shown[f"a {HIDDEN} b"][0]["x"][1:] == [7, None, True]


def test_a_secret_of_a_few_letters_does_not_hide_the_report() -> None:
    assert Redactor(["", "a", "ab\n"]).words("a table about cables") == "a table about cables"

"""The only reader of the token: from the environment, or from a file that may change."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Callable
from pathlib import Path

from daemon.config.loading import Config
from daemon.domain.errors import ConfigError

MOST_BYTES = 10_000  # of a token; a personal one has some hundred


def token_reader(config: Config) -> Callable[[], str]:
    """A function that reads the token now; a file is read again at each call.

    Raises ConfigError where there is no token, or where others may read its file.
    """
    settings = config.label_studio
    if settings.token_file:
        path = config.home / settings.token_file
        return lambda: _token_of_file(path)
    return lambda: _token_of_environment(settings.token_env)


def webhook_secret(config: Config) -> str:
    """What Label Studio shows with its webhooks; empty where no webhook is wanted.

    Raises ConfigError where a webhook is configured and the environment holds no secret for it.
    """
    settings = config.label_studio
    if not settings.webhook:
        return ""
    secret = os.environ.get(settings.webhook_secret_env, "").strip()
    if not secret:
        raise ConfigError(
            f"[label_studio] webhook_secret_env = {settings.webhook_secret_env!r}: the environment "
            f"has no such variable; export it with any long random text, for `init` and for `run`, "
            f"or leave webhook empty"
        )
    return secret


def _token_of_environment(name: str) -> str:
    token = os.environ.get(name, "").strip()
    if not token:
        raise ConfigError(
            f"[label_studio] token_env = {name!r}: the environment has no such variable; "
            f"export {name}=... with the token of Account & Settings in Label Studio"
        )
    return _sendable(token, f"token_env: the variable {name}")


def _token_of_file(path: Path) -> str:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as exc:
        raise ConfigError(
            f"[label_studio] token_file: {path} cannot be read: {exc.strerror}; correct its name, "
            f"or let this user read it"
        ) from exc
    if mode & 0o077:
        raise ConfigError(f"[label_studio] token_file: others may read {path}; run chmod 600 on it")
    token = content.removeprefix(codecs.BOM_UTF8).strip()
    if not token:
        raise ConfigError(f"[label_studio] token_file: {path} is empty; put the token in it")
    return _sendable(token.decode("latin-1"), f"token_file: {path}")


def _sendable(token: str, place: str) -> str:
    """The token, where a request can carry it; what it is instead is never shown."""
    if len(token) > MOST_BYTES or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            f"[label_studio] {place} holds no token: expected one line of letters, digits and "
            f"signs; copy it from Account & Settings in Label Studio"
        )
    return token

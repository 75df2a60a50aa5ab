"""The only reader of the token of Label Studio: from the environment, or a file that may change."""

from __future__ import annotations

import os
from collections.abc import Callable

from daemon.config.loading import Config
from daemon.config.secret_reader import SecretSource
from daemon.domain.errors import ConfigError


def token_reader(config: Config) -> Callable[[], str]:
    """A function that reads the token now; a file is read again at each call.

    Raises ConfigError where there is no token, or where others may read its file.
    """
    settings = config.label_studio
    source = SecretSource(
        table="label_studio",
        cure_missing=f"export {settings.token_env}=... with the token of Account & Settings in "
        f"Label Studio",
        cure_broken="copy it from Account & Settings in Label Studio",
    )
    if settings.token_file:
        path = config.home / settings.token_file
        return lambda: source.from_file("token_file", path)
    return lambda: source.from_environment("token_env", settings.token_env)


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

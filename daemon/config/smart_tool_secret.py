"""The password with which Label Studio sends clicks: made once, in a file of the state folder."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress

from daemon.config.loading import Config
from daemon.config.secret_reader import SecretSource
from daemon.domain.errors import ConfigError

FILE = "smart-tool-secret"  # in the state folder, mode 0600
_CURE = "delete the file; the next start makes another one"
_SOURCE = SecretSource(table="smart_tool", cure_missing=_CURE, cure_broken=_CURE)


def smart_tool_secret(config: Config) -> str:
    """The password, which is made at the first call. Raises ConfigError where the file cannot be
    written, or others may read it."""
    path = config.state / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(number, "w") as file:
                file.write(f"{secrets.token_urlsafe(32)}\n")
    except OSError as exc:
        raise ConfigError(
            f"{path}: cannot be written: {exc.strerror}; let this user write to the state folder"
        ) from exc
    return _SOURCE.from_file("secret", path)

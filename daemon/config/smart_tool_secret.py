"""The password with which Label Studio sends clicks: made once, in a file of the state folder."""

from __future__ import annotations

from daemon.config.loading import Config
from daemon.config.secret_reader import SecretSource, keep_new_secret

FILE = "smart-tool-secret"  # in the state folder, mode 0600
_CURE = "delete the file; the next start makes another one"
_SOURCE = SecretSource(table="smart_tool", cure_missing=_CURE, cure_broken=_CURE)


def smart_tool_secret(config: Config) -> str:
    """The password, which is made at the first call. Raises ConfigError where the file cannot be
    written, or others may read it."""
    path = config.state / FILE
    keep_new_secret(path)
    return _SOURCE.from_file("secret", path)

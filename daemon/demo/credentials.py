"""The secrets of a demo: made once, kept in FOLDER/.env with mode 0600, never shown."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from daemon.domain.errors import DemoFailed

ADMIN = "admin@maskloop.local"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Who signs in to the demo's Label Studio, and on which port it listens.

    token: 40 hex digits, the legacy API token of the first user. annotator_password: shared
    by the simulated annotators. Secrets are left out of repr.
    """

    port: int
    username: str = ADMIN
    password: str = field(repr=False)
    token: str = field(repr=False)
    annotator_password: str = field(repr=False)


_KEYS = {
    "port": "LABEL_STUDIO_PORT",
    "username": "LABEL_STUDIO_USERNAME",
    "password": "LABEL_STUDIO_PASSWORD",
    "token": "LABEL_STUDIO_USER_TOKEN",
    "annotator_password": "ANNOTATOR_PASSWORD",
}


def make_credentials(port: int) -> Credentials:
    """New random secrets."""
    return Credentials(
        port=port,
        password=secrets.token_urlsafe(18),
        token=secrets.token_hex(20),
        annotator_password=secrets.token_urlsafe(18),
    )


def save_credentials(path: Path, credentials: Credentials) -> None:
    """Write the file atomically, with mode 0600 from its first byte on."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    lines = [f"{key}={getattr(credentials, name)}\n" for name, key in _KEYS.items()]
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load_credentials(path: Path) -> Credentials:
    """Read the file. Raises DemoFailed if others can read it or a key is missing."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise DemoFailed(f"{path}: mode is {mode:04o}, expected 0600; run: chmod 600 {path}")
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    values = {key.strip(): value.strip() for key, value in pairs}
    missing = [key for key in _KEYS.values() if not values.get(key)]
    if missing or not values[_KEYS["port"]].isdigit():
        raise DemoFailed(
            f"{path}: {', '.join(missing) or 'LABEL_STUDIO_PORT'} is missing or unusable;"
            " put it back, or start in a fresh folder"
        )
    fields = {name: values[key] for name, key in _KEYS.items() if name != "port"}
    return Credentials(port=int(values[_KEYS["port"]]), **fields)

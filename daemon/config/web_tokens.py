"""Who may sign in to the pages: the tokens of leads and viewers, and when a sign-in is needed.

They come from the environment or from files, which are read again at each call. On loopback
`maskloop open` makes a token of its own, in a file of the state folder that only its owner reads.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path

from daemon.config.loading import Config
from daemon.config.secret_reader import SecretSource, keep_new_secret
from daemon.domain.errors import ConfigError

GENERATED_FILE = "web-token"  # in the state folder
FEWEST_CHARACTERS = 16  # of a token; a shorter one could be guessed
_HOW = "`openssl rand -hex 24` makes a token"
_SOURCE = SecretSource(table="web", cure_missing=f"export it; {_HOW}", cure_broken=_HOW)


@dataclass(frozen=True, kw_only=True)
class WebTokens:
    """The tokens of the pages; "" where there is none."""

    lead: str = field(default="", repr=False)
    viewer: str = field(default="", repr=False)


def web_tokens(config: Config) -> WebTokens:
    """The tokens as they are now. Raises ConfigError for one that cannot be used."""
    web = config.web
    lead = _configured(config, "token", web.token_file, web.token_env)
    generated = config.state / GENERATED_FILE
    if not lead and is_loopback(web.host) and generated.exists():
        lead = _long_enough(_SOURCE.from_file("host", generated), str(generated))
    viewer = _configured(config, "viewer_token", web.viewer_token_file, web.viewer_token_env)
    if lead and lead == viewer:
        raise ConfigError(
            "[web] token and viewer_token are the same; expected two different ones, since a "
            f"viewer would be a lead; {_HOW}"
        )
    return WebTokens(lead=lead, viewer=viewer)


def make_token(config: Config) -> None:
    """Make the token of leads on loopback, where there is none yet. Raises ConfigError elsewhere,
    and where the file cannot be written."""
    if web_tokens(config).lead:
        return
    if not is_loopback(config.web.host):
        raise ConfigError(missing_token(config))
    keep_new_secret(config.state / GENERATED_FILE)


def needs_sign_in(config: Config) -> bool:
    """Whether pages are shown only to people who signed in: others than this machine reach them."""
    return not is_loopback(config.web.host) or bool(config.web.names)


def require_web_tokens(config: Config) -> None:
    """Raise ConfigError where a sign-in is needed and nobody could sign in, and for a token that
    cannot be used."""
    if not web_tokens(config).lead and not is_loopback(config.web.host):
        raise ConfigError(missing_token(config))


def missing_token(config: Config) -> str:
    """That people have to sign in and there is no token, and what to do."""
    web = config.web
    return (
        f"[web] host = {web.host!r}: others can reach the page there, so a sign-in is required, "
        f"and there is no token for it; export {web.token_env}=... ({_HOW}), or name a file with "
        f'mode 0600 in [web] token_file, or listen on host = "127.0.0.1"'
    )


def is_loopback(host: str) -> bool:
    """Whether nothing but this machine reaches a server that listens there."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _configured(config: Config, setting: str, file: str, variable: str) -> str:
    if file:
        path: Path = config.home / file
        return _long_enough(_SOURCE.from_file(f"{setting}_file", path), str(path))
    if not os.environ.get(variable, "").strip():
        return ""
    return _long_enough(_SOURCE.from_environment(f"{setting}_env", variable), variable)


def _long_enough(token: str, place: str) -> str:
    if len(token) < FEWEST_CHARACTERS:
        raise ConfigError(
            f"[web]: the token in {place} is too short; expected {FEWEST_CHARACTERS} characters "
            f"or more; {_HOW}"
        )
    return token

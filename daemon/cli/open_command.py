"""`maskloop open`: a link that signs in to the pages, once."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from daemon.cli.console import say
from daemon.config.loading import Config, load_config
from daemon.config.web_tokens import make_token, web_tokens


def open_pages(options: argparse.Namespace) -> int:
    """Print a link that signs in once within five minutes; it makes the token on loopback. Raises
    ConfigError where there is no token and none may be made."""
    from daemon.web.access.gate import SIGN_IN_PATH
    from daemon.web.access.sessions import LINK_LIFETIME, link_code

    config = load_config(options.config)
    make_token(config)
    code = link_code(web_tokens(config).lead, datetime.now(UTC))
    minutes = int(LINK_LIFETIME.total_seconds() // 60)
    say(f"this link signs you in as a lead, once, within {minutes} minutes:")
    say(f"{address(config)}{SIGN_IN_PATH}#{code}")
    if not config.web.port:
        say("[web] port = 0: put the port that the log of `maskloop run` names in place of PORT")
    return 0


def address(config: Config) -> str:
    """The address of the page on this machine, or by its first name."""
    web = config.web
    if web.names:
        return f"{'https' if web.https else 'http'}://{web.names[0]}"
    host = "127.0.0.1" if web.host in ("0.0.0.0", "::") else web.host  # every address listens
    return f"http://{f'[{host}]' if ':' in host else host}:{web.port or 'PORT'}"

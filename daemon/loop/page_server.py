"""The pages, the receiver of webhooks and the smart tool of a running daemon, as [web] says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from daemon.config.loading import Config
from daemon.config.smart_tool_secret import smart_tool_secret
from daemon.config.tokens import webhook_secret
from daemon.domain import SMART_TOOL_PATH
from daemon.domain.clock import steady_s
from daemon.loop.reload import SettingsInForce
from daemon.smart_tool.connection import SmartToolConnection
from daemon.smart_tool.opening import open_smart_tool
from daemon.status.model import Status
from daemon.status.snapshot import read_status

log = logging.getLogger(__name__)

_ANY = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # an address to listen on -> one to call


@contextmanager
def page_server(
    settings: SettingsInForce, wake: Callable[[], None]
) -> Iterator[SmartToolConnection | None]:
    """Serve until the block ends, if [web] enables it. Yields what keeps Label Studio connected to
    the smart tool; None without one."""
    config = settings.config
    if not config.web.enabled:
        yield None
        return
    from daemon.web.hints import Hints
    from daemon.web.server import serving

    secret = webhook_secret(config)
    hints = Hints(secret=secret, wake=wake) if secret else None

    def status() -> Status:
        return read_status(settings.config)

    with ExitStack() as opened:
        tool = opened.enter_context(open_smart_tool(config)) if config.smart_tool.enabled else None
        web = serving(
            status,
            config.web.host,
            config.web.port,
            hints,
            lambda: settings.config,
            wake,
            tool,
        )
        address = opened.enter_context(web)
        log.info("the page is at %s", address)
        yield None if tool is None else _connection(config, address)


def _connection(config: Config, address: str) -> SmartToolConnection:
    target = config.smart_tool.url.rstrip("/")
    if not target:
        scheme, _, place = address.partition("://")
        host, _, port = place.rpartition(":")
        target = f"{scheme}://{_ANY.get(host, host)}:{port}"
    return SmartToolConnection(f"{target}{SMART_TOOL_PATH}", smart_tool_secret(config), steady_s)

"""Serve the page in a thread of its own, until the block ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import waitress
from waitress import wasyncore

from daemon.config.web_tokens import require_web_tokens
from daemon.domain.errors import ConfigError
from daemon.web.access.gate import LARGEST_BODY_BYTES
from daemon.web.app import create_app
from daemon.web.hints import Hints
from daemon.web.page import ReadConfig, ReadStatus
from daemon.web.smart_tool_routes import LARGEST_CLICK_BYTES, AnswersClicks

STOP_CHECK_S = 0.25  # how often the serving thread checks whether it should stop


@contextmanager
def serving(
    read_status: ReadStatus,
    host: str = "127.0.0.1",
    port: int = 0,
    hints: Hints | None = None,
    read_config: ReadConfig | None = None,
    wake: Callable[[], None] = lambda: None,
    smart_tool: AnswersClicks | None = None,
) -> Iterator[str]:
    """Serve on host:port (0: any free one) and yield the address, such as http://127.0.0.1:8060.

    read_status is called in the serving threads, once a request; read_config: for pages that
    read the store. wake: makes the daemon look at a new command now. smart_tool: answers clicks in
    Label Studio. Raises ConfigError where it
    cannot listen there, or where others reach it and nobody could sign in. When the block ends no
    thread and no socket is left.
    """
    if read_config is not None:
        require_web_tokens(read_config())
    sockets: dict[int, Any] = {}
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a page with pictures asks at once
    app = create_app(read_status, hints, read_config=read_config, wake=wake, smart_tool=smart_tool)
    largest = LARGEST_BODY_BYTES if smart_tool is None else LARGEST_CLICK_BYTES
    server = _listen(app, host, port, sockets, largest)
    stopped = threading.Event()
    thread = threading.Thread(
        target=_serve, args=(server, sockets, stopped), name="web", daemon=True
    )
    thread.start()
    try:
        yield _address(server)
    finally:
        stopped.set()
        thread.join()


def _listen(app: Any, host: str, port: int, sockets: dict[int, Any], largest_bytes: int) -> Any:
    try:
        return waitress.create_server(
            app,
            map=sockets,
            host=host,
            port=port,
            threads=6,
            ident=None,
            channel_timeout=30,
            max_request_body_size=largest_bytes,
        )
    except (OSError, ValueError) as exc:
        wasyncore.close_all(sockets, ignore_all=True)
        raise ConfigError(
            f"[web] host = {host!r}, port = {port}: cannot listen there: {exc}; "
            f"choose another port, or 0 for any free one"
        ) from exc


def _serve(server: Any, sockets: dict[int, Any], stopped: threading.Event) -> None:
    while not stopped.is_set():
        wasyncore.loop(timeout=STOP_CHECK_S, map=sockets, count=1)
    server.task_dispatcher.shutdown(timeout=2)
    wasyncore.close_all(sockets)


def _address(server: Any) -> str:
    listening = getattr(server, "effective_listen", None)  # of a name with several addresses
    host, port = listening[0] if listening else (server.effective_host, server.effective_port)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

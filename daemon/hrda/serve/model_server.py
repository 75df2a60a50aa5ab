"""The socket of the model server: it stops when told, and answers what has come in before."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import waitress
from flask import Flask
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from daemon.domain.errors import ConfigError
from daemon.hrda.serve.request_errors import error_body
from daemon.hrda.serve.work_queue import WorkQueue

log = logging.getLogger(__name__)

CHECK_S = 0.25  # how often the loop looks whether it should stop
STOP_S = 20.0  # for requests that have come in, once it should
HEADER_BYTES = 65_536  # the most of a request's headers
SPARE_THREADS = 4  # beside those that wait for the model: for the card and the health
SILENT_S = 30  # after which an open connection that sends nothing is closed


class _JsonErrorTask(ErrorTask):  # waitress has no types
    """Errors before the application: headers or bodies that are too large or no HTTP."""

    def execute(self) -> None:
        """Answer the request."""
        error = self.request.error
        body = error_body(error.reason.lower().replace(" ", "_"), f"{error.reason}: {error.body}")
        self.status = f"{error.code} {error.reason}"
        self.response_headers.extend(
            [("Content-Type", "application/json"), ("Connection", "close")]
        )
        self.close_on_finish = True
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):
    error_task_class = _JsonErrorTask


class ModelServer:
    """Listens from its construction on. Raises ConfigError where it cannot.

    most_bytes: of the body of a request.
    """

    def __init__(
        self, app: Flask, work: WorkQueue, *, host: str, port: int, queue: int, most_bytes: int
    ) -> None:
        self._work = work
        self._sockets: dict[int, Any] = {}
        self._server = _listen(app, host, port, self._sockets, queue, most_bytes)
        listening = getattr(self._server, "effective_listen", None)
        name, number = (
            listening[0]
            if listening
            else (self._server.effective_host, self._server.effective_port)
        )
        self.address = f"http://[{name}]:{number}" if ":" in name else f"http://{name}:{number}"

    def serve(self, stopped: threading.Event) -> None:
        """Answer requests until `stopped`; then those that have come in, for at most STOP_S."""
        while not stopped.is_set():
            wasyncore.loop(timeout=CHECK_S, map=self._sockets, count=1)
        log.info("stopping: %d requests are still answered", self._work.count)
        deadline_s = time.monotonic() + STOP_S
        self._stop_listening()
        while time.monotonic() < deadline_s and not (self._work.stop(0) and self._is_silent()):
            wasyncore.loop(timeout=CHECK_S, map=self._sockets, count=1)
        self._server.task_dispatcher.shutdown(timeout=2)
        wasyncore.close_all(self._sockets)

    def _stop_listening(self) -> None:
        for one in list(self._sockets.values()):
            if not isinstance(one, HTTPChannel) and getattr(one, "accepting", False):
                one.close()

    def _is_silent(self) -> bool:
        """Whether no connection has a request or a part of an answer left."""
        return not any(
            one.requests or one.total_outbufs_len
            for one in self._sockets.values()
            if isinstance(one, HTTPChannel)
        )


def _listen(
    app: Flask, host: str, port: int, sockets: dict[int, Any], queue: int, most_bytes: int
) -> Any:
    try:
        server = waitress.create_server(
            app,
            map=sockets,
            host=host,
            port=port,
            threads=queue + 1 + SPARE_THREADS,
            ident=None,
            channel_timeout=SILENT_S,
            max_request_body_size=most_bytes,
            max_request_header_size=HEADER_BYTES,
        )
    except (OSError, ValueError) as exc:
        wasyncore.close_all(sockets, ignore_all=True)
        raise ConfigError(
            f"--host {host} --port {port}: cannot listen there: {exc}; choose another port, or 0 "
            f"for any free one"
        ) from exc
    for one in (server, *sockets.values()):
        one.channel_class = _Channel
    return server

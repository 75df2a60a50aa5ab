"""`serve`: one model over HTTP until SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from daemon.hrda.serve.bearer_token import Access, token_of
from daemon.hrda.serve.engine import load_engine
from daemon.hrda.serve.http_app import create_app, most_bytes
from daemon.hrda.serve.model_server import ModelServer
from daemon.hrda.serve.work_queue import WorkQueue
from daemon.runs.durable import write_json
from daemon.runs.model_requests import SERVE_TOKEN, ServeRequest
from daemon.runs.run_folder import RunFolder

log = logging.getLogger(__name__)

ADDRESS = "address.json"  # in the run folder: {"address": "http://127.0.0.1:8070"}


def serve(folder: RunFolder, request: ServeRequest) -> None:
    """Serve until a signal ends it. Raises ConfigError, RunFailed before it listens."""
    token = token_of(os.environ, request.host)
    os.environ.pop(SERVE_TOKEN, None)
    engine = load_engine(
        request.model,
        device=request.device,
        threads=request.threads,
        precision=request.precision,
    )
    work = WorkQueue(request.limits.queue)
    app = create_app(engine, work, Access(token), request.limits)
    server = ModelServer(
        app,
        work,
        host=request.host,
        port=request.port,
        queue=request.limits.queue,
        most_bytes=most_bytes(request.limits),
    )
    write_json(folder.path / ADDRESS, {"address": server.address})
    log.info(
        "serving model=%s at %s/v1/predict token=%s; stop with Ctrl-C",
        engine.card.facts.name,
        server.address,
        "required" if token else "none",
    )
    with _signals() as stopped:
        server.serve(stopped)


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

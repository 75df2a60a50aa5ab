"""`maskloop serve`: one model over HTTP, in a process of its own that loads torch."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType

from daemon.cli import option_types


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which model, where, and what one request may ask."""
    from daemon.runs.model_requests import SERVE_TOKEN

    parser.add_argument(
        "model",
        type=option_types.path,
        metavar="CHECKPOINT|EXPORT_DIR",
        help="checkpoint.pth of a training, or the folder of `maskloop export --model`",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help=f"where to listen (default: 127.0.0.1); others need a token in {SERVE_TOKEN}",
    )
    parser.add_argument("--port", type=int, default=8070, help="0: any free one (default: 8070)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; 0: all (default)")
    parser.add_argument(
        "--precision",
        choices=("auto", "fp32", "bf16"),
        default="auto",
        help="number format of the network; auto: that of its test figures, which is fp32 unless "
        "it was trained with bf16; bf16 is faster where the machine has it (default: auto)",
    )
    _add_limits(parser)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    from daemon.runs.model_requests import ServeLimits

    usual = ServeLimits()
    for name, words in (
        ("body_megabytes", "largest request"),
        ("images", "most pictures in a request"),
        ("megapixels", "largest picture"),
        ("queue", "requests that wait; further ones get status 503"),
        ("seconds", "until a request without a result gets status 504"),
        ("answer_megabytes", "largest answer"),
    ):
        default = getattr(usual, name)
        parser.add_argument(
            f"--max-{name.replace('_', '-')}",
            type=type(default),
            default=default,
            dest=name,
            help=f"{words} (default: {default:g})",
        )


def serve(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C; the exit code of the process."""
    from pydantic import ValidationError

    from daemon.domain.errors import MaskloopError
    from daemon.runs.model_requests import ServeLimits, ServeRequest

    limits = {name: getattr(options, name) for name in ServeLimits.model_fields}
    try:
        request = ServeRequest(
            model=options.model.absolute(),
            host=options.host,
            port=options.port,
            device=options.device,
            threads=options.threads,
            precision=options.precision,
            limits=ServeLimits(**limits),
        )
    except ValidationError as exc:
        words = "; ".join(
            f"{'.'.join(map(str, one['loc']))} = {one['input']!r}: {one['msg']}"
            for one in exc.errors()
        )
        raise MaskloopError(f"maskloop serve: {words}") from exc
    with tempfile.TemporaryDirectory(prefix="maskloop-serve-") as folder:
        (Path(folder) / "request.json").write_text(request.model_dump_json())
        return _run(Path(folder))


def _run(folder: Path) -> int:
    """The process, until it ends; SIGTERM and Ctrl-C go on to it."""
    from daemon.launchers.local import child_environment
    from daemon.runs.model_requests import SERVE_TOKEN

    environment = child_environment(os.environ)
    if SERVE_TOKEN in os.environ:
        environment[SERVE_TOKEN] = os.environ[SERVE_TOKEN]
    child = subprocess.Popen(
        [sys.executable, "-m", "daemon.hrda", "serve", str(folder)],
        stdin=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )

    def stop(number: int, frame: FrameType | None) -> None:
        child.terminate()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        return child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if child.stdin:
            child.stdin.close()

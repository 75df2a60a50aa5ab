"""The command line in a child process of its own, with the streams that the test gives it.

`run_command` forks from this process, whose imports are done: a command costs milliseconds.
`started` starts the program as a shell does, for tests of its start and of its signals.
"""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from daemon.cli import commands, streams

TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def run_command(
    *words: str | Path,
    folder: Path,
    encoding: str = "utf-8",
    out: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run `maskloop WORDS` in the folder. out: takes standard output instead of `Ended.out`."""
    with tempfile.TemporaryFile() as own, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            _be_the_command(list(map(str, words)), folder, encoding, out or own, err, environment)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return Ended(code=code, out=_read(own, encoding), err=_read(err, encoding))


def started(
    *words: str | Path, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """The program itself, started; its output comes by pipes."""
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-m", "daemon.cli", *map(str, words)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root), **(environment or {})},
    )


def assert_said(done: Ended, words: str, code: int = 1) -> None:
    assert TRACEBACK not in done.err + done.out
    assert done.code == code, done
    assert re.search(words, done.err), done.err


def _be_the_command(
    words: list[str],
    folder: Path,
    encoding: str,
    out: IO[bytes],
    err: IO[bytes],
    environment: Mapping[str, str] | None,
) -> None:
    code = 70
    try:
        os.chdir(folder)
        os.environ.update(environment or {})
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), encoding=encoding, write_through=True)
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), encoding=encoding, write_through=True)
        streams.prepare()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = commands.main(words)
    except SystemExit as exc:
        code = int(exc.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _read(file: IO[bytes], encoding: str) -> str:
    file.seek(0)
    return file.read().decode(encoding, "replace")

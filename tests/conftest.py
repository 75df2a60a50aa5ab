"""For every test: its folder lies in memory, what it opened is closed at its end, and in CI a skip
that nobody allowed fails."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ALLOWED_SKIPS = ("../shared is absent",)

MEMORY = Path("/dev/shm")  # a commit of the store takes 0.05 ms there, 5 ms on a disk
FREE_BYTES = 4 << 30

_connections: list[sqlite3.Connection] = []


def _folders_in_memory() -> None:
    """Have `tmp_path` lie in memory, unless somebody names another place or there is no room."""
    if not os.access(MEMORY, os.W_OK) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return
    if shutil.disk_usage(MEMORY).free > FREE_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def _heed_interrupts() -> None:
    """Have SIGINT end processes as usual. A shell has what it starts in the background ignore it,
    and so would every process that a test starts and interrupts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _note_connection(event: str, arguments: tuple[object, ...]) -> None:
    if event == "sqlite3.connect/handle" and isinstance(arguments[0], sqlite3.Connection):
        _connections.append(arguments[0])


_folders_in_memory()
_heed_interrupts()
# A machine with other work misses any deadline, also that of drawing examples; no test asserts a
# time. In CI the examples are the same at every run: new ones are looked for where one works.
settings.register_profile(
    "house",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("house")
sys.addaudithook(_note_connection)


@pytest.fixture(autouse=True, scope="module")
def older_objects_are_not_searched() -> Iterator[None]:
    """So that the search after each test takes milliseconds; torch alone is 10^6 objects."""
    gc.collect()
    gc.freeze()
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def all_that_a_test_opens_is_closed(
    request: pytest.FixtureRequest, older_objects_are_not_searched: None
) -> Iterator[None]:
    """Blame the test that leaves a file, a socket or a store open, not the one that runs later.

    An object that is destroyed open gives a ResourceWarning, which pyproject.toml makes an error.
    For connections to SQLite Python 3.11 gives none, so these are counted here.
    """
    _connections.clear()
    yield
    left_open = sum(_is_open(connection) for connection in _connections)
    _connections.clear()
    request.node.funcargs.clear()
    gc.collect()
    if left_open:
        pytest.fail(f"{left_open} connections to SQLite are open at the end; close what is opened")


def _is_open(connection: sqlite3.Connection) -> bool:
    try:
        connection.total_changes  # noqa: B018
    except sqlite3.ProgrammingError:
        return False
    return True


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    for report in _forbidden(terminalreporter):
        terminalreporter.write_line(f"FORBIDDEN SKIP in CI: {report.nodeid}: {report.longrepr}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == pytest.ExitCode.OK and reporter and _forbidden(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _forbidden(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    if os.environ.get("CI") != "true":
        return []
    skipped = reporter.stats.get("skipped", [])
    return [r for r in skipped if not any(words in str(r.longrepr) for words in ALLOWED_SKIPS)]

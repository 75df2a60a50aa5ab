"""For every test: a skip that nobody allowed fails the run in CI."""

from __future__ import annotations

import os

import pytest

ALLOWED_SKIPS = ("../shared is absent",)


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

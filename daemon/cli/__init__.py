"""The program `maskloop`: it starts fast enough that Ctrl-C ends it quietly from the first moment.

Until the command line is imported, an interrupt ends the process as the shell expects; from then
on daemon/cli/commands.py answers it in words.
"""

from __future__ import annotations

import signal


def main() -> int:
    """Run the command of `sys.argv`; the exit code."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from daemon.cli import commands

    signal.signal(signal.SIGINT, before or signal.default_int_handler)
    return commands.main()

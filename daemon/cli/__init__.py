"""The program `maskloop`: commands.py is the table of the commands, actions.py what each does,
options.py their options, terminal.py the status as text.

Until the command line is imported, Ctrl-C ends the process without a traceback, as the shell
expects; from then on daemon/cli/commands.py answers it with a message.
"""

from __future__ import annotations

import signal


def main() -> int:
    """Run the command of `sys.argv`. Returns the exit code."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from daemon.cli import commands

    signal.signal(signal.SIGINT, before or signal.default_int_handler)
    return commands.main()

"""Standard output and standard error of the program, as rich consoles."""

from __future__ import annotations

import sys

from rich.console import Console

from daemon.cli import streams

FILE_WIDTH = 160  # columns of a table where standard output is no terminal

streams.prepare()
OUT = Console(
    highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else FILE_WIDTH
)
ERR = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a line as it is: square brackets are not markup."""
    OUT.print(text, markup=False)


def report_fault(message: str) -> None:
    """Print what is wrong to standard error."""
    ERR.print(f"maskloop: {message}", markup=False)


def ask(question: str) -> str:
    """The answer of whoever sits at the terminal; "no" where the terminal is closed."""
    OUT.print(question, markup=False, end="")
    answer = sys.stdin.readline()
    return answer.rstrip("\n") if answer else "no"

"""Where text goes, and what happens when nobody reads it any more."""

from __future__ import annotations

import os
import sys

from rich.console import Console


class Terminal(Console):
    """A console that falls silent when its reader is gone: a training goes on without being watched."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        forget_output()


def forget_output() -> None:
    """From now on what is printed goes nowhere, instead of failing again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def aside(message: str) -> None:
    """Say what is waited for, beside what the command prints."""
    print(message, file=sys.stderr)


def terminal() -> Terminal:
    """Where text goes: wrapped between words in a terminal, and never where it goes elsewhere."""
    console = Terminal(highlight=False)
    console.soft_wrap = not console.is_terminal
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 200
    return console

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


def terminal() -> Terminal:
    """Where text goes. Lines are never cut or wrapped by us, and what is not a terminal is as wide as it takes."""
    console = Terminal(highlight=False, soft_wrap=True)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 200
    return console

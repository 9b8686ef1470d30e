"""The command line: parse, call the library, print. ``fittingroom --help`` imports neither torch nor the database."""

from __future__ import annotations

import sys
import warnings

from fittingroom.errors import FittingRoomError


def _as_note(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """A warning as a sentence beside what a command prints."""
    return f"note: {message}\n"


def main() -> None:
    """Run the command line; exit status 0 done, 1 failed, 2 wrong input, 130 interrupted."""
    warnings.formatwarning = _as_note
    try:
        from fittingroom.cli.app import app

        app(prog_name="fittingroom")
    except FittingRoomError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except OSError as error:  # what a command prints cannot be written; files of ours are WorkspaceErrors
        from fittingroom.cli.output import forget_output

        forget_output()
        print(f"error: the output cannot be written: {error.strerror}", file=sys.stderr)
        sys.exit(1)

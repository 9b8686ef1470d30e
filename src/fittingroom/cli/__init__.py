"""The command line: parse, call the library, print. ``fittingroom --help`` imports neither torch nor the database."""

from __future__ import annotations

import sys

from fittingroom.errors import FittingRoomError


def main() -> None:
    """Run the command line; exit status 0 done, 1 failed, 2 wrong input."""
    from fittingroom.cli.app import app

    try:
        app(prog_name="fittingroom")
    except FittingRoomError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)

"""``python -m fittingroom`` is the command line."""

from fittingroom.cli import main

main()

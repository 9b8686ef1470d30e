"""Reports: figures as SVG text, and one self-contained HTML file for a study or a run."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""Style sheets: of the figures, which the page serves too, and of a report."""

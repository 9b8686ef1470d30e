"""Computes with statsmodels what ``fittingroom.measure`` says about seeds and images. Run by hand:

    python -m venv stats-venv
    stats-venv/bin/pip install statsmodels==0.15.0 numpy==2.4.6
    stats-venv/bin/python tests/oracles/make_stats_table.py

Writes ``stats_table.json`` beside itself, which is committed. It imports nothing of ours; its numbers are drawn with a
fixed seed and written down with the results, so a second run writes the same bytes. One list for each purpose:

- ``holm``: p values and their Holm-adjusted ones;
- ``paired``: values of two arms, the margin; mean, 95 % interval and p of their paired differences, p of the TOST;
- ``mcnemar``: both right, only A, only B, neither; the exact two-sided p;
- ``power``: seeds, effect in standard deviations of the difference, alpha; power of the two-sided paired t test;
- ``seeds``: effect, alpha; the fewest seeds with 80 % power.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

Row = dict[str, Any]
rng = np.random.default_rng(20260101)


def holm() -> list[Row]:
    rows = []
    for m in (1, 2, 3, 10, 45):
        p = np.round(rng.beta(0.3, 1, m), 6)
        rows.append({"p": p.tolist(), "adjusted": multipletests(p, method="holm")[1].tolist()})
    return rows


def paired() -> list[Row]:
    rows = []
    for n in (2, 3, 5, 10, 30):
        for shift in (0.0, 0.15, 1.0):
            seeds = rng.normal(91, 0.3, n)
            a, b = np.round(seeds + shift + rng.normal(0, 0.1, n), 4), np.round(seeds + rng.normal(0, 0.1, n), 4)
            described = DescrStatsW(a - b)
            rows.append(
                {
                    "a": a.tolist(),
                    "b": b.tolist(),
                    "margin": 0.2,
                    "mean": float(described.mean),
                    "interval": [float(end) for end in described.tconfint_mean()],
                    "p": float(described.ttest_mean()[1]),
                    "tost": float(ttost_paired(a, b, -0.2, 0.2)[0]),
                }
            )
    return rows


def mcnemar_exact() -> list[Row]:
    tables = [(1, 1, 7, 12), (59, 6, 16, 80), (4500, 120, 96, 284), (10, 0, 0, 5), (3, 0, 9, 1), (9000, 400, 400, 200)]
    return [{"counts": t, "p": float(mcnemar([t[:2], t[2:]], exact=True).pvalue)} for t in tables]


def power() -> list[Row]:
    rows = []
    for n in (3, 5, 10, 40, 200):
        for effect in (0.05, 0.2, 0.5, 1.0, 2.5):
            for alpha in (0.05, 0.005):
                value = float(TTestPower().power(effect, n, alpha, alternative="two-sided"))
                if math.isfinite(value):  # SciPy's noncentral t is nan here and there
                    rows.append({"n": n, "effect": effect, "alpha": alpha, "power": value})
    return rows


def seeds() -> list[Row]:
    rows = []
    for effect in (0.1, 0.25, 0.5, 0.8, 1.2):
        for alpha in (0.05, 0.005):
            exact = float(TTestPower().solve_power(effect, power=0.8, alpha=alpha, alternative="two-sided"))
            rows.append({"effect": effect, "alpha": alpha, "seeds": math.ceil(exact)})
    return rows


tables = {"holm": holm(), "paired": paired(), "mcnemar": mcnemar_exact(), "power": power(), "seeds": seeds()}
lists = (f'"{name}": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]" for name, rows in tables.items())
(Path(__file__).parent / "stats_table.json").write_text("{\n" + ",\n".join(lists) + "\n}\n")

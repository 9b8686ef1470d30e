"""Figures are well-formed SVG whose marks lie where the numbers say, and never show what is no number."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterator
from xml.etree import ElementTree as Tree

import pytest
from scipy.stats import t

from fittingroom.measure.study import MEASURES, StudyResults
from fittingroom.measure.verdicts import judge
from fittingroom.report import figures
from fittingroom.report.figures import Curves, Difference, on_front
from fittingroom.report.found import differences_in
from fittingroom.report.names import distinct, fitted
from fittingroom.report.scales import Scale, log_ticks, round_ticks, scale_of, tick_text, told
from fittingroom.report.svg import LETTER, NARROW, WIDE, cut, spread
from tests.report.conftest import arm, study

SVG = "{http://www.w3.org/2000/svg}"
NAUGHTY = "<b>&\" \x07'</text>"


def curves_of(results: StudyResults) -> Curves:
    return {
        each.key: {outcome.seed: [(epoch, 0.9 - 0.5 / epoch) for epoch in range(1, 6)] for outcome in each.outcomes}
        for each in results.arms
    }


def differences_of(results: StudyResults) -> list[Difference]:
    first, *others = results.arms
    return [Difference(first.key, other.key, 0.4, 0.1, 0.7, decided=True) for other in others]


def all_figures(results: StudyResults) -> list[str]:
    found = differences_of(results) if results.arms else []
    return [
        figures.dots(results),
        figures.curves(results, curves_of(results)),
        figures.front(results),
        figures.front(results, "parameters"),
        figures.ways(results),
        figures.differences(results, found),
        *([figures.two_axes(results)] if len(results.axes) > 1 else []),
    ]


def grid(rows: int, columns: int) -> StudyResults:
    arms = [
        arm(f"{row} {column}", [0.9 + 0.001 * row, 0.901], settings={"a.rows": str(row), "b.columns": f"c{column}"},
            seconds=1 + row * column, parameters=10 ** (row % 5))
        for row in range(rows) for column in range(columns)
    ]  # fmt: skip
    made = study(*arms)
    return StudyResults(**{**vars(made), "axes": ("a.rows", "b.columns")})


CASES = {
    "empty": study(),
    "one arm": study(arm("relu", [0.9])),
    "no figure": study(arm("relu", [None, None]), arm("elu", [None])),
    "nan": study(arm("relu", [math.nan, 0.9]), arm("elu", [math.inf, 0.8])),
    "all the same": study(arm("relu", [0.9, 0.9, 0.9]), arm("elu", [0.9, 0.9, 0.9])),
    "perfect": study(arm("relu", [1.0, 1.0]), arm("elu", [0.0, 1.0])),
    "names": study(arm(NAUGHTY, [0.9, 0.91]), arm("x" * 90, [0.9, 0.92]), arm("", [0.9])),
    "forty": grid(8, 5),
    "loss": study(arm("relu", [0.9], validation_loss=0.3), arm("elu", [0.9], validation_loss=math.nan),
                  measure="validation_loss"),
    "free": study(arm("relu", [0.9], seconds=0.0, parameters=0), arm("elu", [0.8], seconds=5, parameters=0)),
}  # fmt: skip


def pictures(figure: str) -> dict[str, Tree.Element]:
    """The two layouts of a figure, parsed."""
    found = {each.get("class", "").split()[-1]: each for each in Tree.fromstring(figure)}
    assert set(found) == {WIDE.name, NARROW.name}
    return found


def marked(picture: Tree.Element, kind: str) -> Iterator[Tree.Element]:
    return (each for each in picture.iter() if kind in each.get("class", "").split())


@pytest.mark.parametrize("results", CASES.values(), ids=CASES)
def test_every_figure_is_well_formed_and_says_what_it_shows(results: StudyResults) -> None:
    for figure in all_figures(results):
        for layout, picture in pictures(figure).items():
            assert picture.get("role") == "img"
            assert picture.findtext(f"{SVG}title"), layout
            assert picture.findtext(f"{SVG}desc"), layout
        assert not re.search(r"\b(nan|inf|None)\b", figure), figure
        assert "style=" not in figure  # the page's policy allows none
        assert "http" not in figure.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("results", CASES.values(), ids=CASES)
def test_nothing_lies_outside_the_picture(results: StudyResults) -> None:
    for figure in all_figures(results):
        for picture in pictures(figure).values():
            _, _, width, height = (float(each) for each in picture.get("viewBox", "").split())
            for each in picture.iter():
                for across, up in (("x", "y"), ("x1", "y1"), ("x2", "y2"), ("cx", "cy")):
                    if each.tag == f"{SVG}svg" or across not in each.attrib or up not in each.attrib:
                        continue
                    assert -1 <= float(each.attrib[across]) <= width + 1, Tree.tostring(each)
                    assert -1 <= float(each.attrib[up]) <= height + 1, Tree.tostring(each)


def test_dots_lie_where_their_values_are() -> None:
    results = study(arm("relu", [0.905, 0.911, 0.908]), arm("elu", [0.899, 0.904, None]))
    for picture in pictures(figures.dots(results)).values():
        found = [(float(dot.attrib["data-value"]), float(dot.attrib["cx"])) for dot in marked(picture, "dot")]
        assert [value for value, _ in found] == pytest.approx([90.5, 91.1, 90.8, 89.9, 90.4])
        (v1, x1), (v2, x2) = found[3], found[1]
        for value, x in found:
            assert x == pytest.approx(x1 + (value - v1) / (v2 - v1) * (x2 - x1), abs=0.02)
        ticks = [(float(tick.text or ""), float(tick.attrib["x"])) for tick in marked(picture, "tick")]
        for value, x in ticks:  # the numbers below say the same as the dots
            assert x == pytest.approx(x1 + (value - v1) / (v2 - v1) * (x2 - x1), abs=0.02)


def test_intervals_are_those_of_students_t() -> None:
    accuracies = [0.905, 0.911, 0.908]
    picture = pictures(figures.dots(study(arm("relu", accuracies), arm("elu", [0.89, 0.92, 0.9]))))["wide"]
    low, high = t.interval(0.95, 2, loc=90.8, scale=0.3 / math.sqrt(3))
    ticks = [(float(tick.text or ""), float(tick.attrib["x"])) for tick in marked(picture, "tick")]
    (v1, x1), (v2, x2) = ticks[0], ticks[-1]
    line = next(each for each in marked(picture, "interval") if each.findtext(f"{SVG}title"))
    found = [v1 + (float(line.attrib[end]) - x1) / (x2 - x1) * (v2 - v1) for end in ("x1", "x2")]
    assert found == pytest.approx([low, high], abs=0.01)
    assert f"{90.8:.2f} ± {(high - low) / 2:.2f}" in [each.text for each in marked(picture, "figure-text")]


def test_the_margin_is_shaded_around_the_best_mean() -> None:
    picture = pictures(figures.dots(study(arm("relu", [0.9, 0.91]), arm("elu", [0.85, 0.86]), margin=0.5)))["wide"]
    (band,) = marked(picture, "margin")
    dots = [(float(dot.attrib["data-value"]), float(dot.attrib["cx"])) for dot in marked(picture, "dot")]
    (v1, x1), (v2, x2) = dots[0], dots[-1]
    middle = float(band.attrib["x"]) + float(band.attrib["width"]) / 2
    assert v1 + (middle - x1) / (x2 - x1) * (v2 - v1) == pytest.approx(90.5, abs=0.02)
    assert float(band.attrib["width"]) == pytest.approx(1.0 * (x2 - x1) / (v2 - v1), abs=0.05)


def test_an_interval_that_would_drown_the_dots_ends_in_arrows() -> None:
    wide = study(arm("relu", [0.90, 0.92]), arm("elu", [0.905, 0.906, 0.907]))  # t(1) = 12.7: ± 12.7 points
    picture = pictures(figures.dots(wide))["wide"]
    assert len(list(marked(picture, "arrow"))) == 2
    dots = [float(dot.attrib["cx"]) for dot in marked(picture, "dot")]
    assert max(dots) - min(dots) > 100


def test_a_run_that_never_reached_the_target_leaves_its_arm_without_a_mean() -> None:
    late = arm("elu", [0.9, 0.9], epochs_to_target=None)
    picture = pictures(figures.dots(study(arm("relu", [0.9, 0.9], epochs_to_target=4.0), late,
                                          measure="epochs_to_target")))["wide"]  # fmt: skip
    assert [each.text for each in marked(picture, "figure-text")] == ["4.0 ± 0.0", "no figure"]


def test_curves_are_means_and_bands_ranges_up_to_the_last_common_epoch() -> None:
    results = study(arm("relu", [0.9, 0.9]))
    key = results.arms[0].key
    found = {key: {0: [(1, 0.5), (2, 0.7), (3, 0.8)], 1: [(1, 0.6), (2, 0.9), (3, 0.9), (4, 0.91), (5, 0.92)]}}
    picture = pictures(figures.curves(results, found))["wide"]
    (curve,), (band,), (single,) = (list(marked(picture, kind)) for kind in ("curve", "band", "single"))
    ticks = [(float((tick.text or "").removesuffix(" %")), float(tick.attrib["y"]) - 4)
             for tick in marked(picture, "tick") if "%" in (tick.text or "")]  # fmt: skip
    (v1, y1), (v2, y2) = ticks[0], ticks[-1]

    def heights(element: Tree.Element) -> list[float]:
        places = [float(pair.split()[1]) for pair in element.attrib["d"].strip("MZ").split("L")]
        return [v1 + (y - y1) / (y2 - y1) * (v2 - v1) for y in places]

    assert heights(curve) == pytest.approx([55, 80, 85], abs=0.1)
    assert heights(band) == pytest.approx([60, 90, 90, 80, 70, 50], abs=0.1)
    assert heights(single) == pytest.approx([90, 91, 92], abs=0.1)
    assert "85.0 relu" in "".join(picture.itertext())


def test_more_than_six_arms_have_a_small_picture_each() -> None:
    results = grid(4, 2)
    picture = pictures(figures.curves(results, curves_of(results)))["narrow"]
    assert len(list(marked(picture, "curve"))) == 8
    assert len(list(marked(picture, "all-arms"))) == 8
    assert len(list(marked(picture, "best-arm"))) == 7  # all but its own


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_the_front_is_what_no_other_point_beats(better: str) -> None:
    points = [(1.0, 5.0), (2.0, 7.0), (2.0, 6.0), (3.0, 7.0), (4.0, 2.0), (5.0, 9.0)]
    sign = 1 if better == "higher" else -1

    def beaten(point: tuple[float, float]) -> bool:
        return any(other[0] <= point[0] and sign * other[1] >= sign * point[1] and other != point for other in points)

    assert on_front(points, better) == [index for index, point in enumerate(points) if not beaten(point)]  # type: ignore[arg-type]


def test_the_front_draws_costs_on_a_logarithmic_scale_where_they_differ_widely() -> None:
    arms = [arm(f"a{n}", [0.8 + 0.01 * n], parameters=10**n) for n in range(2, 6)]
    picture = pictures(figures.front(study(*arms), "parameters"))["wide"]
    places = [float(each.attrib["cx"]) for each in marked(picture, "on-front")]
    steps = [after - before for before, after in itertools.pairwise(places)]
    assert steps == pytest.approx([steps[0]] * 3, abs=0.02)


def test_two_axes_make_a_table_with_every_mean_and_the_best_framed() -> None:
    results = grid(3, 2)
    picture = pictures(figures.combinations(results))["narrow"]
    cells = list(marked(picture, "cell"))
    assert len(cells) == 6
    (ring,) = marked(picture, "ring")
    best = max(cells, key=lambda cell: float(cell.attrib["fill-opacity"]))
    assert float(best.attrib["y"]) + 2 == pytest.approx(float(ring.attrib["y"]))


def test_parallel_coordinates_have_a_line_for_each_arm_that_ends_at_its_mean() -> None:
    arms = [arm(f"a{n}", [0.9 + 0.01 * n], settings={"x": str(n), "y": "relu", "z": f"{0.1 / 3**n}"}) for n in range(4)]
    picture = pictures(figures.combinations(study(*arms)))["wide"]
    ends = [float(each.attrib["d"].split("L")[-1].split()[1]) for each in marked(picture, "way")]
    assert len(ends) == 4
    assert ends == sorted(ends, reverse=True)  # the best is drawn last, and highest
    assert len(list(marked(picture, "best"))) == 1


def test_a_matrix_says_each_difference_both_ways() -> None:
    a, b, c = (arm(name, [0.9, 0.91]) for name in "abc")
    found = [Difference(a.key, b.key, 0.5, 0.1, 0.9, decided=True), Difference(a.key, c.key, 0.1, -0.2, 0.4, False),
             Difference(b.key, c.key, -0.4, -0.9, 0.1, decided=False)]  # fmt: skip
    for picture in pictures(figures.differences(study(a, b, c), found)).values():
        texts = [each.text for each in picture.iter(f"{SVG}text")]
        assert [texts.count(each) for each in ("+0.50", "−0.50", "+0.10", "−0.10", "−0.40", "+0.40")] == [1] * 6
        assert [each.text for each in marked(picture, "strong")] == ["+0.50", "−0.50"]
        tips = [[float(pair.split()[1]) for pair in each.attrib["d"].strip("MZ").split("L")]
                for each in marked(picture, "arrow")]  # fmt: skip
        assert [tip[2] < tip[0] for tip in tips] == [True, False]  # up, then down


def test_comparisons_with_one_arm_are_rows_around_zero() -> None:
    a, b, c = (arm(name, [0.9, 0.91]) for name in "abc")
    found = [Difference(a.key, b.key, 0.5, 0.1, 0.9, decided=True), Difference(a.key, c.key, -0.25, None, None, False)]
    picture = pictures(figures.differences(study(a, b, c), found))["wide"]
    (zero,) = marked(picture, "zero")
    dots = {float(each.attrib["data-value"]): float(each.attrib["cx"]) - float(zero.attrib["x1"])
            for each in picture.iter(f"{SVG}circle")}  # fmt: skip
    assert dots[0.5] / dots[-0.25] == pytest.approx(-2, abs=0.01)
    assert "a, less" in [each.text for each in picture.iter(f"{SVG}text")]


def test_comparisons_with_a_control_are_rows_less_the_control_and_so_is_the_margin() -> None:
    a, b, c = (arm(name, values) for name, values in (("a", [0.9, 0.91]), ("b", [0.8, 0.82]), ("c", [0.7, 0.71])))
    results = dataclasses.replace(study(a, b, c), control=b.key)
    found = differences_in(judge(results))
    assert [(each.first, each.second) for each in found] == [(a.key, b.key), (c.key, b.key)]
    assert [round(each.value, 6) for each in found] == [9.5, -10.5]
    picture = pictures(figures.differences(results, found))["wide"]
    texts = [each.text for each in picture.iter(f"{SVG}text")]
    assert {"less b", "a", "c", "+9.50", "−10.50"} <= set(texts)
    legend = " ".join(each.text or "" for each in pictures(figures.dots(results))["wide"].iter(f"{SVG}text"))
    assert "shaded: within 0.2 points of b's mean" in legend


def test_a_name_that_fits_exactly_is_not_cut() -> None:
    for letters in range(1, 40):
        text = "x" * letters
        assert cut(text, (letters * LETTER + 16) - 16) == text  # which is not quite letters * LETTER


def test_cut_names_keep_the_whole_one_as_their_title() -> None:
    picture = pictures(figures.dots(CASES["names"]))["narrow"]
    short = next(each for each in marked(picture, "name") if (each.text or "").startswith("xxx"))
    assert "…" in (short.text or "")
    assert short.findtext(f"{SVG}title") == "x" * 90


@pytest.mark.parametrize(("low", "high"), [(0, 1), (89.7, 91.3), (-0.31, 0.4), (1e-7, 3e-7), (0, 123456)])
def test_ticks_are_round_and_within(low: float, high: float) -> None:
    ticks = round_ticks(low, high, 6)
    assert 2 <= len(ticks) <= 7
    assert all(low - 1e-12 <= tick <= high + 1e-12 for tick in ticks)
    assert {f"{after - before:.6e}"[0] for before, after in itertools.pairwise(ticks)} <= {"1", "2", "5"}
    assert not any("-" in tick_text(tick) and "e" not in tick_text(tick) for tick in ticks)


def test_logarithmic_ticks() -> None:
    assert log_ticks(0.0008, 0.12, 8) == pytest.approx([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1])
    assert Scale(1, 100, 0, 10, log=True)(10) == pytest.approx(5)
    assert scale_of([3.0, 3.0], 0, 10, log=True).low < 3 < scale_of([3.0, 3.0], 0, 10, log=True).high


def test_labels_are_moved_apart_and_stay_within() -> None:
    found = spread([10, 10, 11, 90], 10, 0, 60)
    assert sorted(found) == found
    assert all(after - before >= 10 - 1e-9 for before, after in itertools.pairwise(found))
    assert max(found) <= 60
    assert cut("short", 1000) == "short"
    assert cut("a long name that ends in 128", 16 * LETTER) == "a long na…in 128"


RATES = [
    f"learning rate {rate}, {dropout} dropout" for rate in ("0.01", "0.03", "0.1") for dropout in ("with", "without")
]


def test_names_lose_what_all_share_before_they_are_cut() -> None:
    assert distinct(RATES, 1000) == RATES
    assert distinct(RATES, 21 * LETTER)[:2] == ["0.01, with dropout", "0.01, without dropout"]
    assert distinct(RATES, 13 * LETTER) == [
        "0.01, with", "0.01, without", "0.03, with", "0.03, without", "0.1, with", "0.1, without",
    ]  # fmt: skip
    assert distinct(["same", "same"], 5) == distinct(["same"], 5) * 2


def test_what_names_have_lost_is_told_below_the_figure() -> None:
    assert fitted(RATES, 1000).notes == []
    assert fitted(RATES, 21 * LETTER).notes == ["names: learning rate …, …"]
    assert fitted(RATES, 13 * LETTER).notes == ["names: learning rate …, … dropout"]
    sizes = [f"adam with decay, batches of {size} images" for size in (64, 128)]
    assert fitted(sizes, 8 * LETTER).notes == ["names: adam with decay, batches of … images"]
    assert fitted(["x" * 40, "y" * 40], 8 * LETTER).notes == [], "cut, but nothing was left out that all share"
    rates = [f"learning rate of every layer {rate}" for rate in (0.1, 0.2, 0.3)]
    results = study(*(arm(name, [0.9, 0.91]) for name in rates))
    for name, picture in pictures(figures.dots(results)).items():
        told = " ".join(each.text or "" for each in marked(picture, "muted"))
        assert ("names: learning rate of every layer …" in told) is (name == "narrow")


def test_letters_of_east_asia_are_as_wide_as_two() -> None:
    name = "学習率 0.1 とドロップアウトあり"  # 13 of them, and 5 others
    assert cut(name, 31 * LETTER) == name
    assert cut(name, 30 * LETTER) == "学習率 0.1 とドロ…アウトあり"
    assert cut("増強" * 20, LETTER) == "増…"
    decomposed = "e\u0301" * 10
    assert cut(decomposed, 10 * LETTER) == decomposed
    assert cut(decomposed, 9 * LETTER) != decomposed


@pytest.mark.parametrize("letters", [6, 9, 13, 20, 28])
@pytest.mark.parametrize(
    "names",
    [RATES, [f"{'x' * 40}{number:02d}{'y' * 40}" for number in range(30)], ["a b", "a", "a b c", "a c"], ["", "a"]],
)
def test_different_names_are_never_cut_to_the_same(names: list[str], letters: int) -> None:
    found = distinct(names, letters * LETTER)
    assert len(set(found)) == len(names)
    assert all(len(each) <= letters for each in found)


def test_no_figure_has_two_arms_that_read_alike() -> None:
    results = study(*(arm(name, [0.9, 0.91 + 0.001 * n], seconds=n + 1) for n, name in enumerate(RATES)))
    drawn = [figures.dots(results), figures.curves(results, curves_of(results)), figures.front(results),
             figures.differences(results, differences_of(results))]  # fmt: skip
    for layout in [each for figure in drawn for each in pictures(figure).values()]:
        names = [each.text for each in layout.iter(f"{SVG}text") if "name" in each.attrib["class"]]
        assert len(names) == len(set(names))


def test_a_short_curve_is_drawn_with_all_of_its_band() -> None:
    flat = {f"key-{name}": {seed: [(epoch, 0.3) for epoch in range(1, 5)] for seed in range(3)} for name in "bcd"}
    results = study(*(arm(name, [0.3, 0.3, 0.3]) for name in "abcd"))
    dips = {
        **flat,
        "key-a": {seed: [(1, 0.3), (2, 0.3), (3, low), (4, 0.35)] for seed, low in enumerate((0.05, 0.3, 0.3))},
    }
    picture = pictures(figures.curves(results, dips))["wide"]
    clip = next(each for each in picture.iter(f"{SVG}svg") if each.attrib.get("class") == "clip")
    drawn = [each.attrib["d"] for each in picture.iter(f"{SVG}path") if "band" in each.attrib["class"]]
    ends = [float(y) for each in drawn for y in re.findall(r" ([0-9.]+)", each)]
    assert max(ends) <= float(clip.attrib["y"]) + float(clip.attrib["height"])


def test_no_figure_in_a_cell_is_cut() -> None:
    results = grid(12, 11)
    drawn = pictures(figures.two_axes(results))
    assert "…" not in "".join(each.text or "" for each in drawn["wide"].iter(f"{SVG}text") if each.text)
    assert not list(marked(drawn["narrow"], "cell"))
    assert list(marked(drawn["wide"], "cell"))
    six = study(*(arm(f"{number}", [0.1 + 0.1 * number]) for number in range(6)))
    found = [Difference(a.key, b.key, -10.25, None, None, decided=False)
             for a, b in itertools.combinations(six.arms, 2)]  # fmt: skip
    for picture in pictures(figures.differences(six, found)).values():
        texts = [each.text for each in picture.iter(f"{SVG}text")]
        assert "−10.25" in texts
        assert not any("…" in (text or "") for text in texts)


def test_equal_times_have_different_ticks() -> None:
    picture = pictures(figures.front(study(arm("a", [0.9], seconds=18.0), arm("b", [0.8], seconds=18.0))))["wide"]
    ticks = [each.text for each in marked(picture, "tick") if each.attrib["text-anchor"] == "middle"]
    assert len(ticks) == len(set(ticks)) > 1


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0023, "0.0023"), (0.456, "0.46"), (1.04, "1.0"), (-0.0712, "−0.071"), (0.0, "0.0")]
)
def test_times_below_a_second_have_more_digits(seconds: float, text: str) -> None:
    assert told(seconds, MEASURES["train_seconds"]) == text

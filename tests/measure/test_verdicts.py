"""What is said of a study's results: figures by hand, every kind of sentence, and how often it is wrong."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats as reference
from hypothesis import given, settings, strategies as st

from fittingroom.errors import InvalidInput
from fittingroom.measure.evaluate import wilson
from fittingroom.measure.judgement import Judgement
from fittingroom.measure.study import MEASURES, ArmResults, Outcome, StudyResults
from fittingroom.measure.verdicts import judge

ACCURACY = "validation_accuracy"
RELU, ELU = (0.9120, 0.9150, 0.9135), (0.9131, 0.9148, 0.9150)
"""Differences of 0.11, −0.02 and 0.15 points."""


def arm(name: str, values, measure: str = ACCURACY, states: dict[int, str] | None = None) -> ArmResults:
    """Seeds 0, 1, …; a seed with a state has no figures."""
    states = states or {}
    outcomes = tuple(
        Outcome(f"{name}-{seed}", seed, states.get(seed, "finished"), {} if seed in states else {measure: value})
        for seed, value in enumerate(values)
    )
    return ArmResults(name, name, {}, 1000, outcomes)


def study(*arms: ArmResults, measure: str = ACCURACY, margin: float = 0.2, images: int = 5000) -> StudyResults:
    return StudyResults("s1", "activations", "Which is best?", measure, margin, 0.9, images, arms)


def drawn(rng: np.random.Generator, shifts, n: int, spread: float = 0.002) -> StudyResults:
    """Arms that share what their seeds do, each with its own shift in points."""
    seeds = rng.normal(0.91, 0.003, n)
    return study(*(arm(f"arm {i}", seeds + shift / 100 + rng.normal(0, spread, n)) for i, shift in enumerate(shifts)))


def everything(judged: Judgement) -> str:
    return " ".join([judged.headline, *judged.sentences, *judged.scope])


def test_a_difference_that_three_seeds_do_not_settle():
    judged = judge(study(arm("relu", RELU), arm("elu", ELU)))
    (found,) = judged.comparisons
    differences = 100 * np.subtract(ELU, RELU)
    expected = reference.ttest_1samp(differences, 0)
    low, high = expected.confidence_interval()
    assert (found.a, found.b, found.seeds, found.n) == ("elu", "relu", (0, 1, 2), 3)
    assert found.difference == pytest.approx(0.08)
    assert found.interval == pytest.approx((low, high))
    assert found.adjusted_interval == pytest.approx((low, high))
    assert found.p == pytest.approx(expected.pvalue)
    assert found.adjusted_p == found.p
    assert (found.sign_flip, found.wilcoxon, found.beats_any.interval) == (None, None, None)
    assert (found.beats.wins, found.beats.n) == (2, 3)
    assert found.text == (
        "elu and relu cannot be told apart with 3 seeds (difference 0.08 points, 95 % interval −0.14 to 0.30); "
        "to settle a difference of 0.2 points takes between 3 and 64 seeds."
    )
    assert judged.winner is None
    assert judged.best == "elu"
    assert judged.headline == (
        "No arm is shown to be the best of the two arms: elu has the highest mean validation accuracy (91.43 %), "
        "but is not shown to be better than relu."
    )


def test_an_arm_is_summed_up_over_seeds_and_over_images():
    summary = judge(study(arm("relu", RELU), arm("elu", ELU))).arm("relu")
    mean = 100 * np.mean(RELU)
    assert summary.n == 3
    assert [tuple(value) for value in summary.values] == [(0, 91.2), (1, 91.5), (2, pytest.approx(91.35))]
    assert summary.mean == pytest.approx(mean)
    assert summary.sd == pytest.approx(0.15)
    assert summary.interval == pytest.approx(reference.t.interval(0.95, 2, mean, 0.15 / math.sqrt(3)))
    assert summary.over_images == pytest.approx([100 * end for end in wilson(mean / 100, 5000)])


def test_an_interval_ends_at_100_percent():
    judged = judge(study(arm("a", [0.99, 0.999, 0.98]), arm("b", [0.9, 0.91, 0.9])))
    assert judged.arm("a").interval.high == 100


def test_what_is_told_of_new_images():
    assert (
        "Seeds say how training varies on these images, and nothing about new ones: on other images of the same kind, "
        "a run that has 91.4 % on these 5,000 would have 90.6 to 92.2 % (95 % interval)."
    ) in judge(study(arm("relu", RELU), arm("elu", ELU))).scope


def test_a_winner_beats_every_other_after_correction():
    judged = judge(drawn(np.random.default_rng(1), [0.0, 1.0, -1.0], 10, 0.001))
    assert (judged.winner, judged.family, len(judged.comparisons)) == ("arm 1", 3, 3)
    assert judged.headline == (
        "arm 1 is the best of the 3 arms: its validation accuracy is shown to be higher than that of every other one, "
        "corrected for 3 comparisons."
    )
    assert judged.comparisons[0].text.startswith(
        "arm 1 has a higher validation accuracy than arm 0 with 10 seeds (diff"
    )
    assert "; adjusted for 3 comparisons " in judged.comparisons[0].text
    assert "if all 3 were equal, it would by chance alone have 0.0" in everything(judged)


def test_no_winner_while_one_arm_is_not_beaten():
    judged = judge(drawn(np.random.default_rng(2), [1.0, 1.0, -1.0], 10))
    assert judged.winner is None
    assert judged.headline.endswith(f"but is not shown to be better than arm {1 - int(judged.best[-1])}.")


def test_what_one_comparison_alone_would_say_is_corrected():
    judged = judge(study(arm("a", [0.90, 0.91, 0.92]), arm("b", [0.9018, 0.9124, 0.923]), arm("c", [0.9, 0.93, 0.91])))
    found = judged.comparisons[0]
    assert found.p == pytest.approx(reference.ttest_rel([90.18, 91.24, 92.3], [90, 91, 92]).pvalue)
    assert found.p < 0.05 < found.adjusted_p == pytest.approx(3 * found.p)
    assert found.text == (
        "b and a cannot be told apart with 3 seeds (difference 0.24 points, 95 % interval 0.09 to 0.39; that is for "
        "this comparison alone, adjusted for all 3 it is −0.02 to 0.50); to settle a difference of 0.2 points takes "
        "between 3 and 41 seeds."
    )
    among = "is found in 80 % of all studies as one of 3 comparisons; the range is as wide as the spread is uncertain"
    assert among in everything(judged)


def test_less_is_better_for_times():
    judged = judge(study(arm("fast", [10.0, 11, 12], "train_seconds"), arm("slow", [20.0, 21.5, 22], "train_seconds"),
                         measure="train_seconds", margin=1.0))  # fmt: skip
    assert judged.winner == "fast"
    assert judged.comparisons[0].text == (
        "fast has a lower training time than slow with 3 seeds (difference −10.17 s, 95 % interval −10.88 to −9.45; "
        "p < 0.001)."
    )
    assert judged.arm("fast").over_images is None


@pytest.mark.parametrize(
    ("measure", "margin", "text"),
    [
        (ACCURACY, 0.25, "0.25 points"), (ACCURACY, 1.0, "1 point"), ("epochs_to_target", 1.0, "1 epoch"),
        ("train_seconds", 1.0, "1 s"), ("validation_loss", 0.005, "0.005"),
    ],
)  # fmt: skip
def test_the_margin_is_told_as_it_was_given(measure, margin, text):
    scale = 10 if MEASURES[measure].unit in ("s", "epochs") else 1  # so that the margin settles nothing
    values = [scale * value for value in (0.5, 0.9, 0.1, 0.3)]
    arms = arm("a", values, measure), arm("b", values[::-1], measure)
    judged = judge(study(*arms, measure=measure, margin=margin))
    assert f"a true difference of {text} is found in 80 % of all studies" in everything(judged)


def test_equal_within_the_margin():
    judged = judge(drawn(np.random.default_rng(3), [0.0, 0.0], 20, 0.0005))
    (found,) = judged.comparisons
    assert found.equal
    assert not found.differs
    assert " are equal within 0.2 points with 20 seeds (difference " in found.text
    assert ", 90 % interval −0." in found.text


def test_equalities_are_corrected_for_their_number():
    rng = np.random.default_rng(8)
    alone = 0
    for _ in range(60):
        judged = judge(drawn(rng, [0.0, 0.0, 0.0], 4, 0.0007))
        p = [found.equivalence.p for found in judged.comparisons]
        least = sorted(range(3), key=p.__getitem__)
        allowed = [p[i] <= 0.05 / (3 - rank) for rank, i in enumerate(least)]
        for rank, i in enumerate(least):
            assert judged.comparisons[i].equal == all(allowed[: rank + 1])
            alone += p[i] <= 0.05 and not judged.comparisons[i].equal
    assert alone > 5


def test_enough_seeds_that_found_nothing():
    bulk = reference.zscore(reference.norm.ppf(np.linspace(0.005, 0.995, 100)), ddof=1)
    base = 0.9 + np.linspace(0, 0.02, 100)
    judged = judge(study(arm("a", base + (0.11 + 0.57 * bulk) / 100), arm("b", base)))
    assert judged.comparisons[0].text == (
        "a and b cannot be told apart with 100 seeds (difference 0.110 points, 95 % interval −0.003 to 0.223); so many "
        "seeds would in 4 of 5 studies have found a difference of 0.2 points."
    )


def test_real_and_too_small_to_matter():
    judged = judge(drawn(np.random.default_rng(4), [0.05, 0.0], 30, 0.0002))
    (found,) = judged.comparisons
    assert found.differs
    assert found.equal
    assert found.text.endswith("but by less than 0.2 points, which is what would matter.")


def test_one_seed_says_nothing():
    judged = judge(study(arm("relu", [0.9]), arm("elu", [0.95])))
    assert judged.winner is None
    assert judged.headline == (
        "With one seed for each arm nothing can be said about their validation accuracy: another seed alone may turn "
        "the order around."
    )
    assert judged.comparisons[0].text == (
        "elu and relu have one seed in common (difference 5.00 points): nothing can be said, another seed may turn it "
        "around."
    )
    assert judged.comparisons[0].interval is None


def test_what_is_decided_is_told_before_what_is_not():
    """Where much is compared the page shows the first few: a difference that is shown must not hide among others."""
    noisy = [0.90, 0.93, 0.91], [0.92, 0.90, 0.93]
    results = study(*(arm(name, values) for name, values in zip("ab", noisy, strict=True)),
                    arm("high", [0.9000, 0.9101, 0.9200]), arm("low", [0.8000, 0.8100, 0.8201]))  # fmt: skip
    judged = judge(results)
    decided = [each.text for each in judged.comparisons if each.differs]
    assert 0 < len(decided) < len(judged.comparisons)
    assert list(judged.sentences[: len(decided)]) == decided
    assert judged.comparisons[0].text not in decided


def test_only_seeds_that_both_have_count_and_the_rest_is_named():
    judged = judge(
        study(
            arm("a", [0.9, 0.91, 0.92, 0.93], states={1: "failed"}), arm("b", [0.91, 0, 0.95, 0], states={3: "queued"})
        )
    )
    assert judged.comparisons[0].seeds == (0, 2)
    assert judged.provisional
    assert "so far" in judged.headline
    assert (
        "Without a result: a seed 1 (failed). Only seeds that both arms have are compared; an arm whose worse runs "
        "failed looks better than it is."
    ) in judged.sentences


def test_what_was_chosen_by_the_figures_that_are_told_is_said():
    """The best epoch by the same images, and by a search what was tried; times are chosen by nothing."""
    arms = (arm("relu", RELU), arm("elu", ELU))
    said = judge(study(*arms)).scope
    assert said[0].startswith("Each run is told by its best epoch, and that was chosen by these validation images")
    assert not any("The search chose" in each for each in said)
    searched = judge(replace(study(*arms), searched=True)).scope
    assert "The search chose what to try by these figures, so the best of its 2 arms looks better" in " ".join(searched)
    times = judge(
        study(arm("a", (3.0, 4.0), "train_seconds"), arm("b", (5.0, 7.0), "train_seconds"), measure="train_seconds")
    )
    assert "best epoch" not in " ".join(times.scope)


def test_a_winner_by_less_than_what_matters_is_named_as_such():
    """Better in each of ten seeds by 0.05 points, where 0.2 would matter: both are shown."""
    seeds = np.random.default_rng(0).normal(0.9, 0.002, 10)
    noise = np.random.default_rng(1).normal(0, 0.00005, 10)
    close = judge(study(arm("a", seeds), arm("b", seeds + 0.0005 + noise)))
    assert close.winner == "b"
    assert close.headline.endswith(", but by less than 0.2 points, which is what would matter.")
    three = study(arm("a", seeds), arm("b", seeds + 0.0005 + noise), arm("far", seeds - 0.02 - noise))
    assert "but in 1 of these 2 comparisons by less than 0.2 points" in judge(three).headline
    assert "but in 1 of these 2 comparisons" in judge(replace(three, control="a")).headline
    assert "which is what would matter" not in judge(study(arm("a", seeds), arm("b", seeds + 0.02 + noise))).headline


def test_an_arm_that_was_pruned_in_part_is_said_to_be_judged_by_what_was_left():
    """Pruned are the runs that are behind: the mean of those that were left is too good."""
    whole, half = arm("a", [0.9, 0.91, 0.92]), arm("b", [0.9, 0.91, 0.92], states={1: "pruned"})
    said = "is judged by those, which may be its better ones"
    assert said in everything(judge(study(whole, half)))
    gone = arm("b", [0.0] * 3, states=dict.fromkeys(range(3), "pruned"))
    assert said not in everything(judge(study(whole, gone)))


def test_an_arm_without_results_does_not_keep_the_others_from_a_verdict():
    failed = arm("diverged", [0.0] * 10, states=dict.fromkeys(range(10), "failed"))
    results = drawn(np.random.default_rng(1), [0.0, 1.0], 10, 0.001)
    judged = judge(study(*results.arms, failed))
    assert judged.winner == "arm 1"
    assert judged.headline.startswith("arm 1 is the best of the two arms that can be compared (of 3): ")
    assert judged.comparisons[1].text == "arm 0 and diverged have no seed with a result in both: nothing can be said."


def test_an_arm_with_one_result_keeps_a_winner_from_being_named():
    results = drawn(np.random.default_rng(1), [0.0, 1.0], 10, 0.001)
    assert judge(study(*results.arms)).winner == "arm 1"
    assert judge(study(*results.arms, arm("new", [0.99]))).winner is None
    assert judge(study(*results.arms, arm("new", [0.5]))).winner is None


def test_a_spread_that_was_not_seen_gives_no_verdict():
    judged = judge(study(arm("a", [0.90, 0.91, 0.92]), arm("b", [0.91, 0.92, 0.93]), arm("c", [0.91, 0.92, 0.93])))
    texts = [found.text for found in judged.comparisons]
    assert texts[0] == (
        "b and a differ by the same 1.00 points with all 3 seeds: how much that varies was not seen, so there is no "
        "interval and no verdict; more seeds will show it."
    )
    assert texts[2] == "b and c came to the same validation accuracy with all 3 seeds."
    assert judged.winner is None


def test_runs_that_never_reached_the_target_have_no_mean():
    to_target = "epochs_to_target"
    judged = judge(
        study(
            arm("a", [3, 4, 5], to_target), arm("b", [5, None, 7], to_target), arm("c", [None] * 3, to_target),
            measure=to_target, margin=1.0,
        )
    )  # fmt: skip
    assert [(each.never, each.mean, each.n) for each in judged.arms] == [
        ((), 4, 3),
        ((1,), None, 2),
        ((0, 1, 2), None, 0),
    ]
    first, _, last = judged.comparisons
    assert (first.difference, first.interval, first.differs) == (None, None, False)
    assert first.beats.wins == 3
    assert (last.beats.wins, last.beats.ties) == (2, 1)
    assert last.text == (
        "b reached the target in 2 of 3 runs, c in 0 of 3: runs that never did have no figure to take a mean of; with "
        "the same seed, b was ahead in 2 of 3 seeds, 1 undecided."
    )
    assert "c: 3 of 3 runs never reached the target, so there is no mean over its runs." in judged.sentences
    assert judged.headline == "a alone has a mean epochs to the target: there is nothing to compare it with."


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, None])
def test_a_figure_that_is_none_is_named_and_left_out(odd):
    judged = judge(study(arm("a", [0.9, odd, 0.91]), arm("b", [0.91, 0.92, 0.95])))
    assert judged.arm("a").unfinished == ((1, "finished without a figure"),)
    assert judged.comparisons[0].seeds == (0, 2)
    assert "nan" not in json.dumps(judged.to_json(), allow_nan=False)


@pytest.mark.parametrize("margin", [0.0, -1.0, math.nan, math.inf])
def test_without_a_margin_there_is_no_equality_and_no_number_of_seeds(margin):
    (found,) = judge(study(arm("relu", RELU), arm("elu", ELU), margin=margin)).comparisons
    assert (found.equivalence, found.seeds_needed, found.equal) == (None, None, False)
    assert found.text.endswith("−0.14 to 0.30).")


def test_nothing_and_almost_nothing():
    assert judge(study()).headline == "No arm has a mean validation accuracy to compare."
    assert judge(study(arm("a", RELU))).headline == (
        "a alone has a mean validation accuracy: there is nothing to compare it with."
    )
    waiting = dict.fromkeys(range(3), "queued")
    judged = judge(study(arm("a", RELU, states=waiting), arm("b", ELU, states=waiting)))
    assert judged.headline == "No arm has a mean validation accuracy to compare so far."
    assert judge(
        study(arm("a", [0.9, 0.91]), arm("b", [0, 0, 0.9, 0.8], states={0: "failed", 1: "failed"}))
    ).headline == ("No two arms have two seeds in common: nothing can be said about their validation accuracy.")


def test_an_unknown_measure():
    with pytest.raises(
        InvalidInput, match='there is no measure "beauty" to compare arms by; choose one of validation_acc'
    ):
        judge(study(arm("a", RELU)), "beauty")


def test_another_measure_has_its_own_margin():
    judged = judge(study(arm("a", [0.3, 0.31, 0.32], "validation_loss"), arm("b", RELU)), "validation_loss")
    assert (judged.measure.name, judged.margin) == ("validation_loss", 0.005)


def test_of_many_arms_the_best_is_compared_and_all_pairs_count():
    judged = judge(drawn(np.random.default_rng(5), [0.0] * 39 + [2.0], 5))
    assert judged.best == "arm 39"
    assert len(judged.comparisons) == 39
    assert {found.a for found in judged.comparisons} == {"arm 39"}
    assert judged.family == 780
    assert "not only the 39 told here, because the best arm was chosen by looking" in everything(judged)
    assert judged.headline.startswith("No arm is shown") or judged.winner


@pytest.mark.parametrize("arms", [2, 6, 7, 40])
@pytest.mark.parametrize("n", [1, 2, 3, 12])
def test_every_size_gives_plain_json(arms, n):
    judged = judge(drawn(np.random.default_rng(arms * n), np.linspace(0, 1, arms), n))
    text = json.dumps(judged.to_json(), allow_nan=False)
    assert json.loads(text)["arms"][0]["n"] == n
    assert "nan" not in everything(judged)
    assert "-" not in everything(judged)  # minus signs are true ones


figures = st.one_of(st.none(), st.floats(), st.floats(0, 1), st.sampled_from([0.0, 0.5, 0.9, 1.0, 3e38]))
outcomes = st.tuples(st.sampled_from(["finished", "failed", "stopped", "queued", "missing"]), figures)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    arms=st.lists(st.lists(outcomes, max_size=8), max_size=8),
    measure=st.sampled_from(list(MEASURES)),
    margin=st.floats(),
)
def test_no_results_are_too_odd(arms, measure, margin):
    rows = (
        tuple(
            Outcome(None, seed, state, {measure: value} if state == "finished" else {}) for seed, (state, value) in row
        )
        for row in (enumerate(row) for row in arms)
    )
    results = [ArmResults(f"{i}", f"arm {i}", {}, 0, row) for i, row in enumerate(rows)]
    judged = judge(StudyResults("s", "n", "q", measure, margin, None, 100, tuple(results)))
    json.dumps(judged.to_json(), allow_nan=False)
    assert not {"nan", "inf", "None"} & set(everything(judged).replace("(", " ").replace(",", " ").split())
    assert all(
        found.differs == (found.adjusted_p is not None and found.adjusted_p <= 0.05) for found in judged.comparisons
    )


def test_no_winner_among_equal_arms():
    rng = np.random.default_rng(6)
    judged = [judge(drawn(rng, [0.0] * 5, 3)) for _ in range(200)]
    assert np.mean([each.winner is not None for each in judged]) <= 0.05
    assert 0.015 < np.mean([any(found.differs for found in each.comparisons) for each in judged]) <= 0.07


def test_a_control_is_all_that_is_compared_and_counted():
    results = replace(drawn(np.random.default_rng(7), [0.0, 2.0, -2.0, 0.01], 5), control="arm 0")
    judged = judge(results)
    assert judged.family == 3
    assert {frozenset((each.a, each.b)) for each in judged.comparisons} == {
        frozenset(("arm 0", other)) for other in ("arm 1", "arm 2", "arm 3")
    }
    p = [reference.ttest_rel(list(results.arms[0].values(ACCURACY).values()),
                             list(other.values(ACCURACY).values())).pvalue for other in results.arms[1:]]  # fmt: skip
    stepped = multipletests(p)
    found = {({each.a, each.b} - {"arm 0"}).pop(): each.adjusted_p for each in judged.comparisons}
    assert [found[f"arm {number}"] for number in (1, 2, 3)] == pytest.approx(stepped)
    assert judged.winner is None
    assert judged.headline == (
        "Compared with arm 0, arm 1 has a higher validation accuracy and arm 2 has a lower validation accuracy, "
        "corrected for 3 comparisons; 1 other is not shown to differ from it."
    )
    assert "the 3 comparisons with arm 0, which the study names as its control" in everything(judged)
    assert judge(replace(results, arms=results.arms[::-1])).headline.startswith("Compared with arm 0, arm 1 has")


def test_with_a_control_any_false_difference_is_told_in_5_percent_of_studies():
    rng = np.random.default_rng(11)
    judged = [judge(replace(drawn(rng, [0.0] * 5, 3), control="arm 2")) for _ in range(1000)]
    wrong = sum(any(each.differs for each in one.comparisons) for one in judged)
    assert 20 <= wrong <= 70  # at most 5 %; Holm's is a little less


def test_a_control_without_a_result_is_told():
    broken = arm("none", [0, 0, 0], states=dict.fromkeys(range(3), "failed"))
    judged = judge(replace(study(broken, arm("relu", RELU), arm("elu", ELU)), control="none"))
    assert judged.headline == "none has no mean validation accuracy: there is nothing to compare the other arms with."


def multipletests(p):
    """Holm's p by its definition: k, k − 1, … times the sorted p, never falling."""
    order, adjusted, so_far = sorted(range(len(p)), key=p.__getitem__), [0.0] * len(p), 0.0
    for step, which in enumerate(order):
        so_far = max(so_far, (len(p) - step) * p[which])
        adjusted[which] = min(1.0, so_far)
    return adjusted


def test_of_two_arms_a_false_winner_is_named_in_5_percent_and_a_true_one_at_the_power_that_was_told():
    rng = np.random.default_rng(7)
    equal = [judge(drawn(rng, [0.0, 0.0], 3)).winner for _ in range(1000)]
    assert np.mean([winner is not None for winner in equal]) == pytest.approx(0.05, abs=0.015)
    apart = [judge(drawn(rng, [0.0, 0.2], 18, 0.002)).winner for _ in range(500)]  # effect 0.2 / (0.2 √2) = 0.707
    assert np.mean([winner == "arm 1" for winner in apart]) == pytest.approx(0.80, abs=0.045)


def test_arms_that_share_the_best_mean_are_all_named():
    judged = judge(study(arm("a", [0.91, 0.93]), arm("b", [0.93, 0.91]), arm("c", [0.90, 0.91])))
    assert judged.headline == (
        "No arm is shown to be the best of the 3 arms: a and b share the highest mean validation accuracy (92.0 %)."
    )


def test_pairs_without_a_common_seed_share_a_sentence():
    lost = dict.fromkeys(range(2), "failed")
    none = [arm(name, [0, 0], states=lost) for name in "abcde"]
    judged = judge(study(arm("z", [0.9, 0.91]), *none))
    assert len(judged.comparisons) == 15
    said = [each for each in judged.sentences if "result in both" in each]
    assert said == [
        "Of 15 pairs among z, a, b and 3 more nothing can be said: they have no seed with a result in both."
    ]


def test_runs_that_were_pruned_are_in_the_scope_alone():
    judged = judge(study(arm("a", RELU), arm("b", ELU, states={1: "pruned", 2: "pruned"})))
    assert not any("Without a result" in each for each in judged.sentences)
    assert any("has ended 2 runs early" in each for each in judged.scope)


def test_the_scope_explains_no_figure_that_is_not_told():
    judged = judge(study(arm("a", [0.90, 0.91, 0.92]), arm("b", [0.91, 0.92, 0.93])))
    assert "t intervals" not in everything(judged)
    judged = judge(study(arm("a", [0.90, 0.91, 0.92]), arm("b", [0.95, 0.961, 0.97])))
    assert judged.winner == "b"
    assert "Seeds needed" not in everything(judged)


def test_a_difference_of_none_has_the_digits_of_its_measure():
    judged = judge(study(arm("a", [0.8, 0.9]), arm("b", [0.9, 0.8])))
    assert "difference 0.0 points, 95 % interval −127.1 to 127.1" in judged.comparisons[0].text


def test_arms_on_different_images_are_never_taken_for_better_training():
    folds = [arm("fold 0", [0.90, 0.91]), arm("fold 1", [0.92, 0.93]), arm("fold 2", [0.94, 0.95])]
    judged = judge(replace(study(*folds), divisions=3))
    assert judged.scope[0] == (
        "The arms are judged on 3 different sets of validation images, so what differs between two of them may come "
        "from the images and from nothing else: no arm trains better by such a difference."
    )
    assert judged.scope[1].startswith("Over all 3 of them the mean is 92.5 %, from 90.5 to 94.5 %")
    assert not any("a run that has" in sentence for sentence in judged.scope)  # of which images would that be?
    assert "different sets" not in everything(judge(study(*folds)))
    crossed = judge(replace(study(*folds), divisions=2))  # folds beside another axis: a mean of them would mix both
    assert "2 different sets" in crossed.scope[0]
    assert not any("the mean is" in sentence for sentence in crossed.scope)

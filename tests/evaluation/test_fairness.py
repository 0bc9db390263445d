"""Probes measure what they say, and each remedy does exactly what it claims."""

import re
from collections import Counter
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as scikit
from sklearn.linear_model import LogisticRegression

from labkit.errors import LabError
from labkit.evaluation import (
    Pair,
    augment,
    counterfactual_gap,
    counterfactual_pairs,
    equalised_odds,
    families,
    gap_change,
    label_suspects,
    nullspace_projection,
    reweigh,
    swap,
)

EVERY_PAIR = [
    (family, first, second)
    for family, groups in families().items()
    for first, second in product(groups, groups)
    if first != second
]


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


# --- templates ----------------------------------------------------------------------


@pytest.mark.parametrize(("family", "first", "second"), EVERY_PAIR)
def test_the_two_of_a_pair_differ_and_no_slot_stays_open(family, first, second):
    pairs = counterfactual_pairs(family, first, second)
    assert len({pair.template for pair in pairs}) >= 12
    for pair in pairs:
        assert pair.first != pair.second
        assert not re.search("[{}]", pair.first + pair.second)
        assert pair.first[0].isupper() or not pair.first[0].isalpha()
        assert pair.first[-1] in ".?"
        assert pair.sentiment in {"negative", "neutral", "positive"}


@pytest.mark.parametrize("family", ["names", "pronouns", "identity"])
def test_a_pair_differs_in_nothing_but_the_filler(family):
    first, second = [*families()[family]][:2]
    for pair in counterfactual_pairs(family, first, second):
        around = [piece for piece in re.split(r"\{\w+\}", pair.template) if piece]
        for text in (pair.first, pair.second):
            at = 0
            for piece in around:
                at = text.index(piece, at) + len(piece)


@pytest.mark.parametrize("family", families())
def test_every_sentiment_has_several_templates(family):
    first, second = [*families()[family]][:2]
    kinds = {
        (pair.template, pair.sentiment)
        for pair in counterfactual_pairs(family, first, second)
    }
    assert min(Counter(kind for _, kind in kinds).values()) >= 4


def test_names_are_distinct_within_and_between_groups():
    table = families()["names"]
    names = [name for group in table.values() for name in group]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("colours", "red", "blue"), "names, pronouns, identity, dialects"),
        (("pronouns", "he", "it"), "It has: she, he, they"),
        (("dialects", "sentiment", "standard"), "no group 'sentiment'"),
    ],
)
def test_an_unknown_family_or_group_is_answered_with_those_there_are(arguments, says):
    with pytest.raises(LabError, match=says):
        counterfactual_pairs(*arguments)


# --- the gap ------------------------------------------------------------------------


def length_without_names(texts: list[str]) -> list[float]:
    """A model that reads everything but names."""
    names = {name.lower() for group in families()["names"].values() for name in group}
    return [
        len([word for word in words(text) if word not in names]) / 100 for text in texts
    ]


@pytest.mark.parametrize("second", ["Arabic", "Spanish", "Yoruba"])
def test_a_model_blind_to_names_has_no_gap(second):
    gap = counterfactual_gap(
        length_without_names, counterfactual_pairs("names", "English", second)
    )
    assert tuple(gap.mean) == (0, 0, 0)
    assert not gap.differences.any()


def test_a_model_that_punishes_a_word_has_just_that_gap():
    pairs = counterfactual_pairs("pronouns", "he", "she")

    def score(texts):
        return [
            0.8 - 0.3 * bool({"she", "her", "herself"} & {*words(t)}) for t in texts
        ]

    assert tuple(counterfactual_gap(score, pairs).mean) == pytest.approx((-0.3,) * 3)


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 12), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_the_gap_is_the_mean_difference_and_turns_with_the_pairs(
    templates, names, seed
):
    random = np.random.default_rng(seed)
    pairs = grid(templates, names)
    table = {text: random.random() for p in pairs for text in (p.first, p.second)}

    def score(texts):
        assert len(texts) == len(set(texts)) == len(table)
        return [table[text] for text in texts]

    turned = [Pair(p.second, p.first, p.template, p.filler) for p in pairs]
    there, back = (counterfactual_gap(score, x, resamples=50) for x in (pairs, turned))
    reference = [table[p.second] - table[p.first] for p in pairs]
    assert there.differences == pytest.approx(reference, abs=1e-12)
    estimate, low, high = there.mean
    assert estimate == pytest.approx(np.mean(reference))
    assert tuple(back.mean) == pytest.approx((-estimate, -high, -low))


def grid(templates: int, names: int) -> list[Pair]:
    return [
        Pair(f"{t} a{n}", f"{t} b{n}", str(t), str(n))
        for t, n in product(range(templates), range(names))
    ]


def covered(templates: int, names: int, spreads: tuple[float, float, float]) -> float:
    """How often the interval holds the true gap of -0.1, in 1,000 data sets."""
    random = np.random.default_rng(0)
    pairs, held = grid(templates, names), 0
    by_template, by_name, single = spreads
    for seed in range(1_000):
        effect = -0.1 + by_template * random.standard_normal((templates, 1))
        effect = effect + by_name * random.standard_normal((1, names))
        effect = effect + single * random.standard_normal((templates, names))
        scores = dict(zip(pairs, effect.ravel(), strict=True))
        table = {p.first: 0.5 for p in pairs}
        table |= {p.second: np.clip(0.5 + scores[p], 0, 1) for p in pairs}
        gap = counterfactual_gap(
            lambda texts, table=table: [table[text] for text in texts],
            pairs,
            resamples=500,
            seed=seed,
        )
        held += -0.1 in gap.mean
    return held / 1_000


def test_with_one_filler_the_interval_has_its_nominal_coverage():
    assert covered(15, 1, (0.03, 0, 0)) == pytest.approx(0.95, abs=0.02)


def test_with_two_sides_the_interval_covers_at_least_as_often_as_it_says():
    """Where names differ, a bootstrap over pairs holds the truth far too rarely."""
    assert covered(14, 10, (0.03, 0.03, 0.02)) >= 0.93


def test_three_names_are_three_observations_however_many_the_pairs():
    assert covered(14, 3, (0, 0.03, 0)) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda texts: [np.nan] * len(texts), "nan among them"),
        (lambda texts: [1.5] * len(texts), "not probabilities"),
        (lambda texts: [[0.5, 0.5]] * len(texts), r"shape \(28, 2\) for 28 texts"),
        (lambda texts: [0.5], r"shape \(1,\)"),
    ],
)
def test_scores_that_are_no_probabilities_are_refused(answer, says):
    pairs = counterfactual_pairs("pronouns", "he", "she")[:14]
    with pytest.raises(LabError, match=says):
        counterfactual_gap(answer, pairs)


@pytest.mark.parametrize("pairs", [[], grid(1, 1), grid(1, 5)])
def test_one_template_is_an_anecdote(pairs):
    with pytest.raises(LabError, match="anecdote"):
        counterfactual_gap(lambda texts: [0.5] * len(texts), pairs)


def test_pairs_that_are_no_grid_are_measured_too():
    pairs = [Pair(f"a{i}", f"b{i}", str(i), str(i)) for i in range(3)]
    gap = counterfactual_gap(lambda texts: [t[0] == "b" for t in texts], pairs)
    assert tuple(gap.mean) == (1, 1, 1)


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 8), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_a_change_is_the_difference_of_the_gaps(templates, names, seed):
    random = np.random.default_rng(seed)
    pairs = grid(templates, names)
    before, after = (
        counterfactual_gap(lambda texts: random.random(len(texts)), pairs)
        for _ in range(2)
    )
    change = gap_change(before, after)
    expected = after.mean.estimate - before.mean.estimate
    assert change.estimate == pytest.approx(expected)
    assert change.low <= change.estimate <= change.high
    assert tuple(gap_change(after, after)) == (0, 0, 0)


def test_gaps_over_other_pairs_have_no_difference():
    one, other = (
        counterfactual_gap(lambda texts: [0.5] * len(texts), grid(size, 2))
        for size in (2, 3)
    )
    with pytest.raises(LabError, match="different pairs"):
        gap_change(one, other)


# --- equalised odds -----------------------------------------------------------------


def random_case(seed: int) -> SimpleNamespace:
    random = np.random.default_rng(seed)
    size = int(random.integers(12, 60))
    case = SimpleNamespace(
        labels=random.integers(2, size=size),
        predictions=random.integers(2, size=size),
        groups=random.choice(["a", "b", "other"], size=size),
    )
    case.labels[:4], case.groups[:4] = [0, 1, 0, 1], ["a", "a", "b", "b"]
    return case


@pytest.mark.parametrize("seed", range(200))
def test_rates_are_scikit_learns_recalls(seed):
    case = random_case(seed)
    found = equalised_odds(case.labels, case.predictions, case.groups, "a", "b")
    for name in "ab":
        of_group = case.groups == name
        for rate, label in (("tpr", 1), ("fpr", 0)):
            recall = scikit.recall_score(
                case.labels[of_group], case.predictions[of_group], pos_label=label
            )
            expected = recall if label else 1 - recall
            assert found.rates[name][rate].estimate == pytest.approx(expected)
    for rate in ("tpr", "fpr"):
        a, b = (found.rates[name][rate].estimate for name in "ab")
        difference = getattr(found, rate)
        assert difference.estimate == pytest.approx(b - a)
        assert -1 <= difference.low <= difference.estimate <= difference.high <= 1


@pytest.mark.parametrize("seed", range(50))
def test_turning_the_groups_turns_the_intervals(seed):
    case = random_case(seed)
    columns = case.labels, case.predictions, case.groups
    there, back = (equalised_odds(*columns, *names) for names in ("ab", "ba"))
    for rate in ("tpr", "fpr"):
        estimate, low, high = getattr(there, rate)
        assert tuple(getattr(back, rate)) == pytest.approx((-estimate, -high, -low))


@pytest.mark.parametrize(
    ("hits_first", "n_first", "hits_second", "n_second", "low", "high"),
    [  # Newcombe (1998), table II, method 10
        (48, 80, 56, 70, 0.0524, 0.3339),
        (3, 10, 9, 10, 0.1705, 0.8090),
        (0, 10, 10, 10, 0.6075, 1.0000),
    ],
)
def test_the_intervals_are_those_that_newcombe_printed(
    hits_first, n_first, hits_second, n_second, low, high
):
    predictions = [1] * hits_first + [0] * (n_first - hits_first)
    predictions += [1] * hits_second + [0] * (n_second - hits_second)
    labels = [1] * len(predictions) + [0, 0]
    groups = ["a"] * n_first + ["b"] * n_second + ["a", "b"]
    found = equalised_odds(labels, [*predictions, 0, 0], groups, "a", "b").tpr
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_the_intervals_of_differences_have_their_nominal_coverage():
    random = np.random.default_rng(0)
    groups = np.repeat(["a", "b"], 120)
    labels = np.tile([0, 1], 120)
    chance = np.where(labels == 1, np.where(groups == "a", 0.9, 0.7), 0.2)
    held = Counter()
    for _ in range(1_000):
        predictions = (random.random(240) < chance).astype(int)
        found = equalised_odds(labels, predictions, groups, "a", "b")
        held.update(tpr=-0.2 in found.tpr, fpr=0 in found.fpr)
    assert held["tpr"] / 1_000 == pytest.approx(0.95, abs=0.02)
    assert held["fpr"] / 1_000 == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("answers", "expected"), [([0, 1, 0, 1], (0, 0)), ([1, 0, 1, 0], (0, 0))]
)
def test_all_right_and_all_wrong_have_equal_odds_and_still_an_interval(
    answers, expected
):
    found = equalised_odds([0, 1, 0, 1], answers, ["a", "a", "b", "b"], "a", "b")
    assert (found.tpr.estimate, found.fpr.estimate) == expected
    assert found.tpr.low < 0 < found.tpr.high


@pytest.mark.parametrize(
    ("labels", "predictions", "groups", "says"),
    [
        ([1, 0, 0], [1, 0, 0], ["a", "a", "b"], "'b' has no example of label 1"),
        ([1, 0, 1], [1, 0, 0], ["a", "a", "b"], "'b' has no example of label 0"),
        ([1, 0], [1, 0], ["a", "a"], "'b' has no example"),
        ([1, 0], [0.9, 0.2], ["a", "b"], "predictions must be 0 or 1"),
        ([1, np.nan], [1, 0], ["a", "b"], "labels must be 0 or 1"),
        ([1, 0, 1], [1, 0], ["a", "b"], "3 labels, 2 predictions"),
        ([], [], [], "0 labels"),
    ],
)
def test_a_rate_that_is_not_defined_is_an_error_that_says_so(
    labels, predictions, groups, says
):
    with pytest.raises(LabError, match=says):
        equalised_odds(labels, predictions, groups, "a", "b")


# --- cleaning -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(200))
def test_suspects_are_those_of_the_definition_followed_by_hand(seed):
    random = np.random.default_rng(seed)
    classes, size = int(random.integers(2, 5)), int(random.integers(1, 30))
    table = random.dirichlet(np.ones(classes), size=size)
    labels = random.integers(classes, size=size)
    expected = []
    for row, label in zip(table, labels, strict=True):
        confident = [
            k
            for k in range(classes)
            if k in labels and row[k] >= np.mean(table[labels == k][:, k])
        ]
        best = max(confident, key=lambda k: row[k], default=label)
        expected.append(best != label)
    assert label_suspects(labels, table).tolist() == expected


def test_flipped_labels_are_among_the_suspects():
    random = np.random.default_rng(0)
    true = random.integers(2, size=400)
    table = np.stack([1 - 0.9 * true, 0.1 + 0.8 * true], axis=1).clip(0.05, 0.95)
    flipped = random.random(400) < 0.1
    assert np.array_equal(label_suspects(true ^ flipped, table), flipped)


@pytest.mark.parametrize(
    ("labels", "table", "says"),
    [
        ([0, 2], [[0.5, 0.5]] * 2, "not one of the classes"),
        ([0], [[np.nan, 0.5]], "not probabilities"),
        ([0, 1], [0.5, 0.5], "one row an example"),
        ([0], [[0.5, 0.5]] * 2, "1 labels, 2 probabilities"),
        ([], np.zeros((0, 2)), "0 labels"),
    ],
)
def test_what_cannot_be_suspected_is_refused(labels, table, says):
    with pytest.raises(LabError, match=says):
        label_suspects(labels, table)


# --- augmentation -------------------------------------------------------------------

TERMS = {"emily": "fatima", "greg": "omar", "he": "she"}
TERM = st.sampled_from([*TERMS, *TERMS.values()])
CASED = st.builds(
    lambda word, form: form(word), TERM, st.sampled_from([str, str.title, str.upper])
)
TEXT = st.lists(CASED | st.text("aehst .,'", max_size=8), max_size=8).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_swapping_twice_gives_the_text_back(text):
    assert swap(swap(text, TERMS), TERMS) == text


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_swapping_changes_no_word_that_is_no_term(text):
    there, back = (
        re.findall(r"\w+", each.lower()) for each in (text, swap(text, TERMS))
    )
    counterpart = TERMS | {other: one for one, other in TERMS.items()}
    assert back == [counterpart.get(word, word) for word in there]


def test_a_term_inside_a_word_stays():
    assert swap("The sheet he gave her", {"he": "she"}) == "The sheet she gave her"


def test_a_term_in_two_pairs_is_refused():
    with pytest.raises(LabError, match="'her' is in two pairs"):
        swap("her bag", {"his": "her", "him": "her"})


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(CASED, st.integers(0, 1)), min_size=1, max_size=20))
def test_after_augmentation_each_label_is_as_frequent_with_a_term_as_without(rows):
    texts, labels = augment(*map(list, zip(*rows, strict=True)), TERMS)
    assert texts[: len(rows)] == [text for text, _ in rows]
    counts = Counter(
        (text.lower(), label) for text, label in zip(texts, labels, strict=True)
    )
    for one, other in TERMS.items():
        for label in (0, 1):
            assert counts[one, label] == counts[other, label]


def test_a_text_without_a_term_is_not_doubled():
    assert augment(["a bag", "he left"], [1, 0], TERMS) == (
        ["a bag", "he left", "she left"],
        [1, 0, 0],
    )
    assert augment(["a bag"], [1], {}) == (["a bag"], [1])


# --- reweighting --------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), min_size=1))
def test_under_the_weights_label_and_group_are_independent(rows):
    counts = Counter(rows)
    groups, labels = ({row[side] for row in rows} for side in (0, 1))
    assume(len(counts) == len(groups) * len(labels))
    weights = reweigh([g for g, _ in rows], [y for _, y in rows])
    assert weights.sum() == pytest.approx(len(rows))
    for g, y in counts:
        weighed = sum(w for w, row in zip(weights, rows, strict=True) if row == (g, y))
        of_g = sum(n for row, n in counts.items() if row[0] == g)
        of_y = sum(n for row, n in counts.items() if row[1] == y)
        assert weighed == pytest.approx(of_g * of_y / len(rows), rel=1e-12)


def test_the_rare_combination_weighs_most():
    groups, labels = list("aaaabbbb"), [1, 1, 1, 0, 1, 0, 0, 0]
    weights = reweigh(groups, labels)
    assert weights.tolist() == pytest.approx([2 / 3] * 3 + [2, 2] + [2 / 3] * 3)


@pytest.mark.parametrize(
    ("groups", "labels", "says"),
    [
        (["a", "a", "b"], [0, 1, 0], "'b' has no example of label 1"),
        (["a", "a"], [0], "2 groups, 1 labels"),
        ([], [], "0 groups"),
    ],
)
def test_what_no_weight_can_mend_is_refused(groups, labels, says):
    with pytest.raises(LabError, match=says):
        reweigh(groups, labels)


# --- projection ---------------------------------------------------------------------


def vectors_with_a_group_in_them(seed=0, size=300, d=12):
    random = np.random.default_rng(seed)
    groups = random.integers(2, size=size)
    vectors = random.standard_normal((size, d))
    vectors[:, :2] += 2.5 * np.array([1, -1]) * (groups[:, None] - 0.5)
    return vectors, groups


@pytest.mark.parametrize("directions", [1, 3, 11])
def test_it_is_a_projection_onto_fewer_dimensions(directions):
    vectors, groups = vectors_with_a_group_in_them()
    projection = nullspace_projection(vectors, groups, directions)
    assert np.allclose(projection, projection.T)
    assert np.allclose(projection @ projection, projection)
    assert round(np.trace(projection)) == 12 - directions


def test_nothing_of_the_learnt_direction_is_left():
    vectors, groups = vectors_with_a_group_in_them()
    probe = LogisticRegression(max_iter=1_000).fit(vectors, groups)
    projection = nullspace_projection(vectors, groups)
    assert np.abs(vectors @ projection @ probe.coef_[0]).max() < 1e-9


def test_after_it_a_fresh_probe_is_at_chance_on_new_vectors():
    projection = nullspace_projection(*vectors_with_a_group_in_them(size=2_000), 2)
    vectors, groups = vectors_with_a_group_in_them(seed=1, size=2_000)
    half = len(groups) // 2

    def probed(table):
        probe = LogisticRegression(max_iter=1_000).fit(table[:half], groups[:half])
        return probe.score(table[half:], groups[half:])

    assert probed(vectors) > 0.9
    assert probed(vectors @ projection) < 0.56


@pytest.mark.parametrize(
    ("vectors", "groups", "directions", "says"),
    [
        (np.ones((4, 3)), [0, 0, 0, 0], 1, "1 groups"),
        (np.ones((4, 3)), [0, 1, 2, 0], 1, "3 groups"),
        (np.ones((4, 3)), [0, 1, 0, 1], 3, "3 directions"),
        (np.ones((4, 3)), [0, 1, 0, 1], 0, "0 directions"),
        (np.ones((4, 3)), [0, 1, 0], 1, "4 vectors, 3 groups"),
    ],
)
def test_what_cannot_be_projected_is_refused(vectors, groups, directions, says):
    with pytest.raises(LabError, match=says):
        nullspace_projection(vectors, groups, directions)


def test_groups_that_nothing_tells_apart_lose_nothing():
    assert np.array_equal(
        nullspace_projection(np.ones((4, 3)), [0, 1, 0, 1]), np.eye(3)
    )

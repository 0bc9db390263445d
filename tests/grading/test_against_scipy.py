"""The efficiency set on choice and drift gives what SciPy and scikit-learn give."""

import math
import unicodedata
from itertools import combinations, permutations
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import jaccard_score

from labkit.grading.problems import load

SET = load(Path(__file__).parents[2] / "solutions" / "efficiency")
few = st.sampled_from([-1.0, 0.0, 1.0, 2.5, math.inf, math.nan])
tables = st.integers(1, 3).flatmap(
    lambda width: st.tuples(
        st.lists(st.lists(few, min_size=width, max_size=width), max_size=6),
        st.lists(st.booleans(), min_size=width, max_size=width),
    )
)


def answer(name: str):
    namespace: dict = {}
    for source in (*SET.given, SET.solution(name)):
        exec(source, namespace)
    return namespace[name]


drift_statistic = answer("drift_statistic")
near_duplicates = answer("near_duplicates")
pareto_set = answer("pareto_set")


def none() -> torch.Tensor:
    return torch.zeros(0, 0, dtype=torch.int64)


@pytest.mark.parametrize("values", [3, 1_000_000])
def test_our_distance_is_that_of_kolmogorov_and_smirnov(values):
    generator = torch.Generator().manual_seed(values)
    for n, m in ((1, 1), (4, 7), (30, 30), (200, 90)):
        one = torch.randint(values, (n,), generator=generator).float()
        other = torch.randint(values, (m,), generator=generator).float() - 1
        expected = stats.ks_2samp(one.numpy(), other.numpy()).statistic
        assert drift_statistic(one, other, none())[0] == pytest.approx(expected)


def test_over_all_orders_our_p_is_that_of_the_permutation_test():
    """SciPy counts the observed order among all there are; we add it to those given."""
    one, other = torch.tensor([0.5, 2.0, 2.0]), torch.tensor([1.0, 2.0, 3.0, 4.0])
    orders = torch.tensor([*permutations(range(7))])
    _, p = drift_statistic(one, other, orders)
    expected = stats.permutation_test(
        (one.numpy(), other.numpy()),
        lambda x, y: stats.ks_2samp(x, y, method="asymp").statistic,
        alternative="greater",
        n_resamples=math.inf,
    ).pvalue
    assert (p * (1 + len(orders)) - 1) / len(orders) == pytest.approx(expected)


def test_our_similarity_is_that_of_binary_counts():
    texts = [
        "The cat sat on the mat.",
        "the CAT  sat on a mat",
        "A cat sat; the mat!",
        "Nothing of the kind.",
    ]
    clean = [
        " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        for text in texts
    ]
    for size in (1, 3, 5):
        count = CountVectorizer(
            analyzer="char", ngram_range=(size, size), binary=True, lowercase=False
        )
        table = count.fit_transform(clean).toarray()
        pairs = combinations(range(4), 2)
        expected = [(i, j, jaccard_score(table[i], table[j])) for i, j in pairs]
        assert near_duplicates(texts, 1e-9, size) == [x for x in expected if x[2] > 0]


@given(tables)
def test_who_is_not_in_our_set_loses_to_one_that_is(table):
    rows, larger = table

    def beats(one, other):
        pairs = [
            (x, y) if up else (-x, -y)
            for x, y, up in zip(one, other, larger, strict=True)
        ]
        return all(x >= y for x, y in pairs) and any(x > y for x, y in pairs)

    inside = pareto_set(rows, larger)
    assert inside == sorted({*inside})
    for at, row in enumerate(rows):
        losers = [i for i in inside if beats(rows[i], row)]
        measured = not any(math.isnan(x) for x in row)
        assert (at in inside) == (measured and not losers)

"""Scores of texts agree with the programs that papers use; so do the intervals."""

import os
import random
import re
import string
import subprocess
import sys
from collections import Counter
from functools import partial

import evaluate
import numpy as np
import pandas as pd
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from labkit.errors import LabError
from labkit.evaluation import (
    BLEU,
    ChrF,
    ExactMatch,
    Rouge1,
    Rouge2,
    RougeL,
    TokenF1,
)
from labkit.evaluation.text import normalize_answer

WORDS = "the The a an cat, cat Cat. sat (sat) on mat dog ran! far-away it's été 12 the-"
ALL = [ExactMatch(), TokenF1(), BLEU(), ChrF(), Rouge1(), Rouge2(), RougeL()]
MEANS = [metric for metric in ALL if not isinstance(metric, BLEU | ChrF)]
SACREBLEU = [
    (BLEU(), sacrebleu.BLEU),
    (ChrF(), sacrebleu.CHRF),
    (ChrF(word_order=2), partial(sacrebleu.CHRF, word_order=2)),
]

text = st.lists(st.sampled_from(WORDS.split()), max_size=8).map(" ".join)
pairs = st.lists(st.tuples(text, text), min_size=1, max_size=6)
with_several = st.lists(
    st.tuples(text, st.lists(text, min_size=1, max_size=3)), min_size=1, max_size=5
)


def key(metric):
    return metric.key


def columns(examples):
    return [list(column) for column in zip(*examples, strict=True)]


def corpus(size, seed=0):
    draw = random.Random(seed)
    words = WORDS.split()
    return [" ".join(draw.choices(words, k=draw.randint(3, 9))) for _ in range(size)]


def spoil(texts, share, seed=1):
    """The texts, with that share of their words replaced."""
    draw = random.Random(seed)
    words = WORDS.split()
    return [
        " ".join(
            draw.choice(words) if draw.random() < share else w for w in t.split(" ")
        )
        for t in texts
    ]


def squad(prediction, answers):
    """The rules of SQuAD 2.0 read word by word: the exact match and the F1."""

    def tokens(text):
        letters = [c for c in text.lower() if c not in string.punctuation]
        words = re.split(r"\s+", re.sub(r"\b(a|an|the)\b", " ", "".join(letters)))
        return [word for word in words if word]

    golds = [tokens(answer) for answer in answers if tokens(answer)] or [[]]
    scores = []
    for gold in golds:
        ours, left, same = tokens(prediction), Counter(gold), 0
        for token in ours:
            same += left[token] > 0
            left[token] -= 1
        if not ours or not gold:
            scores.append(float(ours == gold))
        elif same == 0:
            scores.append(0.0)
        else:
            precision, recall = same / len(ours), same / len(gold)
            scores.append(2 * precision * recall / (precision + recall))
    return float(tokens(prediction) in golds), max(scores)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(text, st.lists(text, max_size=3)), min_size=1, max_size=4),
    st.booleans(),
)
def test_exact_match_and_f1_follow_the_rules_of_squad(examples, right):
    predictions, answers = columns(examples)
    if right:
        predictions = [a[-1].upper() if a else "" for a in answers]
    scores = evaluate.combine([ExactMatch(), TokenF1()]).compute(
        predictions=predictions, references=answers
    )
    each = [squad(*pair) for pair in zip(predictions, answers, strict=True)]
    exact, f1 = np.mean(each, axis=0)
    assert scores == pytest.approx({"exact_match": exact, "f1": f1})


@pytest.mark.parametrize(
    ("prediction", "answers", "exact", "f1"),
    [
        ("The Eiffel Tower!", ["eiffel tower"], 1, 1),
        ("a tower in Paris", ["the Eiffel Tower"], 0, 2 / 5),
        ("tower tower", ["tower"], 0, 2 / 3),
        ("Paris", ["Lyon", "paris."], 1, 1),
        ("", [], 1, 1),
        ("", [""], 1, 1),
        ("Paris", [], 0, 0),
        ("", ["Paris"], 0, 0),
        ("the", [], 1, 1),  # nothing is left of it
    ],
)
def test_the_cases_that_squad_is_about(prediction, answers, exact, f1):
    pair = {"predictions": [prediction], "references": [answers]}
    assert ExactMatch().compute(**pair) == {"exact_match": exact}
    assert TokenF1().compute(**pair) == {"f1": pytest.approx(f1)}


def test_an_answer_is_normalised_as_squad_does():
    assert normalize_answer("  The  U.S.A.'s an\tapple, Ann") == "usas apple ann"
    assert normalize_answer("a the an") == ""


@settings(max_examples=200, deadline=None)
@given(with_several)
@pytest.mark.parametrize(("metric", "theirs"), SACREBLEU)
def test_bleu_and_chrf_are_sacrebleus(metric, theirs, examples):
    predictions, references = columns(examples)
    most = max(map(len, references))
    streams = [
        [right[rank] if rank < len(right) else None for right in references]
        for rank in range(most)
    ]
    system = theirs()
    expected = system.corpus_score(predictions, streams)
    ours = metric.compute(predictions=predictions, references=references)
    assert ours[metric.key] == pytest.approx(expected.score)
    assert ours[f"{metric.key}_signature"] == str(system.get_signature())
    if metric.key == "bleu":
        assert ours["brevity_penalty"] == pytest.approx(expected.bp)
        assert ours["precisions"] == pytest.approx(expected.precisions)
        assert (ours["counts"], ours["totals"]) == (expected.counts, expected.totals)
        assert ours["translation_length"] == expected.sys_len
        assert ours["reference_length"] == expected.ref_len


@settings(max_examples=200, deadline=None)
@given(with_several)
@pytest.mark.parametrize("metric", [Rouge1(), Rouge2(), RougeL()], ids=key)
def test_rouge_is_rouge_scores(metric, examples):
    scorer = RougeScorer([metric.key])
    expected = [scorer.score_multi(b, a)[metric.key].fmeasure for a, b in examples]
    predictions, references = columns(examples)
    assert metric.per_text(predictions, references) == pytest.approx(expected)
    score = metric.compute(predictions=predictions, references=references)
    assert score == {metric.key: pytest.approx(np.mean(expected))}


@settings(max_examples=40, deadline=None)
@given(pairs)
@pytest.mark.parametrize("metric", ALL, ids=key)
def test_one_reference_may_stand_without_a_list(metric, examples):
    predictions, references = columns(examples)
    alone = metric.compute(predictions=predictions, references=references)
    listed = [[right] for right in references]
    assert metric.compute(predictions=predictions, references=listed) == alone


@pytest.mark.parametrize("metric", ALL, ids=key)
def test_a_score_is_the_top_of_the_scale_on_itself_and_0_on_nothing(metric):
    texts = corpus(20)
    top = 100 if metric.key in ("bleu", "chrf") else 1
    texts = [f"{t} one two three four" for t in texts]
    assert metric.interval(texts, texts, resamples=50).low == pytest.approx(top)
    assert metric.interval([""] * 20, texts, resamples=50).high == 0
    assert metric.interval(texts[:1], texts[:1], resamples=9).low == pytest.approx(top)


@pytest.mark.parametrize(("metric", "theirs"), SACREBLEU)
def test_a_draw_is_scored_as_the_corpus_it_makes(metric, theirs):
    """The interval is what scoring each drawn corpus anew would give, only faster."""
    references = corpus(30)
    predictions = spoil(references, 0.3)
    generator, scores = np.random.default_rng(0), []
    for _ in range(60):
        rows = generator.integers(30, size=30)
        drawn = [[texts[row] for row in rows] for texts in (predictions, references)]
        scores.append(theirs().corpus_score(drawn[0], [drawn[1]]).score)
    interval = metric.interval(predictions, references, resamples=60)
    assert [interval.low, interval.high] == pytest.approx(
        np.quantile(scores, [0.025, 0.975])
    )
    score = metric.compute(predictions=predictions, references=references)
    assert score[metric.key] == pytest.approx(interval.estimate)


@pytest.mark.parametrize("metric", ALL, ids=key)
def test_a_paired_difference_is_that_of_the_scores_and_sees_what_two_cannot(metric):
    references = corpus(150)
    theirs = spoil(references, 0.3)
    ours = [
        b if i % 12 == 0 else a
        for i, (a, b) in enumerate(zip(theirs, references, strict=True))
    ]
    a, b = (metric.interval(texts, references) for texts in (ours, theirs))
    gain = metric.difference(ours, theirs, references)
    assert gain.estimate == pytest.approx(a.estimate - b.estimate)
    assert a.low < b.high
    assert gain.excludes(0)
    assert gain.low > 0
    lost = metric.difference(theirs, ours, references)
    assert lost.estimate == pytest.approx(-gain.estimate)
    same = metric.difference(ours, ours, references, resamples=20)
    assert tuple(same) == (0, 0, 0)


@pytest.mark.parametrize("metric", MEANS, ids=key)
def test_the_score_of_each_text_has_the_score_as_its_mean(metric):
    references = corpus(40)
    predictions = spoil(references, 0.4)
    score = metric.compute(predictions=predictions, references=references)
    each = metric.per_text(predictions, references)
    assert each.shape == (40,)
    assert score == {metric.key: pytest.approx(each.mean())}


@pytest.mark.parametrize(("metric", "theirs"), SACREBLEU)
def test_the_score_of_one_text_is_sacrebleus(metric, theirs):
    references = corpus(20)
    predictions = spoil(references, 0.4)
    each = [
        theirs().corpus_score([a], [[b]]).score
        for a, b in zip(predictions, references, strict=True)
    ]
    assert metric.per_text(predictions, references) == pytest.approx(each)


def test_batches_add_up():
    metric, references = ChrF(), corpus(10)
    predictions = spoil(references, 0.5)
    whole = metric.compute(predictions=predictions, references=references)
    for start in (0, 4):
        stop = 4 if start == 0 else 10
        metric.add_batch(
            predictions=predictions[start:stop], references=references[start:stop]
        )
    assert metric.compute() == whole


def test_the_options_reach_the_bootstrap():
    references = corpus(40)
    predictions = spoil(references, 0.3)
    wide = ChrF().interval(predictions, references, confidence=0.99, resamples=300)
    narrow = ChrF().interval(predictions, references, confidence=0.5, resamples=300)
    other = ChrF().interval(predictions, references, seed=1)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert other != ChrF().interval(predictions, references)
    gain = ChrF().difference(references, predictions, references, confidence=0.5)
    assert gain.confidence == 0.5


@pytest.mark.parametrize("metric", ALL, ids=key)
@pytest.mark.parametrize(
    ("predictions", "references", "says"),
    [
        ([], [], "no predictions"),
        (["a"], ["a", "b"], "1 predictions, 2 references"),
        ("the cat", "the dog", "predictions is one text: 'the cat'"),
        (["the cat"], "the dog", "references is one text: 'the dog'"),
        ({"text": ["a"]}, ["a"], "predictions is a dictionary of text"),
        (["a"], {"text": ["a"]}, "references is a dictionary of text"),
        (pd.DataFrame({"text": ["a"]}), ["a"], "a table with the columns text"),
        ([[3, 4]], ["a"], r"number 0 of predictions is \[3, 4\]"),
        ([["a"]], ["a"], r"number 0 of predictions is \['a'\]"),
        ([None], ["a"], "number 0 of predictions is None"),
        (["a"], [float("nan")], "number 0 of references holds nan"),
        (["a"], [[float("nan")]], "number 0 of references holds nan"),
        (["a"], [{"text": ["a"], "answer_start": [0]}], "take `..text..`"),
        (["a"], None, "references is None"),
    ],
)
def test_what_is_no_text_is_refused_in_words(metric, predictions, references, says):
    with pytest.raises(LabError, match=says):
        metric.compute(predictions=predictions, references=references)
    with pytest.raises(LabError, match=says):
        metric.add_batch(predictions=predictions, references=references)
    with pytest.raises(LabError, match=says):
        metric.interval(predictions, references)


@pytest.mark.parametrize("metric", ALL, ids=key)
def test_one_text_is_looked_at_as_a_batch_is(metric):
    metric.add(prediction="a b c d", reference=["a b c d", "e"])
    for prediction, reference in ((3, "a"), ("a", 3), (["a"], "a"), (None, "a")):
        with pytest.raises(LabError, match="number 0 of"):
            metric.add(prediction=prediction, reference=reference)
    metric.add(prediction="a b c d", reference="a b c d")
    assert metric.compute()[metric.key] in (pytest.approx(1), pytest.approx(100))
    with pytest.raises(LabError, match="nothing to score"):
        metric.compute()


@pytest.mark.parametrize("order", [-1, 1.5, "2", None])
def test_a_word_order_is_a_whole_number(order):
    with pytest.raises(LabError, match="word_order is"):
        ChrF(word_order=order)


def test_combined_metrics_take_lists_of_references_batch_by_batch():
    combined = evaluate.combine([BLEU(), ChrF(), ChrF(word_order=2), Rouge1()])
    combined.add_batch(predictions=["a b c d"], references=[["x", "a b c d"]])
    combined.add(prediction="e f g h", reference="e f g h")
    scores = combined.compute()
    top = {"bleu": 100, "chrf": 100, "chrf++": 100, "rouge1": 1}
    assert {name: scores[name] for name in top} == pytest.approx(top)
    assert scores["bleu_signature"].startswith("nrefs:var|case:mixed|eff:no|tok:13a")
    assert "nw:2" in scores["chrf++_signature"]


@pytest.mark.parametrize("metric", [*ALL[2:]], ids=key)
def test_a_text_without_a_reference_is_refused_in_words(metric):
    with pytest.raises(LabError, match="text 1 has no reference"):
        metric.interval(["a", "b"], ["a", []])


def test_a_difference_is_ours_less_theirs():
    assert ExactMatch().difference(["a b"], ["c"], ["a b"]).estimate == 1


ALONE = """
import socket
def refuse(*_, **__): raise AssertionError("the network was asked")
socket.socket.connect = socket.getaddrinfo = refuse
import evaluate
from labkit.evaluation import BLEU, F1, Accuracy, ExactMatch, RougeL
scores = evaluate.combine([Accuracy(), F1()])
print(scores.compute(predictions=[0, 1], references=[1, 1], average="macro"))
for metric in BLEU(), ExactMatch(), RougeL():
    print(metric.compute(predictions=["a b c d"], references=["a b c d"]))
"""


def test_neither_network_nor_a_writable_cache_is_needed():
    nowhere = dict.fromkeys(["HOME", "HF_HOME", "XDG_CACHE_HOME"], "/dev/null/nowhere")
    ran = subprocess.run(
        [sys.executable, "-c", ALONE],
        env=os.environ | nowhere | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.count("{") == 4, ran.stderr
    assert ran.stdout.startswith("{'accuracy': 0.5, 'f1': 0.3333333333333333}\n")

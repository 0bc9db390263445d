"""Scores of a text against reference texts: SQuAD's, BLEU, chrF and ROUGE.

As `evaluate` metrics that need no network and no cache, and with what those lack: the
interval of the score, and of the paired difference of two systems.

    >>> metric = TokenF1()
    >>> metric.compute(predictions=["the cat sat"], references=["the cat sat down"])
    {'f1': 0.8}

    metric.interval(predictions, references)         # 45.120 [42.871, 47.302]
    metric.difference(ours, baseline, references).excludes(0)

A prediction is a text. A reference is a text, or a list of texts of which any will do;
for the two scores of SQuAD an empty list is a question without an answer, whose right
prediction is "".

| metric | key | scale | a text's share in the score |
|---|---|---|---|
| `ExactMatch`, `TokenF1` | exact_match, f1 | 0–1 | its own score; the mean |
| `Rouge1`, `Rouge2`, `RougeL` | rouge1, rouge2, rougeL | 0–1 | the same |
| `BLEU`, `ChrF` | bleu, chrf | 0–100 | its counts of n-grams; one score of the sums |
"""

import re
import string
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, ClassVar

import numpy as np
import sacrebleu
from datasets import Features, List, Value
from numpy.typing import NDArray
from rouge_score.rouge_scorer import RougeScorer

from labkit import validation
from labkit.errors import LabError
from labkit.evaluation.metric import OfflineMetric
from labkit.evaluation.uncertainty import Interval, bootstrap_interval, paired_bootstrap

Texts = Sequence[str]
References = Sequence[str | Sequence[str]]
Rights = list[list[str]]  # of each text, those of which any will do
Numbers = NDArray[np.float64]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


class _TextMetric(OfflineMetric):
    """What all share: rows of numbers, one a text, and a score of any set of rows.

    A subclass gives `one`, the score of a text, or `rows` and `score`.
    """

    key: str
    may_lack_references = False
    score: Any = staticmethod(np.mean)  # Statistic: of any rows

    def inputs(self) -> Features:
        text = Value("string")
        return Features({"predictions": text, "references": List(text)})

    def one(self, prediction: str, references: list[str]) -> float:
        """A text's score; the best over its references."""
        raise NotImplementedError

    def rows(self, predictions: list[str], references: Rights) -> Numbers:
        """What the score needs to know of each text, shape (texts, ...)."""
        return np.array([*map(self.one, predictions, references)])

    def per_text(self, predictions: Texts, references: References) -> Numbers:
        """The score of each text alone, shape (texts,): to look at the worst.

        Their mean is the score, except for BLEU and chrF. BLEU of one text of fewer
        than four words is 0, and so says little: prefer chrF.
        """
        rows = self._rows(predictions, references)
        return np.array([self.score(row[None]) for row in rows], dtype=float)

    def interval(
        self, predictions: Texts, references: References, **options: Any
    ) -> Interval:
        """The score with its bootstrap interval; texts are drawn, not words.

        Options: groups, confidence, resamples and seed, as `bootstrap_interval` has
        them.

        Raises:
            LabError: no texts, lengths that differ, or what is no text.
        """
        rows = self._rows(predictions, references)
        return bootstrap_interval(rows, statistic=self.score, **options)

    def difference(
        self, ours: Texts, theirs: Texts, references: References, **options: Any
    ) -> Interval:
        """How much better `ours` scores than `theirs`, paired on the same texts.

        A difference is sure when its interval `.excludes(0)`. Options and errors are
        those of `interval`. Source: Koehn (2004), section 4.
        """
        a, b = self._rows(ours, references), self._rows(theirs, references)
        return paired_bootstrap(a, b, statistic=self.score, **options)

    def look_at(self, predictions: Any, references: Any) -> tuple[list[str], Rights]:
        """The predictions, and a list of references for each."""
        texts = validation.texts(predictions, "predictions")
        given = validation.items(references, "references", "texts, or of lists of them")
        rights = [
            [*right] if isinstance(right, list | tuple | np.ndarray) else [right]
            for right in given
        ]
        validation.pairs(predictions=texts, references=rights)
        for place, right in enumerate(rights):
            if strays := [text for text in right if not isinstance(text, str)]:
                raise LabError(
                    f"number {place} of references holds {strays[0]!r}.",
                    "A reference is a text, or a list of texts of which any will do.",
                    "Decode token ids first; of SQuAD's answers take `['text']`.",
                )
            if not right and not self.may_lack_references:
                raise LabError(
                    f"text {place} has no reference.",
                    "Only a question may have none. Leave the text out, or find why.",
                )
        return texts, rights

    def _rows(self, predictions: Texts, references: References) -> Numbers:
        return self.rows(*self.look_at(predictions, references))

    def _compute(self, predictions: list[str], references: Rights) -> dict[str, Any]:
        return {self.key: float(self.score(self.rows(predictions, references)))}


class _SQuAD(_TextMetric):
    """The mean over questions of the best score over each one's answers."""

    citation = "Rajpurkar et al. (2016), SQuAD, section 6.1; (2018), SQuAD 2.0."
    may_lack_references = True


class ExactMatch(_SQuAD):
    """The share of answers that are right, case, punctuation and articles aside."""

    key = "exact_match"

    def one(self, prediction: str, references: list[str]) -> float:
        return float(normalize_answer(prediction) in _gold(references))


class TokenF1(_SQuAD):
    """The mean F1 of the words of an answer and of the right one.

    The key is f1, as SQuAD's program has it: do not combine it with `metrics.F1`.
    """

    key = "f1"

    def one(self, prediction: str, references: list[str]) -> float:
        ours, scores = normalize_answer(prediction).split(), []
        for theirs in map(str.split, _gold(references)):
            common = sum((Counter(ours) & Counter(theirs)).values())
            both = len(ours) + len(theirs)  # none: rightly left without an answer
            scores.append(2 * common / both if both else 1.0)
        return max(scores)


class _SacreBLEU(_TextMetric):
    """A score of n-gram counts summed over the corpus; a row is a text's counts."""

    scorer: Any  # sacrebleu's metrics: their statistics have no public name
    parts: ClassVar[dict[str, str]] = {}  # key -> sacrebleu's name: for a report

    def rows(self, predictions: list[str], references: Rights) -> Numbers:
        streams = list(zip_longest(*references))  # sacrebleu wants them by rank
        counts = self.scorer._extract_corpus_statistics(predictions, streams)
        return np.array(counts, dtype=float)

    def score(self, rows: Numbers) -> float:
        """The corpus's score from its texts' counts."""
        return float(self._whole(rows).score)

    def _whole(self, rows: Numbers) -> Any:
        sums = rows.sum(axis=0).astype(int).tolist()
        return self.scorer._compute_score_from_stats(sums)

    def _compute(self, predictions: list[str], references: Rights) -> dict[str, Any]:
        found = self._whole(self.rows(predictions, references))
        parts = {name: getattr(found, theirs) for name, theirs in self.parts.items()}
        signature = {f"{self.key}_signature": str(self.scorer.get_signature())}
        return {self.key: float(found.score)} | parts | signature


class BLEU(_SacreBLEU):
    """The geometric mean of the precisions of 1- to 4-grams, less if it is too short.

    sacrebleu's defaults: mixed case, tokenizer 13a, exponential smoothing. `compute`
    says besides: bleu_signature, brevity_penalty, precisions (in percent), counts (of
    n-grams that match), totals, translation_length and reference_length (in words).
    """

    key = "bleu"
    parts: ClassVar = {
        "brevity_penalty": "bp",
        "precisions": "precisions",
        "counts": "counts",
        "totals": "totals",
        "translation_length": "sys_len",
        "reference_length": "ref_len",
    }
    citation = "Papineni et al. (2002), BLEU; Post (2018), A Call for Clarity."

    def __init__(self) -> None:
        super().__init__()
        self.scorer = sacrebleu.BLEU()


class ChrF(_SacreBLEU):
    """F-score of character 1- to 6-grams, where recall counts twice as much.

    sacrebleu's defaults: chrF2, mixed case, spaces left out. `ChrF(word_order=2)` is
    chrF++, under the key chrf++: it counts words and pairs of them too. `compute` says
    its signature besides.
    """

    citation = "Popović (2015), chrF; (2017), chrF++; Post (2018), A Call for Clarity."

    def __init__(self, word_order: int = 0) -> None:
        super().__init__()
        validation.number("word_order", word_order, at_least=0, whole=True)
        self.key = "chrf" + "+" * word_order
        self.scorer = sacrebleu.CHRF(word_order=word_order)


class _Rouge(_TextMetric):
    """rouge-score's F-measure without stemming; the best over several references.

    It keeps the letters a–z and digits only: a text in another script scores 0.
    """

    citation = "Lin (2004), ROUGE: A Package for Automatic Evaluation of Summaries."

    def __init__(self) -> None:
        super().__init__()
        self.scorer = RougeScorer([self.key])

    def one(self, prediction: str, references: list[str]) -> float:
        score = self.scorer.score_multi(references, prediction)[self.key]
        return float(score.fmeasure)


class Rouge1(_Rouge):
    """F-measure of the words in common."""

    key = "rouge1"


class Rouge2(_Rouge):
    """F-measure of the pairs of neighbouring words in common."""

    key = "rouge2"


class RougeL(_Rouge):
    """F-measure of the longest common subsequence of words."""

    key = "rougeL"


def normalize_answer(text: str) -> str:
    """Lower case, without punctuation, articles and extra spaces.

    Source: Rajpurkar et al. (2016), SQuAD, section 6.1, and its evaluation program.
    """
    bare = text.lower().translate(_NO_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def _gold(answers: list[str]) -> list[str]:
    """The answers that say something, normalised; [""] if none does."""
    return [normal for text in answers if (normal := normalize_answer(text))] or [""]

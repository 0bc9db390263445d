"""What only the grader runs on the seq2seq set."""

import math

import torch
from numpy.random import Generator
from rouge_score import rouge_scorer
from rouge_score.tokenizers import Tokenizer

from labkit.grading import ByHand, Check, Exercise, normal


def labels(random: Generator) -> tuple:
    shape = random.permutation(range(3, 9))[:2].tolist()
    rows = torch.from_numpy(random.integers(20, 900, size=shape))
    ends = torch.from_numpy(random.integers(1, shape[1], size=(shape[0], 1)))
    rows = rows.where(torch.arange(shape[1]) < ends, -100)
    return rows, int(random.integers(2, 10)), int(random.integers(10, 20))


def labels_with_a_prompt(random: Generator) -> tuple:
    rows, start_id, pad_id = labels(random)
    rows[:, :2] = -100
    return rows, start_id, pad_id


def run_untouched(answer, rows, start_id, pad_id):
    return [answer(rows, start_id, pad_id), rows]


def fed(rows, start_id, pad_id):
    tokens = [[pad_id if t == -100 else t for t in row] for row in rows.tolist()]
    return torch.tensor([[start_id, *row[:-1]] for row in tokens])


def language(random: Generator) -> tuple:
    """The logits of the next token, for each pair of a number of tokens and a token."""
    vocabulary, longest = int(random.integers(6, 10)), int(random.integers(5, 9))
    table = normal(random, longest + 2, vocabulary, vocabulary, scale=2)
    start_id, end_id = random.permutation(vocabulary)[:2].tolist()
    table[:, :, end_id] -= 1
    return table, start_id, end_id, longest


def languages(random: Generator) -> tuple:
    return ([language(random) for _ in range(4)],)


def languages_with_an_end(random: Generator) -> tuple:
    (found,) = languages(random)
    for table, _, end_id, longest in found:
        table[int(random.integers(1, longest - 1)), :, end_id] = 50
    return (found,)


def languages_without_an_end(random: Generator) -> tuple:
    (found,) = languages(random)
    for table, _, end_id, _ in found:
        table[:, :, end_id] = -50
    return (found,)


def with_beams(random: Generator) -> tuple:
    found = [[*language(random), int(random.integers(2, 6))] for _ in range(20)]
    return ([given for given in found if is_clear(*given)],)


def with_one_beam(random: Generator) -> tuple:
    (found,) = languages(random)
    return ([[*given, 1] for given in found if is_clear(*given, 1)],)


def beams_without_an_end(random: Generator) -> tuple:
    (found,) = languages_without_an_end(random)
    found = [[*given, int(random.integers(2, 5))] for given in found]
    return ([given for given in found if is_clear(*given)],)


def is_clear(table, *given) -> bool:
    """Whether no choice of the search is so close that rounding could turn it."""
    return searched(lambda ids: table[len(ids) - 1, ids[-1]], *given)[1] > 1e-4


def run_search(answer, found):
    def model(table):
        return lambda ids: table[len(ids) - 1, ids[-1]]

    return [answer(model(table), *given) for table, *given in found]


def greedy(next_logits, start_id, end_id, longest):
    written = []
    for _ in range(longest):
        logits = next_logits([start_id, *written]).tolist()
        written.append(logits.index(max(logits)))
        if written[-1] == end_id:
            return written
    return written


def beam(*given):
    return searched(*given)[0]


def searched(next_logits, start_id, end_id, longest, beams):
    """What beam search writes; the least lead of what it kept over what it dropped."""
    alive, done, lead = {(): 0.0}, {}, math.inf
    while alive and len(next(iter(alive))) < longest:
        extended = {}
        for written, total in alive.items():
            log_p = next_logits([start_id, *written]).double().log_softmax(-1)
            for token in range(len(log_p)):
                extended[(*written, token)] = total + float(log_p[token])
        ranked = sorted(extended, key=extended.get, reverse=True)
        likeliest = ranked[:beams]
        lead = min(lead, extended[ranked[beams - 1]] - extended[ranked[beams]])
        done |= {text: extended[text] for text in likeliest if text[-1] == end_id}
        alive = {text: extended[text] for text in likeliest if text[-1] != end_id}
    done |= alive
    means = {text: total / len(text) for text, total in done.items()}
    best, *others = sorted(means, key=means.get, reverse=True)
    return list(best), min([lead, *(means[best] - means[text] for text in others[:1])])


def texts(random: Generator) -> tuple:
    drawn = [
        (-random.exponential(size=int(random.integers(1, 12)))).round(4).tolist()
        for _ in range(int(random.integers(8, 14)))
    ]
    penalties = [float(random.uniform(0.3, 2.5)) for _ in range(8)]
    return drawn, [penalty for penalty in penalties if one_leads(drawn, penalty)]


def texts_and_plain_sums(random: Generator) -> tuple:
    """Each text is there twice: the first wins.

    Only here, where the power is exact: vectorised, others round by where a text stands.
    """
    found = [texts(random)[0] for _ in range(6)]
    clear = [drawn for drawn in found if one_leads(drawn, 0) and one_leads(drawn, 1)]
    return ([drawn + drawn[::-1] for drawn in clear],)


def one_leads(hypotheses, penalty) -> bool:
    """Whether rounding cannot turn which text is the best."""
    *_, second, first = sorted(scores(hypotheses, penalty))
    return first - second > 1e-4


def run_penalties(answer, hypotheses, penalties):
    return [answer(hypotheses, penalty) for penalty in penalties]


def run_plain(answer, found):
    return [[answer(hypotheses, 0.0), answer(hypotheses, 1.0)] for hypotheses in found]


def scores(hypotheses, penalty):
    return [math.fsum(h) * math.pow(len(h), -penalty) for h in hypotheses]


def best(hypotheses, penalty):
    found = scores(hypotheses, penalty)
    return found.index(max(found))


def logits_and_p(random: Generator) -> tuple:
    return normal(random, int(random.integers(12, 30)), scale=2), float(
        random.uniform(0.5, 0.95)
    )


def small_p(random: Generator) -> tuple:
    return [normal(random, 9, scale=1.5) for _ in range(5)], 0.01


def run_each(answer, several, p):
    return [answer(logits, p) for logits in several]


def smallest_set(logits, p):
    probabilities = torch.softmax(logits.double(), -1).tolist()
    kept, total = [], 0.0
    for token in sorted(range(len(probabilities)), key=lambda t: -probabilities[t]):
        kept.append(token)
        total += probabilities[token]
        if total >= p:
            break
    result = torch.zeros(len(probabilities))
    for token in kept:
        result[token] = probabilities[token] / total
    return result


WORDS = [
    "open",
    "open,",
    "close",
    "the",
    "a",
    "file",
    "file.",
    "cell",
    "to",
    "run",
    "and",
]


def two_texts(random: Generator) -> tuple:
    sizes = random.integers(5, 16, size=2)
    return tuple(" ".join(random.choice(WORDS, size=n)) for n in sizes)


def texts_in_any_case(random: Generator) -> tuple:
    prediction, reference = two_texts(random)
    return (
        [
            [prediction.title(), reference],
            [prediction, ""],
            ["", reference],
            [reference, prediction.upper()],
            ["", ""],
        ],
    )


def run_pairs(answer, pairs):
    return [answer(*pair) for pair in pairs]


class WordsBetweenSpaces(Tokenizer):
    def tokenize(self, text):
        return text.lower().split()


def rouge(prediction, reference):
    words = WordsBetweenSpaces()
    scorer = rouge_scorer.RougeScorer(["rougeL"], tokenizer=words)
    return scorer.score(reference, prediction)["rougeL"].fmeasure


EXERCISES = [
    Exercise(
        "shift_right",
        fed,
        [
            Check("texts of different length", 2, labels),
            Check(
                "a beginning that is not due, and labels left alone",
                2,
                labels_with_a_prompt,
                run_untouched,
            ),
        ],
    ),
    Exercise(
        "greedy_search",
        greedy,
        [
            Check("models that end", 3, languages_with_an_end, run_search),
            Check("models that never end", 1, languages_without_an_end, run_search),
        ],
    ),
    Exercise(
        "best_hypothesis",
        best,
        [
            Check("any penalty", 2, texts, run_penalties),
            Check("the sum and the mean", 1, texts_and_plain_sums, run_plain),
        ],
    ),
    Exercise(
        "beam_search",
        beam,
        [
            Check("one beam", 1, with_one_beam, run_search),
            Check("several beams", 5, with_beams, run_search, cases=6),
            Check("models that never end", 2, beams_without_an_end, run_search),
        ],
    ),
    Exercise(
        "nucleus",
        smallest_set,
        [
            Check("any p", 4, logits_and_p, cases=5),
            Check("a p below the likeliest token", 1, small_p, run_each),
        ],
    ),
    Exercise(
        "rouge_l",
        rouge,
        [
            Check("texts of the same few words", 3, two_texts, cases=5),
            Check("any case, and an empty text", 1, texts_in_any_case, run_pairs),
        ],
    ),
    ByHand(
        "explain_forcing",
        3,
        "1 point: all places learn in one pass, or are not led astray. 1 point: while "
        "writing it reads its own errors, which it never saw (exposure bias). 1 point: "
        "not shifted, it copies: the loss falls to almost 0, the text is worthless.",
    ),
]

"""What only the grader runs on the seq2seq set.

Where most inputs do not show that a rule was ignored, drawing goes on until each rival,
an answer that ignores one rule, is wrong on one of the inputs: no luck passes it.
"""

import math
from collections import Counter
from difflib import SequenceMatcher
from functools import cache, partial

import numpy as np
import torch
from numpy.random import Generator
from rouge_score import rouge_scorer
from rouge_score.tokenizers import Tokenizer

from labkit.exercises import difference
from labkit.grading import ByHand, Check, Exercise, normal

CLEAR = 1e-3  # no choice may be closer: rounding could turn it


def telling(draw, right, rivals, more=4) -> list:
    """Inputs of which each rival gets at least one wrong; and some more of them."""
    found, left = [], [*rivals]
    while left:
        given = draw()
        wanted = right(*given)
        fooled = [rival for rival in left if difference(rival(*given), wanted, 0.01)]
        found += [given] if fooled else []
        left = [rival for rival in left if rival not in fooled]
    return found + [draw() for _ in range(more)]


# ----- what the decoder is fed


def labels(random: Generator, texts: int, length: int, due) -> torch.Tensor:
    """Labels, −100 where `due` says no of the number of a text and of a place."""
    rows = torch.from_numpy(random.integers(20, 900, size=(texts, length)))
    off = [[not due(text, place) for place in range(length)] for text in range(texts)]
    return rows.masked_fill(torch.tensor(off), -100)


def texts_of_each_length(random: Generator) -> tuple:
    """In half of them the first text has no label, and each further one has one more."""
    shapes = [(6, 5), (3, 8), (4, 4), (1, 7), (5, 1), (1, 1)]
    found = [
        labels(random, *shape, lambda text, place: place < text) for shape in shapes
    ]
    found += [labels(random, *shape, lambda text, place: True) for shape in shapes]
    return ([[rows, *two_ids(random)] for rows in found],)


def texts_with_gaps(random: Generator) -> tuple:
    """Due at the end alone, or here and there; the two ids stand among the labels."""
    holes = random.random((3, 7)) < 0.5
    holes[:, 2:5] = True, False, True
    late = labels(random, 4, 6, lambda text, place: place > text)
    gaps = labels(random, 3, 7, lambda text, place: holes[text, place])
    given = [[rows, *two_ids(random)] for rows in (late, gaps)]
    for start_id, pad_id in ((0, 0), (0, 1), (1, 0), (7, 7)):
        rows = torch.from_numpy(random.integers(0, 9, size=(3, 6)))
        rows[0, :4] = torch.tensor([start_id, pad_id, -100, start_id])
        rows[1, 1:5] = torch.tensor([-100, pad_id, start_id, pad_id])
        given.append([rows, start_id, pad_id])
    return (given,)


def two_ids(random: Generator) -> list[int]:
    return [int(random.integers(2, 10)), int(random.integers(10, 20))]


def run_each(answer, found):
    return [answer(*given) for given in found]


def run_untouched(answer, found):
    results = [answer(*given) for given in found]
    kinds = [str(getattr(result, "dtype", None)) for result in results]
    return [results, kinds, [rows for rows, *_ in found]]


def fed(rows, start_id, pad_id):
    tokens = [[pad_id if t == -100 else t for t in row] for row in rows.tolist()]
    return torch.tensor([[start_id, *row[:-1]] for row in tokens])


# ----- languages: the logits follow from all ids so far


def language(random: Generator, vocabulary: int, lifts, same: bool = False) -> list:
    """A seed, the number of tokens, what is planted, the ids of the start and the end.

    Args:
        lifts: From a number of ids read to what the end's logit then gains.
        same: Whether the start is the end as well.
    """
    start_id, end_id = random.permutation(vocabulary)[:2].tolist()
    end_id = start_id if same else end_id
    planted = {count: [[end_id, lift]] for count, lift in lifts.items()}
    return [int(random.integers(1 << 30)), vocabulary, planted, start_id, end_id]


def ending(random: Generator, longest: int, at: int, same: bool = False) -> list:
    """A language that ends after `at` tokens for sure, and not before."""
    lifts = {count: 60.0 if count == at else -60.0 for count in range(1, longest + 3)}
    while True:
        drawn = language(random, int(random.integers(5, 9)), lifts, same)
        if is_clear(*remembering([*drawn, longest, 1])):
            return [*drawn, longest]


def repeating(random: Generator, longest: int, at: int, start: bool) -> list:
    """The same; it writes one token again and again: the start, or another."""
    drawn = ending(random, longest, at)
    start_id, end_id = drawn[3:5]
    other = next(t for t in range(drawn[1]) if t not in (start_id, end_id))
    for count in range(1 if start else 2, at):
        drawn[2][count].append([start_id if start else other, 90.0])
    return drawn


def languages_with_an_end(random: Generator) -> tuple:
    places = [(5, 1), (5, 5), (6, 5), (7, 4), (8, 6)]
    found = [ending(random, *place) for place in places]
    found += [ending(random, *place, same=True) for place in places[2:]]
    return ([*found, *(repeating(random, 7, 5, start) for start in (True, False))],)


def languages_without_an_end(random: Generator) -> tuple:
    found = [ending(random, longest, 99) for longest in (1, 2, 6, 7, 8)]
    return ([*found, ending(random, 6, 99, same=True)],)


def languages_of_both_kinds(random: Generator) -> tuple:
    return ([ending(random, 6, at) for at in (2, 4, 5, 99)],)


def model(seed: int, vocabulary: int, planted: dict):
    """The same logits after the same ids, and others after any others."""

    def logits_after(ids):
        read = [int(token) % 1000 for token in ids]
        random = np.random.default_rng([seed, len(read), *read])
        spread = 0.5 if len(read) < 3 else 4  # sure late: a beam may be too narrow
        logits = random.normal(scale=spread, size=vocabulary)
        for token, lift in planted.get(len(read), []):
            logits[token] += lift
        shift = random.choice([-300, -20, 20, 300])  # exp of it is 0, or infinite
        return torch.from_numpy(logits + shift).float()

    return logits_after


def run_search(answer, found):
    return [answer(model(*given[:3]), *given[3:]) for given in found]


def run_search_for_ints(answer, found):
    written = run_search(answer, found)
    return [written, [[type(token) is int for token in ids] for ids in written]]


def greedy(next_logits, start_id, end_id, longest):
    written = []
    for _ in range(longest):
        logits = next_logits([start_id, *written]).tolist()
        written.append(logits.index(max(logits)))
        if written[-1] == end_id:
            return written
    return written


# ----- beam search, and how people get it wrong


def log_p(logits) -> list[float]:
    return logits.double().log_softmax(-1).tolist()


def first_ones(ranked, beams, **_):
    return ranked[:beams]


def mean(total, length):
    return total / length


def never(**_):
    return False


def no_place(ranked, beams, end_id, **_):
    """The finished take no place: as many others as without them are kept."""
    return [
        *(text for text in ranked[:beams] if text[-1] == end_id),
        *[text for text in ranked if text[-1] != end_id][:beams],
    ]


def fewer_each_time(ranked, beams, gone, **_):
    return ranked[: max(0, beams - gone)]


def one_of_each(ranked, beams, **_):
    best = {text[:-1]: text for text in reversed(ranked)}
    return ranked[:beams] if len(best) == 1 else [*best.values()]


def one_is_done(done, **_):
    return bool(done)


def enough_are_done(done, beams, **_):
    return len(done) >= beams


def one_leads_for_now(done, alive, **_):
    """Whether no beginning is as good yet; it may become so."""
    if not done or not alive:
        return False
    finished, open_ones = (
        max(mean(total, len(text)) for text, total in texts.items())
        for texts in (done, alive)
    )
    return finished >= open_ones


def searched(
    next_logits,
    start_id,
    end_id,
    longest,
    beams,
    *,
    gain=log_p,
    memory=1,
    take=first_ones,
    halt=never,
    again=False,
    counts=("done", "alive"),
    worth=mean,
    end_counts=True,
):
    """Beam search; the options are there to break one rule each."""
    alive, done = {(): 0.0}, {}
    for _ in range(longest):
        if not alive or halt(done=done, alive=alive, beams=beams):
            break
        longer = {
            (*written, token): memory * total + gained
            for written, total in alive.items()
            for token, gained in enumerate(gain(next_logits([start_id, *written])))
        }
        ranked = sorted(longer, key=longer.get, reverse=True)
        kept = take(ranked, beams, end_id=end_id, gone=len(done), sums=longer)
        done |= {text: longer[text] for text in kept if text[-1] == end_id}
        alive = {text: longer[text] for text in kept if again or text[-1] != end_id}
    texts = {"done": done, "alive": alive}
    counted = texts[counts[0]] or alive
    for name in counts[1:]:
        counted = counted | texts[name]

    def of_text(text):
        length = len(text) - (text[-1] == end_id and not end_counts)
        return worth(counted[text], max(1, length))

    return [*max(counted, key=of_text, default=())]


def is_clear(*asked) -> bool:
    """Whether no choice of the search is so close that rounding could turn it."""
    leads, means = [], []

    def take(ranked, beams, sums, **_):
        if len(ranked) > beams:
            leads.append(sums[ranked[beams - 1]] - sums[ranked[beams]])
        return ranked[:beams]

    def worth(total, length):
        means.append(total / length)
        return means[-1]

    searched(*asked, take=take, worth=worth)
    *_, second, best = [-math.inf, *sorted(means)]
    return min([best - second, *leads]) > CLEAR


def reading(change):
    """A search whose model is shown other ids than it should be."""
    return lambda next_logits, *rest: searched(
        lambda ids: next_logits(change(ids)), *rest
    )


def with_other(steps=0, beams=0, most=99):
    """A search that takes more or fewer steps or beams than it should."""

    def search(next_logits, start_id, end_id, longest, width):
        width = min(most, max(1, width + beams))
        return searched(next_logits, start_id, end_id, longest + steps, width)

    return search


def no_more_than_tokens(next_logits, start_id, end_id, longest, beams):
    beams = min(beams, len(next_logits([start_id])))
    return searched(next_logits, start_id, end_id, longest, beams)


READ_LESS = [
    reading(lambda ids: ids[-1:]),
    reading(lambda ids: ids[:1]),
    reading(lambda ids: ids[1:]),
    reading(lambda ids: ids[:1] + ids[-1:]),
    reading(lambda ids: ids[:-1] or ids),
    with_other(steps=-1),
    with_other(steps=1),
]
LEAVE_OUT_THE_REST = [
    partial(searched, counts=["done"]),
    partial(searched, counts=["done"], halt=enough_are_done),
    partial(searched, counts=["done"], halt=one_is_done),
    partial(searched, halt=one_is_done),
    partial(searched, halt=enough_are_done),
]
OTHER_SEARCHES = [
    *READ_LESS,
    *LEAVE_OUT_THE_REST,
    partial(searched, counts=["alive"]),
    partial(searched, halt=one_leads_for_now),
    *(with_other(beams=number) for number in (-9, -1, 1, 9)),
    *(
        partial(searched, take=take)
        for take in (no_place, fewer_each_time, one_of_each)
    ),
    partial(searched, gain=torch.Tensor.tolist),
    partial(searched, gain=lambda logits: logits.softmax(-1).tolist()),
    partial(searched, memory=0),
    lambda next_logits, start_id, *rest: [
        token for token in searched(next_logits, start_id, *rest) if token != start_id
    ],
    partial(searched, again=True),
    partial(searched, end_counts=False),
    partial(searched, worth=lambda total, length: total),
    partial(searched, worth=lambda total, length: total / (length + 1)),
    partial(searched, worth=lambda total, length: total / max(1, length - 1)),
    partial(searched, worth=lambda total, length: total / length**0.5),
    partial(searched, worth=lambda total, length: total / length**2),
    partial(searched, worth=lambda total, length: length),
    partial(searched, worth=lambda total, length: -length),
]


def telling_languages(random, rivals, beams, vocabulary=(4, 7), lift=1.0) -> list:
    """Languages that tell the search from each of its rivals."""

    def draw():
        while True:
            lifts = random.normal(lift, 1.5, size=8).round(3).tolist()
            size = int(random.integers(*vocabulary))
            given = language(random, size, dict(enumerate(lifts)))
            given += [int(random.integers(3, 6)), int(random.choice(beams))]
            asked = remembering(given)
            if is_clear(*asked):
                return given, asked

    def run(search):
        return lambda _, asked: search(*asked)

    return [given for given, _ in telling(draw, run(searched), [*map(run, rivals)])]


def remembering(given) -> list:
    """What a search is given, with a model that draws the same logits once only."""
    known = cache(model(*given[:3]))
    return [lambda ids: known(tuple(ids)), *given[3:]]


def with_beams(random: Generator) -> tuple:
    return (telling_languages(random, OTHER_SEARCHES, [2, 3, 4]),)


def with_one_beam(random: Generator) -> tuple:
    rivals = [*READ_LESS, with_other(beams=1), with_other(beams=3)]
    return (telling_languages(random, rivals, [1]),)


def beams_not_finished(random: Generator) -> tuple:
    """Some of the texts are not finished, or none is."""
    found = telling_languages(random, LEAVE_OUT_THE_REST, [2, 3, 4], lift=0.0)
    return ([*found, *telling_languages(random, READ_LESS, [2, 3], lift=-60.0)],)


def beams_at_the_limits(random: Generator) -> tuple:
    """More beams than tokens; all that end at once; a start that is the end."""
    narrow = [no_more_than_tokens, with_other(most=4)]
    found = telling_languages(random, narrow, [6, 12], (3, 6), lift=-1.0)
    for size, longest, at, beams in ((6, 5, 2, 2), (5, 4, 1, 1), (6, 5, 5, 3)):
        lifts = {count: 60.0 if count == at else -60.0 for count in range(1, 8)}
        found.append(clear_language(random, size, lifts, longest, beams))
    for lift in (-60.0, 1.0, 1.0):
        lifts = dict.fromkeys(range(1, 8), lift)
        found.append(clear_language(random, 6, lifts, 4, 3, same=True))
    return (found,)


def clear_language(random: Generator, size, lifts, longest, beams, same=False) -> list:
    while True:
        given = [*language(random, size, lifts, same), longest, beams]
        if is_clear(*remembering(given)):
            return given


# ----- which text is the best


def texts(random: Generator) -> list[list[float]]:
    return [
        (-random.exponential(size=int(random.integers(1, 12)))).round(1).tolist()
        for _ in range(int(random.integers(5, 9)))
    ]


def any_penalties(random: Generator) -> tuple:
    def draw():
        while True:
            drawn = texts(random), round(float(random.uniform(0.3, 2.5)), 3)
            if one_leads(*drawn):
                return drawn

    return ([[*given] for given in telling(draw, best, OTHER_SCORES)],)


def sums_and_means(random: Generator) -> tuple:
    """Penalties of 0 and 1, sure tokens, impossible ones, and texts that are equal.

    Equal ones are of quarters, and so are their sums: elsewhere others may round by
    where a text stands.
    """
    found = []
    for penalty in (0.0, 1.0):
        for worse in (0.0, -4000.0):
            found.append([not_the_first(random, penalty, worse), penalty])
        *others, winner = some_quarters(random, penalty)
        found.append([[*others[:2], winner, *others[2:], winner[::-1]], penalty])
        unlikely, likely = [-math.inf, -0.25], [-3.5, -5.0]
        found.append([[unlikely, [-7.0, -6.5], likely, unlikely], penalty])
        found.append([[[-0.25], [-0.5, -0.75], [0.0, 0.0], [-0.125]], penalty])
    alike = [[-4.0], [-2.0, -1.5, -0.5], [-1.0, -3.0], [-4.0]]
    found += [[[[-9.0], *alike], 0.0], [[[-9.0], *alike[1:]], 0.0]]
    return ([*found, [[[-2.5, -1.0]], 1.0]],)


def not_the_first(random: Generator, penalty: float, worse: float) -> list[list[float]]:
    """Texts of which another than the first is the best, in float32 too."""
    while True:
        drawn = [[p + worse for p in text] for text in texts(random)]
        if one_leads(drawn, penalty, 0.1) and best(drawn, penalty):
            return drawn


def some_quarters(random: Generator, penalty: float) -> list[list[float]]:
    """Texts of 1, 2, 4 or 8 tokens, the best of them last."""
    while True:
        sizes = 2 ** random.integers(4, size=6)
        drawn = [(-random.integers(1, 9, size=n) / 4).tolist() for n in sizes]
        if one_leads(drawn, penalty):
            winner = drawn.pop(best(drawn, penalty))
            return [*drawn, winner]


def one_leads(hypotheses, penalty, lead=CLEAR) -> bool:
    """Whether rounding cannot turn which text is the best."""
    *_, second, first = sorted(scores(hypotheses, penalty))
    return first - second > lead


def scores(hypotheses, penalty):
    return [math.fsum(h) * math.pow(len(h), -penalty) for h in hypotheses]


def best(hypotheses, penalty):
    found = scores(hypotheses, penalty)
    return found.index(max(found))


def by(score):
    """Another idea of the best text, from its logarithms, their number, the penalty."""

    def choose(hypotheses, penalty):
        found = [score(h, len(h), penalty) for h in hypotheses]
        return found.index(max(found))

    return choose


OTHER_SCORES = [
    by(lambda h, n, penalty: sum(h)),
    by(lambda h, n, penalty: sum(h) / n),
    by(lambda h, n, penalty: sum(h) / (n * penalty)),
    by(lambda h, n, penalty: sum(h) / (n + 1) ** penalty),
    by(lambda h, n, penalty: sum(h) / max(1, n - 1) ** penalty),
    by(lambda h, n, penalty: sum(h) / ((5 + n) / 6) ** penalty),
    by(lambda h, n, penalty: sum(h) / n ** int(penalty)),
    by(lambda h, n, penalty: sum(h) / n ** round(penalty)),
    by(lambda h, n, penalty: sum(h) / n ** (1 / penalty)),
    by(lambda h, n, penalty: sum(h) / penalty**n),
    by(lambda h, n, penalty: sum(h) / n - penalty),
    by(lambda h, n, penalty: sum(h) - penalty * n),
    by(lambda h, n, penalty: sum(h) + penalty * n),
    by(lambda h, n, penalty: sum(h) * n**penalty),
    by(lambda h, n, penalty: -sum(h) / n**penalty),
    by(lambda h, n, penalty: math.exp(sum(h)) / n**penalty),
    by(lambda h, n, penalty: sum(map(math.exp, h)) / n**penalty),
    by(lambda h, n, penalty: sum(h) / len({*h}) ** penalty),
    by(lambda h, n, penalty: sum({*h}) / n**penalty),
    by(lambda h, n, penalty: max(h)),
    by(lambda h, n, penalty: min(h)),
    by(lambda h, n, penalty: h[0]),
    by(lambda h, n, penalty: h[-1]),
    by(lambda h, n, penalty: n),
    by(lambda h, n, penalty: -n),
]


# ----- nucleus


def any_p(random: Generator) -> tuple:
    def draw():
        while True:
            size, p = int(random.integers(8, 24)), float(random.uniform(0.3, 0.97))
            logits = normal(random, size, scale=2)
            if between_edges(logits, p):
                return logits, p

    return ([[*given] for given in telling(draw, smallest_set, OTHER_SETS)],)


def ends_of_p(random: Generator) -> tuple:
    """A p of 0, of 1, below the likeliest token and above it; one token."""
    found = [[normal(random, 9, scale=1.5), p] for p in (0.0, 0.01, 0.02, 0.0)]
    found += [[normal(random, 1), p] for p in (0.0, 0.5, 1.0)]
    flat = normal(random, 40, scale=0.2)
    while not between_edges(flat, 0.045):
        flat = normal(random, 40, scale=0.2)
    found.append([flat, 0.045])
    for _ in range(3):
        logits = normal(random, 16)
        while max(rounded_total(logits), rounded_total(logits.double())) >= 1:
            logits = normal(random, 16)
        found.append([logits, 1.0])
    return (found,)


def rounded_total(logits) -> float:
    """What rounding leaves of 1: a search for 1 may not find it."""
    return float(logits.softmax(-1).sort(descending=True).values.cumsum(-1)[-1])


def equal_and_extreme(random: Generator) -> tuple:
    """Equally likely tokens at the edge; tokens that are ruled out; large logits."""
    found = []
    for size, p in ((8, 0.45), (5, 0.7), (12, 0.3)):
        found.append([torch.full((size,), float(random.normal())), p])
    likeliest = torch.zeros(7)
    likeliest[int(random.integers(7))] = math.log(4)
    found.append([likeliest, 0.65])
    for shift in (0.0, 3000.0, -3000.0):
        while True:
            logits = normal(random, 12, scale=2) + shift
            logits[torch.from_numpy(random.permutation(12)[:4])] = -math.inf
            if between_edges(logits, 0.8):
                break
        found += [[logits, 0.8], [logits.clone(), 1.0]]
    return (found,)


def between_edges(logits, p) -> bool:
    """Whether rounding cannot turn which tokens are in the set."""
    ordered = logits.double().softmax(-1).sort(descending=True).values
    sums = ordered.cumsum(-1)
    last = int((sums < p).sum())
    lead = float(ordered[last] - ordered[last + 1]) if last + 1 < len(sums) else 1.0
    return bool(((sums - p).abs() > CLEAR).all()) and lead > CLEAR / 10


def run_equal(answer, found):
    """Of equal tokens any may be in the set, so places count among unequal ones alone."""

    def without_places(result, logits):
        if not isinstance(result, torch.Tensor) or result.shape != logits.shape:
            return result
        return [result.sort().values, result[logits == logits.max()].sum()]

    before = [logits.clone() for logits, _ in found]
    results = [answer(*given) for given in found]
    told = [without_places(*pair) for pair in zip(results[:4], before[:4], strict=True)]
    return [told, results[4:], [logits for logits, _ in found]]


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


def of_kept(choose, divide=lambda kept, p: kept / kept.sum()):
    """Another idea of the set, from sorted probabilities, the sums up to them, and p."""

    def other_set(logits, p):
        ordered, order = logits.softmax(-1).sort(descending=True)
        kept = ordered * choose(ordered, ordered.cumsum(-1), p)
        return torch.zeros_like(logits).scatter(-1, order, divide(kept, p))

    return other_set


def up_to_p(ordered, sums, p):
    return sums - ordered < p


OTHER_SETS = [
    of_kept(lambda ordered, sums, p: ordered > p),
    of_kept(lambda ordered, sums, p: ordered > 1 - p),
    of_kept(lambda ordered, sums, p: ordered >= p * ordered[0]),
    of_kept(lambda ordered, sums, p: sums <= p),
    of_kept(lambda ordered, sums, p: sums - 2 * ordered < p),
    of_kept(lambda ordered, sums, p: sums - ordered < 1 - p),
    of_kept(lambda ordered, sums, p: sums - ordered < 0.9),
    of_kept(lambda ordered, sums, p: sums - ordered > p),
    of_kept(lambda ordered, sums, p: ordered.flip(-1).cumsum(-1).flip(-1) < p),
    of_kept(lambda ordered, sums, p: ordered > 0),
    of_kept(lambda ordered, sums, p: ordered == ordered[0]),
    of_kept(lambda ordered, sums, p: torch.arange(len(sums)) < p * len(sums)),
    of_kept(up_to_p, lambda kept, p: kept),
    of_kept(up_to_p, lambda kept, p: kept / p),
    of_kept(up_to_p, lambda kept, p: kept.softmax(-1)),
    lambda logits, p: smallest_set(logits, p).sort(descending=True).values,
]


# ----- ROUGE-L


PLAIN = str.maketrans("", "", ",.")
WORDS = ["open", "open,", "close", "the", "a", "file", "file.", "cell", "Run", "run"]


def few_words(random: Generator, words=WORDS) -> str:
    return " ".join(random.choice(words, size=int(random.integers(3, 10))))


def two_texts(random: Generator) -> tuple:
    def draw():
        words = random.choice(WORDS, size=6, replace=False)
        return few_words(random, words), few_words(random, words)

    return ([[*pair] for pair in telling(draw, rouge, OTHER_ROUGES)],)


def in_any_case_and_space(random: Generator) -> tuple:
    found = []
    for change in (str.upper, str.title, str.lower):
        text = few_words(random, ["Open", "the", "FILE", "cell"])
        found += [[change(text), f"{text} now"], [f"to {text}", change(text)]]
    text = few_words(random)
    for space in ("  ", "\n", "\t", " \r\n  "):
        spaced = text.replace(" ", space)
        found += [[spaced, f"to {text}"], [f"{text} to", f"{space}{spaced}{space}now"]]
    found += [["the  old  file", "a  new  cell  the"], ["\nthe file ", " the\tfile\n"]]
    found += [["Déjà Vu à Zürich", "déjà vu zürich"], ["it's well-known", "it s known"]]
    return (found,)


def nothing_in_common(random: Generator) -> tuple:
    """Nothing is shared, or a text is empty; and other pairs, so that 0 is no guess."""
    text = few_words(random)
    nothing = [[text, "nothing else"], ["nothing", text], [text, ""], ["", text]]
    nothing += [
        ["", ""],
        [" \n ", text],
        [text, "  "],
        ["\t", " "],
        ["open file these", "reopen the files theses"],
        ["reopen the files theses", "open file these"],
    ]
    alike = [[text, text], ["a", "a"], ["the the the", "the"], ["a b", "b a"]]
    return ([*nothing, *alike, [text, f"now {text}"]],)


class WordsBetweenSpaces(Tokenizer):
    def tokenize(self, text):
        return text.lower().split()


def rouge(prediction, reference):
    words = WordsBetweenSpaces()
    scorer = rouge_scorer.RougeScorer(["rougeL"], tokenizer=words)
    return float(scorer.score(reference, prediction)["rougeL"].fmeasure)


def longest_common(ours, theirs) -> int:
    above = [0] * (len(theirs) + 1)
    for word in ours:
        row = [0]
        for place, other in enumerate(theirs):
            same = above[place] + (word == other)
            row.append(max(same, above[place + 1], row[-1]))
        above = row
    return above[-1]


def in_turn(ours, theirs) -> int:
    """Each word is looked for behind the one found last."""
    found, place = 0, 0
    for word in ours:
        if word in theirs[place:]:
            place, found = theirs.index(word, place) + 1, found + 1
    return found


def side_by_side(ours, theirs) -> int:
    blocks = SequenceMatcher(None, ours, theirs, autojunk=False)
    return blocks.find_longest_match(0, len(ours), 0, len(theirs)).size


def blocks(ours, theirs) -> int:
    found = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    return sum(block.size for block in found)


def at_the_same_place(ours, theirs) -> int:
    return sum(one == other for one, other in zip(ours, theirs, strict=False))


def harmonic(common, ours, theirs) -> float:
    return 2 * common / (ours + theirs)


def counting(count, score=harmonic, words=lambda text: text.lower().split()):
    """Another idea of ROUGE-L: what is counted, what is made of it, what a word is."""

    def other_rouge(prediction, reference):
        ours, theirs = words(prediction), words(reference)
        return score(count(ours, theirs), len(ours), len(theirs))

    return other_rouge


OTHER_ROUGES = [
    counting(in_turn),
    counting(lambda ours, theirs: in_turn(theirs, ours)),
    counting(lambda ours, theirs: max(in_turn(theirs, ours), in_turn(ours, theirs))),
    counting(side_by_side),
    counting(blocks),
    counting(lambda ours, theirs: blocks(theirs, ours)),
    counting(at_the_same_place),
    counting(lambda ours, theirs: (Counter(ours) & Counter(theirs)).total()),
    counting(lambda ours, theirs: len({*ours} & {*theirs})),
    counting(lambda ours, theirs: sum(word in theirs for word in ours)),
    counting(lambda ours, theirs: sum(word in ours for word in theirs)),
    counting(lambda ours, theirs: longest_common([*dict.fromkeys(ours)], theirs)),
    counting(lambda ours, theirs: longest_common(ours, [*dict.fromkeys(theirs)])),
    counting(longest_common, words=lambda text: [*text.lower()]),
    counting(longest_common, words=lambda text: [*"".join(text.lower().split())]),
    counting(longest_common, words=str.split),
    counting(longest_common, words=lambda t: t.lower().translate(PLAIN).split()),
    counting(longest_common, lambda common, ours, theirs: common / ours),
    counting(longest_common, lambda common, ours, theirs: common / theirs),
    counting(longest_common, lambda common, ours, theirs: common / max(ours, theirs)),
    counting(longest_common, lambda common, ours, theirs: common / min(ours, theirs)),
    counting(longest_common, lambda common, *sizes: common / (sum(sizes) - common)),
    counting(longest_common, lambda common, *sizes: common / math.prod(sizes) ** 0.5),
    counting(longest_common, lambda common, a, b: common * (a + b) / (2 * a * b)),
    counting(longest_common, lambda common, a, b: common / (a + b)),
    counting(longest_common, lambda common, a, b: common**2 / (a * b)),
    counting(longest_common, lambda common, a, b: 2.44 * common / (1.44 * a + b)),
    counting(longest_common, lambda common, a, b: 2.44 * common / (a + 1.44 * b)),
]


EXERCISES = [
    Exercise(
        "shift_right",
        fed,
        [
            Check("texts of any length", 2, texts_of_each_length, run_each, cases=1),
            Check(
                "labels that are not due anywhere, and all labels left alone",
                2,
                texts_with_gaps,
                run_untouched,
                cases=1,
            ),
        ],
    ),
    Exercise(
        "greedy_search",
        greedy,
        [
            Check("models that end", 2, languages_with_an_end, run_search, cases=1),
            Check(
                "models that never end",
                1,
                languages_without_an_end,
                run_search,
                cases=1,
            ),
            Check(
                "ids of type `int`",
                1,
                languages_of_both_kinds,
                run_search_for_ints,
                cases=1,
            ),
        ],
    ),
    Exercise(
        "best_hypothesis",
        best,
        [
            Check("any penalty", 2, any_penalties, run_each, cases=2),
            Check("sums, means and equal texts", 1, sums_and_means, run_each, cases=1),
        ],
    ),
    Exercise(
        "beam_search",
        searched,
        [
            Check(
                "one beam, ids of type `int`",
                1,
                with_one_beam,
                run_search_for_ints,
                cases=1,
            ),
            Check("several beams", 4, with_beams, run_search, cases=1),
            Check(
                "texts not finished in time", 2, beams_not_finished, run_search, cases=1
            ),
            Check(
                "more beams than tokens, and a start that is the end",
                1,
                beams_at_the_limits,
                run_search,
                cases=1,
            ),
        ],
    ),
    Exercise(
        "nucleus",
        smallest_set,
        [
            Check("any p", 3, any_p, run_each, cases=2),
            Check("a p of 0, a p of 1, one token", 1, ends_of_p, run_each, cases=1),
            Check(
                "equal tokens, ruled out ones, logits left alone",
                1,
                equal_and_extreme,
                run_equal,
                cases=1,
            ),
        ],
    ),
    Exercise(
        "rouge_l",
        rouge,
        [
            Check("texts of the same few words", 2, two_texts, run_each, cases=2),
            Check(
                "any case and any white space",
                1,
                in_any_case_and_space,
                run_each,
                cases=1,
            ),
            Check(
                "nothing in common, and empty texts",
                1,
                nothing_in_common,
                run_each,
                cases=1,
            ),
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

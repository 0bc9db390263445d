"""What only the grader runs on the alignment set.

A draw gives a list of inputs, and a harness runs them all: each plants one rule of the
statement, so that who breaks it fails every time.
"""

import itertools
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.random import Generator

from labkit.grading import ByHand, Check, Exercise, normal

NAN, INF = float("nan"), float("inf")
ANYTHING = (3.0, NAN, -INF, INF)


def run_all(answer, calls):
    return [answer(*call) for call in calls]


def run_all_and_keep(answer, calls):
    return [[answer(*call) for call in calls], calls]


def sizes(random: Generator, count: int) -> list[int]:
    """Different ones, so that no dimension can be taken for another."""
    return random.permutation(range(2, 8))[:count].tolist()


def some_of(random: Generator, choices, *shape: int) -> torch.Tensor:
    return torch.from_numpy(random.choice(choices, size=shape)).float()


def slope_of(given: torch.Tensor) -> torch.Tensor:
    """The gradient that reached it; zeros if none did."""
    return torch.zeros_like(given) if given.grad is None else given.grad


# ----- label scores


def rows(
    random: Generator,
    lengths: list[list[int]],
    padded: str = "",
    scale: float = 2.0,
    shift: float = 0.0,
) -> list:
    """A batch of prompts, each with its labels behind it.

    Args:
        lengths: How many tokens each label of each text has.
        padded: On which side there is padding: nothing is there and at other logits.
    """
    texts, labels, vocabulary = (
        len(lengths),
        len(lengths[0]),
        int(random.integers(9, 14)),
    )
    prompts = random.permutation(range(1, texts + 1)).tolist()
    ends = [[p + n for n in some] for p, some in zip(prompts, lengths, strict=True)]
    width = max(map(max, ends)) + (2 if padded else 0)
    logits = normal(random, texts, labels, width, vocabulary, scale=scale) + shift
    ids = torch.from_numpy(random.integers(vocabulary, size=(texts, labels, width)))
    is_label = torch.zeros(texts, labels, width, dtype=torch.bool)
    for t, c in itertools.product(range(texts), range(labels)):
        last = width if padded == "left" else ends[t][c]
        is_label[t, c, last - lengths[t][c] : last] = True
    if padded:
        ids[~is_label] = -100
        ids[..., -1].masked_fill_(~is_label[..., -1], 10_000)
        needed = torch.cat([is_label[..., 1:], torch.zeros(texts, labels, 1) > 0], -1)
        logits[~needed] = NAN
    return [logits, ids, is_label]


def labels_of_one_token(random: Generator) -> tuple:
    """Each behind a prompt of its own length; once one label, once one text."""
    texts, labels = sizes(random, 2)
    shapes = (texts, labels), (1, labels), (texts, 1), (3, 3)
    return ([rows(random, [[1] * c for _ in range(t)]) for t, c in shapes],)


def labels_of_any_length(random: Generator) -> tuple:
    """One label has twice the tokens of another, or more; logits far from 0."""
    texts, _ = sizes(random, 2)
    calls = []
    for count, shift, scale in ((texts, 0, 2), (1, 400, 2), (3, -400, 2), (2, 0, 400)):
        lengths = [random.permutation([1, 2, 3, 5]).tolist() for _ in range(count)]
        calls.append(rows(random, lengths, scale=scale, shift=shift))
    calls.append(rows(random, [[2, 4], [4, 2]]))
    return (calls,)


def labels_and_padding(random: Generator) -> tuple:
    lengths = [random.permutation([1, 2, 3, 4]).tolist() for _ in range(3)]
    calls = [rows(random, lengths, side) for side in ("right", "left")]
    calls.append(rows(random, [[2, 3]], "left"))
    return (calls,)


def scored(logits, input_ids, is_label):
    """Label by label, token by token."""
    texts, labels, width = input_ids.shape
    means = torch.zeros(texts, labels, dtype=torch.double)
    for t, c in itertools.product(range(texts), range(labels)):
        own = [
            -F.cross_entropy(logits[t, c, at - 1].double(), input_ids[t, c, at])
            for at in range(width)
            if is_label[t, c, at]
        ]
        means[t, c] = sum(own) / len(own)
    return (means - means.logsumexp(1, True)).float()


# ----- contextual calibration


def one_empty_input(random: Generator) -> tuple:
    texts, labels = sizes(random, 2)
    shapes = (texts, labels), (1, labels), (texts, 1), (labels, labels)
    return (
        [
            [normal(random, t, c, scale=2), normal(random, 1, c, scale=2)]
            for t, c in shapes
        ],
    )


def several_empty_inputs(random: Generator) -> tuple:
    """Each row is known up to a number of its own."""
    texts, labels, inputs = sizes(random, 3)
    calls = []
    for shape in ((texts, labels, inputs), (1, labels, 2), (texts, 2, 3), (3, 3, 3)):
        t, c, k = shape
        empty = normal(random, k, c, scale=3) + normal(random, k, 1, scale=4)
        scores = normal(random, t, c, scale=3) + normal(random, t, 1, scale=4)
        calls.append([scores, empty])
    return (calls,)


def scores_far_apart(random: Generator) -> tuple:
    """Steps of 1/4, so that nothing is rounded; of each kind rows far below 0."""
    texts, labels, inputs = sizes(random, 3)
    calls = []
    for level, far in ((-500, 0), (0, 300), (-700, 300), (0, 900)):
        steps = random.integers(-12, 13, size=(texts + inputs, labels)) / 4
        whole = torch.from_numpy(steps).float()
        whole[texts:] += (
            some_of(random, range(9), inputs, 1) + 20 * (torch.arange(inputs)[:, None])
        )
        whole += level
        whole[:, int(random.integers(labels))] -= far
        calls.append([whole[:texts].clone(), whole[texts:].clone()])
    return (calls,)


def calibrated(scores, empty):
    """In double precision, of which only the differences of 700 are too much."""
    rows_of_empty = empty.double() - empty.double().logsumexp(1, True)
    most = rows_of_empty.amax(0)
    leaning = most + (rows_of_empty - most).exp().mean(0).log()
    moved = scores.double() - leaning
    shares = (moved - moved.amax(1, True)).exp()
    return (shares / shares.sum(1, True)).float()


# ----- Bradley and Terry


def orders(random: Generator, prompts: int, answers: int) -> torch.Tensor:
    """Ranks from 1 on, without ties."""
    found = [random.permutation(answers) + 1 for _ in range(prompts)]
    return torch.from_numpy(np.stack(found))


def whole_rankings(random: Generator) -> tuple:
    prompts, answers = sizes(random, 2)
    shapes = (prompts, answers), (1, answers), (prompts, 2), (1, 2), (4, 4)
    calls = [[normal(random, *s, scale=2), orders(random, *s)] for s in shapes]
    calls[0][1] = calls[0][1] * 3 + random.integers(5)  # ranks are skipped
    calls[4][1] = calls[4][1] ** 2
    return (calls,)


def rankings_with_gaps(random: Generator) -> tuple:
    """Prompts with ties, with few answers, with one pair, with none."""
    calls = []
    for missing in ANYTHING:
        rewards, ranks = normal(random, 6, 5, scale=2), orders(random, 6, 5)
        ranks[0, :3] = 2  # a tie of three
        ranks[1] = torch.tensor([0, 4, 0, 1, 0])
        ranks[2] = torch.tensor([3, 0, 3, 0, 3])  # ties alone: no pair
        ranks[3] = torch.tensor([0, 0, 7, 0, 0])
        ranks[4] = torch.tensor([1, 2, 2, 0, 6])
        columns = torch.from_numpy(random.permutation(5))
        order = torch.from_numpy(random.permutation(6))
        ranks = ranks[order][:, columns]
        calls.append([rewards.masked_fill(ranks == 0, missing), ranks])
    rewards = calls[0][0].masked_fill(calls[0][1] == 0, INF)
    rewards[:, ::2] = rewards[:, ::2].masked_fill(calls[0][1][:, ::2] == 0, -INF)
    calls.append([rewards, calls[0][1]])
    return (calls,)


def rankings_far_apart(random: Generator) -> tuple:
    """The worse is thousands above, or below; and rankings without a pair."""
    rewards, ranks = normal(random, 3, 4), orders(random, 3, 4)
    rewards += 3000.0 * some_of(random, [-1, 1], 3, 4)
    rewards[0] = 4000.0 * ranks[0]
    rewards[1] = -4000.0 * ranks[1]
    nothing = [normal(random, 2, 3), torch.tensor([[2, 2, 2], [0, 5, 0]])]
    alone = [normal(random, 3, 1), torch.ones(3, 1, dtype=torch.long)]
    return [[rewards, ranks]], [nothing, alone]


def run_rankings(answer, calls):
    """The losses, their gradients, and what has become of the inputs."""
    found = []
    for rewards, ranks in calls:
        given = rewards.clone().requires_grad_()
        loss = answer(given, ranks)
        loss.backward()
        found.append([loss, given.grad, given.detach(), ranks])
    return found


def run_rankings_and_none(answer, calls, without):
    """A loss of nothing is added to one of something: both are to have a gradient."""
    found = run_rankings(answer, calls)
    [(rewards, ranks)] = calls
    for other, no_pairs in without:
        given, second = rewards.clone().requires_grad_(), other.clone().requires_grad_()
        nothing = answer(second, no_pairs)
        (nothing + answer(given, ranks)).backward()
        found.append([nothing, given.grad, slope_of(second)])
    return found


def ranked(rewards, ranks):
    """Pair by pair."""
    of_prompts = []
    for row, places in zip(rewards, ranks.tolist(), strict=True):
        pairs = [
            (better, worse)
            for better, worse in itertools.permutations(range(len(places)), 2)
            if 0 < places[better] < places[worse]
        ]
        if pairs:
            better, worse = (torch.tensor(side) for side in zip(*pairs, strict=True))
            of_prompts.append(F.softplus(row[worse] - row[better]).mean())
    if not of_prompts:
        return rewards.nan_to_num().sum() * 0
    return torch.stack(of_prompts).mean()


# ----- DPO


def pairs(
    random: Generator, count: int, length: int, outside: float = 0.0, scale: float = 1.0
) -> list:
    """Answers of different lengths, anywhere; outside of them real numbers, or others."""
    policy = -normal(random, count, 2, length, scale=scale).abs()
    reference = policy + normal(random, count, 2, length, scale=scale)
    mask = torch.zeros(count, 2, length, dtype=torch.bool)
    for answer in mask.view(-1, length):
        first, last = sorted(random.integers(length, size=2).tolist())
        answer[first : last + 1] = True
    if length > 3:  # of one pair a long answer, and a short one
        mask[0, 0], mask[0, 1] = True, torch.arange(length) == 1
        mask[0, 0, -1] = False
    if outside:
        policy[~mask] = outside
        reference[~mask] = outside
    return [policy, reference, mask]


def any_pairs(random: Generator) -> tuple:
    """With beta by place, by name and by default."""
    count, length = sizes(random, 2)
    shapes = (count, length + 3), (1, length), (count, 1), (2, 2), (1, 1)
    betas = [round(float(random.uniform(1.2, 2.5)), 3), 0.02]
    return [pairs(random, *shape, scale=2) for shape in shapes], betas


def run_betas(answer, calls, betas):
    found = [answer(*call) for call in calls]
    for beta in betas:
        found += [answer(*call, beta) for call in calls]
        found += [answer(*call, beta=beta) for call in calls]
    return [*map(of_two, found), calls]


def of_two(result) -> list:
    loss, rewards = result
    return [loss, rewards.detach()]


def pairs_that_learn(random: Generator) -> tuple:
    count, length = sizes(random, 2)
    calls = [pairs(random, *s, scale=2) for s in ((count, length + 3), (1, 2), (5, 1))]
    return ([[*call, 0.4] for call in calls],)


def pairs_to_the_limits(random: Generator) -> tuple:
    """Anything outside the answers; margins of thousands, of both signs."""
    calls = [[*pairs(random, 3, 6, outside), 0.5] for outside in ANYTHING]
    for outside in (-INF, 3.0):  # and another thing in the reference
        mixed = pairs(random, 3, 6, outside)
        mixed[1][~mixed[2]] = INF
        calls.append([*mixed, 0.5])
    policy, reference, mask = pairs(random, 4, 5, scale=0.5)
    reference[:2, 0] -= 3000.0
    reference[2:, 1] -= 3000.0
    calls.append([policy, reference, mask, 0.9])
    return (calls,)


def run_learning(answer, calls):
    """Both ask for a gradient; zeros where none came."""
    found = []
    for policy, reference, mask, beta in calls:
        given, frozen = policy.clone().requires_grad_(), reference.clone()
        frozen.requires_grad_()
        loss, rewards = answer(given, frozen, mask, beta)
        loss.backward()
        kept = [given.detach(), frozen.detach(), mask]
        slopes = [slope_of(given), slope_of(frozen)]
        found.append([loss, rewards.detach(), *slopes, *kept])
    return found


def preferred(policy, reference, mask, beta=0.1):
    """Answer by answer, with the loss of a classifier that should say 1."""
    changes = [
        (p[m] - r[m]).sum()
        for p, r, m in zip(
            policy.flatten(0, 1),
            reference.detach().flatten(0, 1),
            mask.flatten(0, 1),
            strict=True,
        )
    ]
    rewards = beta * torch.stack(changes).view(-1, 2)
    margins = rewards @ torch.tensor([1.0, -1.0])
    loss = F.binary_cross_entropy_with_logits(margins, torch.ones_like(margins))
    return loss, rewards


# ----- groups


def mixed(random: Generator, counts: list[int]) -> torch.Tensor:
    """The prompt of each answer, in any order; prompts have any numbers."""
    names = random.permutation(90)[: len(counts)]
    return torch.from_numpy(random.permutation(np.repeat(names, counts)))


def groups_of_one_size(random: Generator) -> tuple:
    """One after the other, as they are written; and one group alone."""
    prompts, answers = sizes(random, 2)
    calls = []
    for p, a in ((prompts, answers), (1, answers), (prompts, 2)):
        where = torch.arange(p).repeat_interleave(a)
        rewards = normal(random, p * a, scale=2)
        calls.append([rewards + 3 * where, where])
    return (calls,)


def groups_of_any_size(random: Generator) -> tuple:
    """Some alone, some whose rewards are equal, some of 0 and 1."""
    calls = []
    for counts in ([5, 1, 3, 4, 2], [2, 7, 1], [1], [1, 1], [3]):
        where = mixed(random, counts)
        rewards = normal(random, len(where), scale=2)
        calls.append([rewards + where % 5, where])
    where = mixed(random, [4, 3, 6, 1, 5])
    first, second, third, *_ = where.unique().tolist()
    rewards = some_of(random, [0.0, 1.0], len(where))
    rewards[where == first] = 1.0
    rewards[where == second] = 0.0
    several = (where == third).nonzero().flatten()
    rewards[several[0]], rewards[several[-1]] = 0.0, 1.0
    calls.append([rewards, where])
    calls.append([torch.full((4,), 0.5), torch.tensor([8, 8, 3, 8])])
    for names in ([-3, 4, -1], [2**60, 2**60 + 1, -(2**60)]):  # they are no places
        where = torch.from_numpy(random.permutation(np.repeat(names, [4, 3, 2])))
        calls.append([normal(random, 9, scale=2), where])
    return (calls,)


def spreads(random: Generator) -> tuple:
    """So small that eps counts, which is given by place, by name and by default."""
    calls = []
    for spread in (1e-4, 1e-3, 1.0):
        where = mixed(random, [4, 3, 1, 5, 2])
        rewards = torch.from_numpy(random.permutation(len(where))).float() * spread
        calls.append([rewards, where])
    return calls, round(float(random.uniform(0.2, 0.9)), 3)


def run_spreads(answer, calls, eps):
    found = [answer(*call) for call in calls]
    found += [answer(*call, True, eps) for call in calls]
    found += [answer(*call, eps=eps) for call in calls]
    found += [answer(*call, scale=False) for call in calls]
    found += [answer(*call, False, eps) for call in calls]
    return [found, calls]


def advantages_of(rewards, prompts, scale=True, eps=1e-4):
    """By sums over each group, in double precision."""
    same = (prompts[:, None] == prompts).double()
    count = same.sum(1)
    apart = rewards.double() - same @ rewards.double() / count
    if scale:
        spread = (same @ apart.square() / (count - 1).clamp(min=1)).sqrt()
        apart = apart / (spread + eps)
    return apart.float()


# ----- the clipped objective


def steps(random: Generator, answers: int, length: int, moves, outside=0.0) -> list:
    """Each token has moved by one of `moves`; advantages are of both signs."""
    old = -normal(random, answers, length).abs() - 0.1
    new = old + some_of(random, moves, answers, length)
    signs = torch.from_numpy(random.permutation(answers) % 2 * 2 - 1)
    advantages = (normal(random, answers).abs() + 0.3) * signs
    kept = torch.from_numpy(random.integers(1, length + 1, size=answers))
    mask = torch.arange(length) < kept[:, None]
    if answers > 2:
        mask[0], mask[1] = True, torch.arange(length) == 0
    if outside:
        new[~mask] = old[~mask] = outside
    return [new, old, advantages.float(), mask]


INSIDE = (-0.06, -0.03, 0.02, 0.05)
BEYOND = (-1.5, -0.7, -0.03, 0.05, 0.6, 1.4)


def within_the_limits(random: Generator) -> tuple:
    """And an answer without a token, and one of zero advantage."""
    answers, length = sizes(random, 2)
    shapes = (answers + 1, length), (2, length), (1, length), (answers, 1), (1, 1)
    calls = [steps(random, *shape, INSIDE) for shape in shapes]
    calls[0][3][2] = False
    calls[1][2][0] = 0.0
    return (calls,)


def all_kinds(random: Generator, answers: int = 4) -> list:
    """Every move beyond, for an advantage of each sign."""
    call = steps(random, answers, len(BEYOND), BEYOND)
    for row, sign in enumerate((1, -1)):
        call[0][row] = call[1][row] + torch.tensor(random.permutation(BEYOND)).float()
        call[2][row] = sign * call[2][row].abs()
        call[3][row] = True
    return call


def beyond_the_limits(random: Generator) -> tuple:
    """With limits by place, by name and by default, and not alike."""
    length = int(random.integers(3, 7))
    calls = [all_kinds(random), all_kinds(random, 5), steps(random, 3, length, BEYOND)]
    low = round(float(random.uniform(0.1, 0.15)), 3)
    return calls, low, round(float(random.uniform(0.25, 0.4)), 3)


def run_limits(answer, calls, low, high):
    found = [answer(*call) for call in calls]
    found += [answer(*call, low, high) for call in calls]
    found += [answer(*call, low=low) for call in calls]
    found += [answer(*call, high=high) for call in calls]
    return [found, calls]


def steps_that_learn(random: Generator) -> tuple:
    calls = [
        all_kinds(random),
        steps(random, 3, 1, INSIDE),
        steps(random, 1, 4, BEYOND),
    ]
    calls.append(all_kinds(random, 6))
    calls[-1][3][3] = False
    return (calls,)


def steps_far_away(random: Generator) -> tuple:
    """Ratios of e²⁰⁰ and of e⁻²⁰⁰, and of e²⁵ and e⁸⁵, which no limit holds; anything
    outside the answers.
    """
    calls = []
    for outside in ANYTHING:
        call = steps(random, 4, 5, INSIDE, outside)
        call[3][0, 1:] = False
        call[0][0, 1:] = call[1][0, 1:] = outside
        calls.append(call)
    for outside in (-INF, 3.0):  # and another thing in the old ones
        call = steps(random, 4, 5, INSIDE, outside)
        call[1][~call[3]] = INF
        calls.append(call)
    for far in (200.0, 700.0):
        new, old, advantages, mask = steps(random, 5, 4, INSIDE)
        advantages[2] = 0.0
        mask[:, 0] = True
        new = torch.where(advantages[:, None] < 0, new - far, new + far)
        old[3, 0] += 3 * far
        calls.append([new, old, advantages, mask])
    for far in (25, 85):
        new, old, advantages, mask = steps(random, 3, 3, INSIDE)
        new[:, 0] = old[:, 0] + far
        calls.append([new, old, -advantages.abs(), mask | (torch.arange(3) == 0)])
    return (calls,)


def run_steps(answer, calls):
    """All three ask for a gradient; zeros where none came."""
    found = []
    for new, old, advantages, mask in calls:
        given = [part.clone().requires_grad_() for part in (new, old, advantages)]
        objective = answer(*given, mask)
        objective.backward()
        slopes = [slope_of(part) for part in given]
        found.append([objective, slopes, [part.detach() for part in given], mask])
    return found


def clipped(log_p, old_log_p, advantages, mask, low=0.2, high=0.2):
    """Answer by answer, of its own tokens; the clipped ones carry no gradient."""
    total = log_p.new_zeros(())
    rows_of = zip(log_p, old_log_p.detach(), advantages.detach(), mask, strict=True)
    for new, old, advantage, own in rows_of:
        if not own.any():
            continue
        logs = new[own] - old[own]
        with torch.no_grad():
            ratios = logs.double().exp()
            past = ratios > 1 + high if advantage >= 0 else ratios < 1 - low
        edge = 1 + high if advantage >= 0 else 1 - low
        free = torch.where(past, torch.zeros_like(logs), logs).exp()
        total = total + advantage * torch.where(past, edge, free).mean()
    return (total + 0 * log_p[mask].sum()) / len(mask)


# ----- the best of n


def answers_without_ties(random: Generator) -> tuple:
    """Scored by what they are worth, or by something near it; hardly apart, too."""
    calls = []
    for prompts, m, n in ((3, 5, 2), (1, 7, 3), (4, 6, 5), (2, 12, 4)):
        rewards = normal(random, prompts, m, scale=2)
        calls.append([rewards.clone(), rewards, n])
        scores = rewards + normal(random, prompts, m)
        calls.append([scores, some_of(random, [0.0, 1.0], prompts, m), n])
    near = 2 + torch.from_numpy(random.permutation(9)[None]).float() * 2.0**-21
    calls.append([near, normal(random, 1, 9, scale=2), 4])
    return (calls,)


def at_the_ends_of_n(random: Generator) -> tuple:
    """One, all, and one less; and scores that mislead."""
    calls = []
    for prompts, m in ((3, 6), (1, 4), (2, 1)):
        for n in {1, m, max(1, m - 1)}:
            scores = normal(random, prompts, m, scale=2)
            rewards = normal(random, prompts, m, scale=2)
            calls += [[scores, rewards, n], [scores, -scores, n]]
    return (calls,)


def answers_with_ties(random: Generator) -> tuple:
    calls = []
    for prompts, m, n in ((3, 8, 3), (2, 6, 2), (1, 9, 6), (4, 5, 5)):
        scores = some_of(random, [-1.0, 0.0, 2.0], prompts, m)
        scores[0, :3] = 2.0  # the highest, more than once
        rewards = normal(random, prompts, m, scale=2)
        order = torch.from_numpy(random.permutation(m))
        calls.append([scores[:, order], rewards, n])
    truths = some_of(random, [0.0, 1.0], 3, 10)
    truths[0] = 1.0
    calls += [[truths.clone(), truths, 4], [torch.zeros(2, 6), truths[:2, :6], 3]]
    return (calls,)


def hundreds_of_answers(random: Generator) -> tuple:
    """Once so many that no float holds the number of choices, of any precision; all are
    worth much, so that chances that are rounded show.
    """
    calls = []
    for m, n in ((300, 40), (1100, 500), (1100, 2)):
        rewards = normal(random, 1, m) + 10
        scores = some_of(random, np.arange(120) / 4, 1, m)
        calls.append([scores, rewards + scores.sqrt() + (rewards - 10).exp(), n])
    return (calls,)


def gained(scores, rewards, n):
    """From the highest score down: what is left for those below it."""
    gains = []
    for row, worth in zip(
        scores.double().numpy(), rewards.double().numpy(), strict=True
    ):
        m = len(row)
        none_higher, expected = Fraction(1), 0.0  # none of the n was seen so far
        left = m
        for score in np.unique(row)[::-1]:
            tied = worth[row == score]
            none_here = none_higher
            for _ in tied:  # each in turn is not among the n
                none_here *= Fraction(max(0, left - n), left)
                left -= 1
            expected += float(none_higher - none_here) * tied.mean()
            none_higher = none_here
            if not none_higher:
                break
        gains.append(expected - worth.mean())
    return torch.tensor(gains).float()


EXERCISES = [
    Exercise(
        "label_scores",
        scored,
        [
            Check("labels of one token", 1, labels_of_one_token, run_all_and_keep),
            Check(
                "labels of any length, logits far from 0",
                2,
                labels_of_any_length,
                run_all_and_keep,
                tolerance=1e-3,
            ),
            Check(
                "padding on either side, and what no label needs",
                1,
                labels_and_padding,
                run_all_and_keep,
            ),
        ],
    ),
    Exercise(
        "calibrate",
        calibrated,
        [
            Check("one input without content", 1, one_empty_input, run_all_and_keep),
            Check("several of them", 2, several_empty_inputs, run_all_and_keep),
            Check(
                "scores far below 0, and far apart",
                1,
                scores_far_apart,
                run_all_and_keep,
                tolerance=1e-3,
            ),
        ],
    ),
    Exercise(
        "bradley_terry_loss",
        ranked,
        [
            Check(
                "whole rankings, and their gradient", 2, whole_rankings, run_rankings
            ),
            Check(
                "ties, and answers that are missing",
                2,
                rankings_with_gaps,
                run_rankings,
            ),
            Check(
                "rewards thousands apart, and no pair at all",
                1,
                rankings_far_apart,
                run_rankings_and_none,
            ),
        ],
    ),
    Exercise(
        "dpo_loss",
        preferred,
        [
            Check("the loss and the rewards, with any beta", 2, any_pairs, run_betas),
            Check(
                "the gradient, of the policy alone", 2, pairs_that_learn, run_learning
            ),
            Check(
                "anything outside the answers, rewards thousands apart",
                2,
                pairs_to_the_limits,
                run_learning,
            ),
        ],
    ),
    Exercise(
        "group_advantages",
        advantages_of,
        [
            Check(
                "groups of one size, in order", 1, groups_of_one_size, run_all_and_keep
            ),
            Check(
                "groups of any size, mixed, alone or equal",
                2,
                groups_of_any_size,
                run_all_and_keep,
            ),
            Check("any eps, and no division", 1, spreads, run_spreads),
        ],
    ),
    Exercise(
        "clipped_objective",
        clipped,
        [
            Check("ratios within the limits", 1, within_the_limits, run_all_and_keep),
            Check("ratios beyond any limits", 2, beyond_the_limits, run_limits),
            Check("the gradient, of log_p alone", 2, steps_that_learn, run_steps),
            Check(
                "ratios far away, anything outside the answers",
                1,
                steps_far_away,
                run_steps,
            ),
        ],
    ),
    Exercise(
        "best_of_n_gain",
        gained,
        [
            Check(
                "a few answers without ties", 2, answers_without_ties, run_all_and_keep
            ),
            Check(
                "one, all, scores that mislead", 1, at_the_ends_of_n, run_all_and_keep
            ),
            Check("scores that are equal", 1, answers_with_ties, run_all_and_keep),
            Check("hundreds of answers", 1, hundreds_of_answers, run_all_and_keep),
        ],
    ),
    ByHand(
        "explain_reward",
        3,
        "1 point: two ways, better answers and reward hacking (the search finds the "
        "price among many that are listed; the length is what tells), and that the "
        "reward alone cannot tell them apart. 1 point: something that can: reading "
        "samples of before and after, counting prices in an answer, marks by people or "
        "a stricter program on held-out prompts, reward at equal length (one is enough, "
        "if it says what would be seen). 1 point: a mend that closes this hole (one "
        "place for the price, nothing for others beside it), and a measure of its own, "
        "not the new reward, that would show the next one. A penalty on length alone: "
        "half of this point.",
    ),
]

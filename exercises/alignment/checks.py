"""What a learner may run on the alignment set: few points, and each teaches."""

import copy
import math
from collections.abc import Callable
from itertools import combinations, permutations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from labkit.exercises import Case

SQUEEZED = "A dimension of 1 is gone."
WRITTEN_OVER = "What was given is another afterwards: change a copy of it."
NO_SLOPE = "No gradient comes back: stay with torch's functions, on tensors."
Run = Callable[..., object]


def same(got: object, wrong: Tensor) -> bool:
    """Whether a result is what a mistake gives."""
    if not isinstance(got, Tensor) or got.shape != wrong.shape:
        return False
    return torch.allclose(got.double(), wrong.double(), rtol=1e-4, atol=1e-4)


def one_of(*wrong: Tensor) -> Callable[[object], bool]:
    """A mistake that people make in more than one way."""
    return lambda got: any(same(got, other) for other in wrong)


def stays(run: Run, *given: Tensor) -> bool:
    """Whether the tensors hold the same afterwards."""
    before = copy.deepcopy(given)
    run(*given)
    return all(
        one.shape == other.shape and bool(((one == other) | one.isnan()).all())
        for one, other in zip(given, before, strict=True)
    )


def near(*wrong: float) -> Callable[[object], bool]:
    """The same for a loss: a number, or a tensor that holds one."""
    return lambda got: any(
        math.isclose(float(got), other, abs_tol=1e-4) for other in wrong
    )


def first_is(*wrong: float) -> Callable[[list], bool]:
    return lambda got: near(*wrong)(got[0])


def not_finite(got: object) -> bool:
    return not bool(torch.as_tensor(got).isfinite().all())


def tensor(*numbers: object) -> Tensor:
    return torch.tensor([*numbers])


def not_a_tensor(got: object) -> bool:
    return isinstance(got, list | tuple | float)


generator = torch.Generator().manual_seed(8)


def drawn(*shape: int, size: float = 1.0) -> Tensor:
    return size * torch.randn(*shape, generator=generator)


# ----- label_scores

# Two texts, three labels, each a row of six places; six ids
READ = drawn(2, 3, 6, 6, size=2.0)
IDS = torch.arange(36).view(2, 3, 6) * 5 % 7 % 6
SINGLE = torch.zeros(2, 3, 6).bool()
SINGLE[0, :, 3] = SINGLE[1, :, 2] = True
LONGER = torch.zeros(2, 3, 6).bool()
LONGER[0, 0, 2:3] = LONGER[0, 1, 2:6] = LONGER[0, 2, 2:4] = True
LONGER[1, 0, 4:6] = LONGER[1, 1, 4:5] = LONGER[1, 2, 4:6] = True


def per_token(logits: Tensor, ids: Tensor, ahead: int = 1, over: int = -1) -> Tensor:
    """log p of each token, by the logits `ahead` places before it; 0 for the first."""
    log_p = logits.log_softmax(over).roll(ahead, dims=2)
    found = torch.take_along_dim(log_p, ids[..., None], dim=-1)[..., 0]
    return found


def without_the_last(due: Tensor, over: int) -> Tensor:
    """As `meant`, where the logits of the last place are cut off first."""
    log_p = READ[..., :-1, :].log_softmax(over)
    own = torch.take_along_dim(log_p, IDS[..., 1:, None], dim=-1)[..., 0]
    return (own * due[..., 1:]).sum(-1) / due.sum(-1)


def total(values: Tensor, due: Tensor, ahead: int = 1, over: int = -1) -> Tensor:
    return torch.where(due, per_token(values, IDS, ahead, over), 0).sum(-1)


def meant(due: Tensor, ahead: int = 1, over: int = -1, values: Tensor = READ) -> Tensor:
    return total(values, due, ahead, over) / due.sum(-1)


def logits_of(due: Tensor) -> Tensor:
    """The logits themselves, summed."""
    own = torch.take_along_dim(READ.roll(1, dims=2), IDS[..., None], dim=-1)[..., 0]
    return (own * due).sum(-1)


def of_chances(due: Tensor) -> Tensor:
    return (per_token(READ, IDS).exp() * due).sum(-1) / due.sum(-1)


def first_out(due: Tensor) -> Tensor:
    """Without each label's first token; or the first alone."""
    begins = due & ~due.roll(1, dims=2)
    return due & ~begins


def among(scores: Tensor, over: int = -1) -> Tensor:
    return scores - scores.logsumexp(over, keepdim=True)


MANY = among(meant(LONGER))
BY_ITS_OWN = (
    "A token was scored by the logits at its own place: those before it tell it."
)
TWO_LATE = (
    "The logits are moved the wrong way: those at a place are of the token after it."
)
NOT_AMONG = (
    "The scores of a text are not brought together: log_softmax over its labels."
)
SUMMED = "The log-probabilities were summed: take their mean over the label's tokens."
NEEDED = "NaN that no label needs came into the result: NaN · 0 is NaN, so fill."
NO_ID = "−100 is no index: put another number there before `gather`."
PADDED = LONGER.clone()
PADDED[..., 5] = False
PADDED[1, 0, 4] = PADDED[1, 2, 4] = True
AT_LEFT = IDS.masked_fill(~LONGER, -100)


def without_needless(due: Tensor) -> Tensor:
    """NaN at each place whose logits tell no token of a label."""
    tells = due.roll(-1, dims=2)
    tells[..., -1] = False
    return READ.masked_fill(~tells[..., None], math.nan)


def scoring(due: Tensor, values: Tensor = READ, ids: Tensor = IDS) -> Run:
    return lambda score: score(values.clone(), ids.clone(), due.clone())


# ----- calibrate

SCORES = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.5, 0.4, 0.1]]).log()
EMPTY = torch.tensor([[0.7, 0.2, 0.1]]).log()
BOTH = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]).log()
MOVED = BOTH + torch.tensor([[-5.0], [2.0]])
EMPTY_MEAN = "The mean is of logarithms: take that of the probabilities."
NOT_TO_1 = "The rows do not sum to 1 after the division."
FAR = torch.tensor([[-300.0, -1.0, -301.0], [0.0, -299.0, -300.0]])
FAR_EMPTY = torch.tensor([[-300.0, 0.0, -301.0]])
LOW = torch.tensor([[-500.0, -501.0, -502.0]])
SMALL = [10.0**-n for n in range(3, 31)]


def shares(scores: Tensor) -> Tensor:
    return (scores - scores.amax(-1, True)).softmax(-1)


def divided(scores: Tensor, leaning: Tensor) -> Tensor:
    """By what is said of inputs without content; brought to a sum of 1."""
    found = shares(scores) / leaning
    return found / found.sum(-1, keepdim=True)


def never_0(scores: Tensor, empty: Tensor) -> list[Tensor]:
    """With a small number in p₀, or with a least value, so that nothing is 0/0."""
    p = shares(empty).mean(0)
    leanings = [each for e in SMALL for each in (p + e, p.clamp(min=e))]
    found = [divided(scores, leaning) for leaning in leanings]
    return found + [(scores - leaning.log()).softmax(-1) for leaning in leanings]


# ----- bradley_terry_loss

RANKED = torch.tensor([[1.0, -0.5, 2.0], [0.5, 3.0, -1.0]])
PLACES = torch.tensor([[1, 3, 2], [2, 1, 3]])
SKIPPED = torch.tensor([[1, 9, 4], [5, 2, 20]])
FEW = torch.tensor([[1.0, -0.5, 2.0, 0.7], [0.5, 3.0, -1.0, 0.2], [1.0, 2.0, 4.0, 3.0]])
TIES = torch.tensor([[1, 2, 2, 4], [1, 2, 3, 4], [2, 2, 2, 2]])
GONE = torch.tensor([[1, 0, 2, 0], [1, 2, 3, 4], [0, 0, 3, 0]])


def beats(own: float, other: float) -> float:
    """−log σ of the difference."""
    return math.log1p(math.exp(other - own))


Judge = Callable[[float, float], float]


def of_pairs(
    rewards: Tensor,
    ranks: Tensor,
    judged: Judge = beats,
    chosen: Callable[[int, int], bool] = lambda a, b: 0 < a < b,
) -> list[list[float]]:
    """The losses of each prompt's pairs."""
    return [
        [
            judged(values[i], values[j])
            for i, j in permutations(range(len(places)), 2)
            if chosen(places[i], places[j])
        ]
        for values, places in zip(rewards.tolist(), ranks.tolist(), strict=True)
    ]


def mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def by_distance(rewards: Tensor, ranks: Tensor) -> float:
    """Each pair counts as often as its ranks are apart."""
    found = []
    for values, places in zip(rewards.tolist(), ranks.tolist(), strict=True):
        pairs = [
            (values[i], values[j], places[j] - places[i])
            for i, j in permutations(range(len(places)), 2)
            if places[i] < places[j]
        ]
        found.append(mean([beats(a, b) * apart for a, b, apart in pairs]))
    return mean(found)


def over_prompts(lists: list[list[float]]) -> float:
    return mean([mean(numbers) for numbers in lists if numbers])


def pooled(lists: list[list[float]]) -> float:
    return mean([number for numbers in lists for number in numbers])


def summed(lists: list[list[float]]) -> float:
    """Over the pairs of a prompt, not their mean."""
    return mean([sum(numbers) for numbers in lists])


def against_all(rewards: Tensor, ranks: Tensor) -> float:
    """Only the best of each prompt, or cross-entropy with it."""
    best = ranks.masked_fill(ranks == 0, 999).argmin(-1)
    return float(F.cross_entropy(rewards, best))


def slope(run: Callable[[Tensor], Tensor], given: Tensor) -> Tensor:
    """The gradient of the first result."""
    leaf = given.clone().requires_grad_()
    found = run(leaf)
    found = found[0] if isinstance(found, tuple | list) else found
    found.backward()
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


PAIRS = of_pairs(RANKED, PLACES)
BOTH_WAYS = over_prompts(of_pairs(RANKED, PLACES, chosen=lambda a, b: a != b))
CHANCE = over_prompts(of_pairs(RANKED, PLACES, lambda a, b: math.exp(-beats(a, b))))


def in_an_order() -> float:
    """As if no answers were equal: ties are broken by their places."""
    orders = TIES.argsort(dim=-1, stable=True).tolist()
    return mean(
        [
            mean([beats(row[i], row[j]) for i, j in combinations(order, 2)])
            for row, order in zip(FEW.tolist(), orders, strict=True)
        ]
    )


FLAT = (
    "All pairs have one mean: each prompt has its own, and then all prompts have one."
)
TIE = "A tie is no pair."
ABSENT = "A rank of 0 means that there is no answer: it makes no pair."
HOLE = 9_999.0


# ----- dpo_loss

POLICY = -torch.tensor(
    [
        [[1.0, 0.5, 2.0, 0.3], [2.0, 1.0, 0.4, 0.6]],
        [[0.2, 1.5, 0.7, 1.0], [0.9, 0.1, 3.0, 1.1]],
    ]
)
FROZEN = -torch.tensor(
    [
        [[2.0, 1.5, 1.0, 2.3], [1.0, 1.6, 0.1, 0.2]],
        [[1.0, 0.4, 0.9, 0.1], [1.2, 2.0, 1.3, 0.8]],
    ]
)
OWN = torch.tensor(
    [
        [[False, True, True, True], [False, True, False, False]],
        [[False, True, True, False], [False, True, True, True]],
    ]
)
BETA = 0.5
RATIOS = POLICY - FROZEN
WON = (RATIOS * OWN).sum(-1)
MEANS = WON / OWN.sum(-1)


def lost(rewards: Tensor) -> Tensor:
    """−log σ of each pair's margin."""
    return F.softplus(rewards[:, 1] - rewards[:, 0])


def dpo(beta: float = BETA, **other: Tensor) -> Callable[[Run], object]:
    """The loss alone."""
    given = {"policy": POLICY, "reference": FROZEN, "mask": OWN} | other
    return lambda loss: loss(*(part.clone() for part in given.values()), beta)[0]


def rewards_with(beta: float) -> Callable[[Run], object]:
    return lambda loss: loss(POLICY.clone(), FROZEN.clone(), OWN.clone(), beta)[1]


def number(values: Tensor) -> float:
    return float(values.mean())


def policy_slope(policy: Tensor = POLICY, frozen: Tensor = FROZEN) -> Callable:
    return lambda loss: slope(
        lambda leaf: loss(leaf, frozen.clone(), OWN.clone(), BETA), policy
    )


def frozen_slope(loss: Run) -> Tensor:
    learning = POLICY.clone().requires_grad_()
    return slope(lambda leaf: loss(learning, leaf, OWN.clone(), BETA), FROZEN)


MARGINS = BETA * (WON[:, 0] - WON[:, 1])
RIGHT_SLOPE = (
    torch.stack([-(-MARGINS).sigmoid(), (-MARGINS).sigmoid()], -1)[..., None]
    * OWN
    * BETA
    / 2
)
AROUND = POLICY.masked_fill(~OWN, math.nan)
BELOW = FROZEN.masked_fill(~OWN, -math.inf)
ALWAYS_BELOW = POLICY.masked_fill(~OWN, -math.inf)
THOUSANDS = POLICY.clone()
THOUSANDS[0, 0, 1], THOUSANDS[1, 0, 1] = -4000.0, 3000.0
FAR_WON = ((THOUSANDS - FROZEN) * OWN).sum(-1)
OUTSIDE = (
    "What lies outside the answers came in: NaN · 0 is NaN, so fill it before the sum."
)


# ----- group_advantages

GAINS = torch.tensor([1.0, 4.0, 2.0, 7.0, 8.0, 12.0])
IN_ORDER = torch.tensor([0, 0, 0, 1, 1, 1])
MIXED_UP = torch.tensor([7, 2, 7, 7, 2, 7])
ALONE = torch.tensor([5, 5, 3, 5, 9, 5])
EQUAL = torch.tensor([1.0, 1.0, 0.0, 1.0, 2.0, 0.0])
OF_EQUAL = torch.tensor([4, 4, 1, 4, 1, 1])
TINY = torch.tensor([0.0, 1e-5, 3e-5])


def in_groups(
    rewards: Tensor,
    prompts: Tensor,
    less: int = 1,
    eps: float = 1e-4,
    spread: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """A group after the other."""
    found = torch.empty(len(rewards))
    for name in {*prompts.tolist()}:
        members = prompts.eq(name)
        group = rewards[members]
        apart = group - group.mean()
        size = (apart.square().sum() / max(1, len(group) - less)).sqrt() + eps
        found[members] = apart / (spread(group) if spread else size)
    return found


def of_all(less: int) -> Tensor:
    """One mean and one deviation for all answers."""
    return (GAINS - GAINS.mean()) / (GAINS.std(correction=less) + 1e-4)


def in_threes(rewards: Tensor) -> Tensor:
    """As if groups had three answers each, one after the other."""
    return in_groups(rewards, torch.arange(len(rewards)) // 3)


NOT_MIXED = "The groups were cut by their places: `prompts` says which belong together."


# ----- clipped_objective

MOVES = torch.tensor([[0.5, 0.9, 1.1, 1.6], [0.5, 0.9, 1.1, 1.6]])
OLD = -torch.tensor([[0.9, 1.2, 2.0, 1.5], [1.0, 0.8, 1.7, 2.2]])
NEW = OLD + MOVES.log()
PLUS_MINUS = torch.tensor([2.0, -1.0])
ALL_OF = torch.ones(2, 4) > 0
SHORT = torch.tensor([[True, True, True, True], [True, True, False, False]])
NONE_OF = torch.tensor([[True, True, False, False], [False, False, False, False]])
NEAR = OLD + torch.tensor([[0.95, 1.05, 1.1, 0.9], [1.1, 0.9, 1.02, 0.97]]).log()


def gains(
    new: Tensor = NEW,
    low: float = 0.2,
    high: float = 0.2,
    pick: Callable[[Tensor, Tensor], Tensor] = torch.minimum,
    mask: Tensor = ALL_OF,
    by: Tensor = PLUS_MINUS,
) -> Tensor:
    """What each token adds; 0 outside the mask."""
    ratios = (new - OLD).exp()
    weight = by[:, None]
    limited = ratios.clamp(1 - low, 1 + high)
    return pick(ratios * weight, limited * weight) * mask


def averaged(values: Tensor, mask: Tensor = ALL_OF) -> float:
    """Over the tokens of each answer, then over the answers."""
    return float((values.sum(-1) / mask.sum(-1).clamp(min=1)).mean())


def objective(
    new: Tensor = NEW, mask: Tensor = ALL_OF, old: Tensor = OLD, **limits: float
) -> Callable[[Run], object]:
    return lambda answer: answer(
        new.clone(), old.clone(), PLUS_MINUS.clone(), mask.clone(), **limits
    )


def slope_of_new(answer: Run) -> Tensor:
    return slope(
        lambda leaf: answer(leaf, OLD.clone(), PLUS_MINUS.clone(), ALL_OF.clone()), NEW
    )


def slopes_of_others(answer: Run) -> list[Tensor]:
    new = NEW.clone().requires_grad_()
    whole = ALL_OF.clone()
    return [
        slope(lambda leaf: answer(new, leaf, PLUS_MINUS.clone(), whole), OLD),
        slope(lambda leaf: answer(new, OLD.clone(), leaf, whole), PLUS_MINUS),
    ]


FREE = torch.tensor([[1.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1.0]])
SLOPES = MOVES * FREE * PLUS_MINUS[:, None] / 8
HIGH_UP = torch.stack([OLD[0] + 200, OLD[1] - 200])
FILLED = torch.where(SHORT, NEAR, math.nan)
OLD_FILLED = torch.where(SHORT, OLD, -math.inf)
CUT_BOTH = "Clipped on both sides: where clipping would raise the objective, the smaller of the two products counts."
PRODUCTS = "The smaller of the ratios was taken: for A below 0 that is the larger product. The minimum is of products."


# ----- best_of_n_gain

LIKED = torch.tensor([[0.1, 0.4, 0.9, 0.7]])
WORTH = torch.tensor([[1.0, 0.0, 5.0, 2.5]])
BEST = float(WORTH[0, 2] - WORTH.mean())
FIRST_LIKED = torch.tensor([[0.1, 0.4, 0.9, 0.7, 0.2], [0.6, 0.2, 0.3, 0.8, 0.1]])
FIRST_WORTH = torch.tensor([[1.0, 0.0, 5.0, 2.5, 3.0], [4.0, 1.0, 0.5, 2.0, 3.0]])
TIED = torch.tensor([[0.5, 0.9, 0.9, 0.1, 0.9]])
TIED_WORTH = torch.tensor([[2.0, 0.0, 6.0, 1.0, 4.5]])
CERTAIN = [TIED_WORTH[0, at] - TIED_WORTH.mean(-1) for at in (1, 2, 4)]
TWO_PROMPTS = [torch.cat([LIKED, -LIKED]), torch.cat([WORTH, WORTH * 2])]


def listed(
    scores: Tensor,
    rewards: Tensor,
    n: int,
    lists: Callable = combinations,
    last: bool = False,
) -> Tensor:
    """By going through all choices of n, which few answers allow."""
    found = []
    for score, reward in zip(scores.tolist(), rewards.tolist(), strict=True):
        kept = []
        for choice in lists(range(len(score)), n):
            top = max(score[i] for i in choice)
            best = [reward[i] for i in choice if score[i] == top]
            kept.append(best[-1] if last else mean(best))
        found.append(mean(kept) - mean(reward))
    return torch.tensor(found)


def back_again(values: range, n: int) -> list[tuple[int, ...]]:
    """Choices that may hold an answer more than once."""
    if n == 0:
        return [()]
    return [(i, *rest) for i in values for rest in back_again(values, n - 1)]


def chances(scores: Tensor, rewards: Tensor, n: int) -> Tensor:
    """The mean of the best n of all m."""
    order = scores.argsort(-1, descending=True)[:, :n]
    return rewards.gather(-1, order).mean(-1) - rewards.mean(-1)


def spread_out(scores: Tensor, rewards: Tensor, n: int) -> Tensor:
    """What the scores themselves say of the choice, in place of the rewards."""
    return listed(scores, scores, n)


def plain(gain: Run, n: int) -> object:
    return gain(LIKED.clone(), WORTH.clone(), n)


MANY_SCORES = (torch.arange(1100.0) * 7 % 1100)[None]  # each whole number once
MANY_WORTH = MANY_SCORES % 10


def expected_of_many(n: int) -> float:
    """Each is the best of n with a chance that is a ratio of neighbours."""
    chance, found = n / 1100, 0.0
    for score in range(1099, -1, -1):
        found += chance * (score % 10)
        chance *= (score + 1 - n) / max(score, 1)
    return found - 4.5


CHECKS = {
    "label_scores": [
        Case(
            "three labels of one token",
            scoring(SINGLE),
            expected=among(meant(SINGLE)),
            wrong={
                BY_ITS_OWN: among(meant(SINGLE, ahead=0)),
                TWO_LATE: one_of(
                    among(meant(SINGLE, ahead=2)), among(meant(SINGLE, ahead=-1))
                ),
                NOT_AMONG: meant(SINGLE),
                "The probabilities are not logarithms: return their logarithm.": one_of(
                    among(meant(SINGLE)).exp(), meant(SINGLE).exp()
                ),
                "The scores were brought together over the texts: each text has its "
                "own labels.": among(meant(SINGLE), 0),
                "The scores were brought together over all texts and labels at once: "
                "each text has its own.": (
                    meant(SINGLE) - meant(SINGLE).flatten().logsumexp(0)
                ),
                "Logits were taken as they are: log_softmax makes them logarithms of "
                "probabilities, over the whole vocabulary.": one_of(
                    among(logits_of(SINGLE)), logits_of(SINGLE)
                ),
                "log_softmax is along another dimension than the vocabulary, the last.": (
                    one_of(
                        *(
                            made
                            for over in (1, 2)
                            for made in (
                                among(meant(SINGLE, over=over)),
                                among(without_the_last(SINGLE, over)),
                                meant(SINGLE, over=over),
                            )
                        )
                    )
                ),
                "The sign is wrong: these are losses.": one_of(
                    -among(meant(SINGLE)), among(-meant(SINGLE))
                ),
                "The scores were divided by their sum: bring their probabilities to a "
                "sum of 1.": meant(SINGLE) / meant(SINGLE).sum(-1, keepdim=True),
                "All tokens of the row were scored: only those of the label count.": (
                    one_of(
                        among(meant(torch.arange(6).gt(0).expand(2, 3, 6))),
                        among(total(READ, torch.arange(6).gt(0).expand(2, 3, 6))),
                    )
                ),
                "Divided by more than the number of the label's tokens, which is 1 here.": (
                    one_of(*(among(meant(SINGLE) / n) for n in (2, 3, 5, 6)))
                ),
                "The probabilities were averaged: take the logarithms.": among(
                    of_chances(SINGLE)
                ),
                SQUEEZED: lambda got: got.ndim != 2,
            },
        ),
        Case(
            "labels of one, two and four tokens",
            scoring(LONGER),
            expected=MANY,
            wrong={
                SUMMED: among(total(READ, LONGER)),
                "The first token of a label is missing: it counts.": one_of(
                    among(total(READ, first_out(LONGER)) / LONGER.sum(-1)),
                    among(
                        total(READ, first_out(LONGER))
                        / first_out(LONGER).sum(-1).clamp(min=1)
                    ),
                ),
                "Only the first token of a label was scored.": among(
                    total(READ, LONGER & ~first_out(LONGER))
                ),
                "The last token of a label is missing.": one_of(
                    among(total(READ, LONGER & LONGER.roll(-1, 2)) / LONGER.sum(-1)),
                    among(
                        total(READ, LONGER & LONGER.roll(-1, 2))
                        / (LONGER.sum(-1) - 1).clamp(min=1)
                    ),
                ),
                "Divided by the length of the row: by the number of the label's tokens.": (
                    one_of(
                        among(total(READ, LONGER) / 6), among(total(READ, LONGER) / 5)
                    )
                ),
                "Divided by the number of tokens of all labels together.": one_of(
                    among(total(READ, LONGER) / LONGER.sum()),
                    among(
                        total(READ, LONGER) / LONGER.sum((1, 2), keepdim=True)[..., 0]
                    ),
                ),
                "Divided by the root of the number of tokens.": among(
                    total(READ, LONGER) / LONGER.sum(-1).sqrt()
                ),
                "The mean is of probabilities: take that of their logarithms.": one_of(
                    among(of_chances(LONGER).log()), among(of_chances(LONGER))
                ),
                "The least likely token decides: take the mean.": among(
                    torch.where(LONGER, per_token(READ, IDS), 0).amin(-1)
                ),
            },
        ),
        Case(
            "one text with one label",
            lambda score: score(
                READ[:1, :1].clone(), IDS[:1, :1].clone(), LONGER[:1, 1:2].clone()
            ),
            expected=torch.zeros(1, 1),
            wrong={SQUEEZED: lambda got: got.ndim != 2},
        ),
        Case(
            "an id of −100 where no label is",
            scoring(LONGER, ids=AT_LEFT),
            expected=MANY,
            wrong={NO_ID: RuntimeError, NO_ID[:-1] + " here, too.": IndexError},
        ),
        Case(
            "NaN in all logits that no label needs, on both sides",
            scoring(LONGER, values=without_needless(LONGER)),
            expected=MANY,
            wrong={NEEDED: not_finite},
        ),
        Case(
            "padding on the right, with −100 and NaN",
            scoring(PADDED, without_needless(PADDED), IDS.masked_fill(~PADDED, -100)),
            expected=among(meant(PADDED)),
            wrong={NEEDED: not_finite},
        ),
        Case(
            "logits near 900, and near −900",
            lambda score: [
                scoring(LONGER, values=READ + 900)(score),
                scoring(LONGER, values=READ - 900)(score),
            ],
            expected=[MANY, MANY],
            wrong={
                "`exp` overflows, or all is 0: `log_softmax` sees to it.": (
                    lambda got: not_finite(got[0]) or not_finite(got[1])
                )
            },
            tolerance=0.001,
        ),
        Case(
            "scores hundreds apart",
            scoring(LONGER, values=READ * 200),
            expected=among(meant(LONGER, values=READ * 200)),
            wrong={
                "log(0) is −∞: take `log_softmax` of the scores, not the logarithm of a "
                "softmax.": not_finite
            },
            tolerance=0.001,
        ),
        Case(
            "what becomes of the tensors",
            lambda score: stays(score, READ.clone(), AT_LEFT.clone(), LONGER.clone()),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "calibrate": [
        Case(
            "three texts, one input without content",
            lambda calibrate: calibrate(SCORES.clone(), EMPTY.clone()),
            expected=divided(SCORES, EMPTY.exp()),
            wrong={
                "The leaning is not taken away.": SCORES.exp(),
                "It is multiplied by p₀: divide.": divided(SCORES, (-EMPTY).exp()),
                NOT_TO_1: SCORES.exp() / EMPTY.exp(),
                "p₀ was subtracted: divide the probabilities by it.": one_of(
                    SCORES.exp() - EMPTY.exp(),
                    (SCORES.exp() - EMPTY.exp()).softmax(-1),
                    (SCORES - EMPTY.exp()).softmax(-1),
                ),
                "The logarithms were divided: divide the probabilities.": one_of(
                    (SCORES / EMPTY).softmax(-1), SCORES / EMPTY
                ),
                "A softmax of probabilities was taken: divide them by their sum.": (
                    (SCORES.exp() / EMPTY.exp()).softmax(-1)
                ),
                "These are logarithms: return the probabilities.": one_of(
                    divided(SCORES, EMPTY.exp()).log(), SCORES - EMPTY
                ),
                "The sums of 1 are over the texts: over the labels of each.": one_of(
                    (SCORES - EMPTY).softmax(0),
                    (SCORES.softmax(0).log() - EMPTY).softmax(-1),
                    (SCORES.softmax(0).log() - EMPTY).softmax(0),
                ),
                "It is the likeliest label: return the probabilities.": (
                    lambda got: not got.is_floating_point()
                ),
                "The leaning is the mean of the texts: it is that of the inputs "
                "without content.": divided(SCORES, SCORES.exp().mean(0)),
                SQUEEZED: lambda got: got.ndim != 2,
            },
        ),
        Case(
            "two inputs without content",
            lambda calibrate: calibrate(SCORES.clone(), BOTH.clone()),
            expected=divided(SCORES, BOTH.exp().mean(0)),
            wrong={
                EMPTY_MEAN: divided(SCORES, BOTH.mean(0).exp()),
                "Only the first input without content was used.": divided(
                    SCORES, BOTH[0].exp()
                ),
                "Only the last input without content was used.": divided(
                    SCORES, BOTH[1].exp()
                ),
                "The texts were divided by each input in turn, and then averaged: "
                "average the inputs first.": torch.stack(
                    [divided(SCORES, row.exp()) for row in BOTH]
                ).mean(0),
                "The largest of the inputs was taken: their mean.": divided(
                    SCORES, BOTH.exp().amax(0)
                ),
                "Do the shapes fit? Each label has one p₀: the mean is over the inputs.": (
                    RuntimeError
                ),
            },
        ),
        Case(
            "the same two, moved by −5 and by 2",
            lambda calibrate: calibrate(SCORES - 3, MOVED.clone()),
            expected=divided(SCORES, BOTH.exp().mean(0)),
            wrong={
                "Rows are known up to a number of their own: bring those without content "
                "to a sum of 1 before the mean.": one_of(
                    divided(SCORES, MOVED.exp().mean(0)),
                    divided(SCORES, MOVED.exp().sum(0)),
                ),
                EMPTY_MEAN: divided(SCORES, BOTH.mean(0).exp()),
            },
        ),
        Case(
            "rows that do not sum to 1",
            lambda calibrate: calibrate(SCORES - 2, EMPTY + 4),
            expected=divided(SCORES, EMPTY.exp()),
        ),
        Case(
            "one text, and one label",
            lambda calibrate: [
                calibrate(SCORES[:1].clone(), EMPTY.clone()),
                calibrate(SCORES[:, :1].clone(), BOTH[:, :1].clone()),
            ],
            expected=[divided(SCORES[:1], EMPTY.exp()), torch.ones(3, 1)],
            wrong={SQUEEZED: lambda got: got[0].ndim != 2 or got[1].ndim != 2},
        ),
        Case(
            "scores of −500",
            lambda calibrate: calibrate(LOW.clone(), LOW[:, [1, 0, 2]] - 100),
            expected=divided(LOW, shares(LOW[:, [1, 0, 2]])),
            wrong={
                "`exp` of −500 is 0, and 0/0 is NaN: `log_softmax` sees to it.": (
                    not_finite
                ),
            },
        ),
        Case(
            "scores 300 apart",
            lambda calibrate: calibrate(FAR.clone(), FAR_EMPTY.clone()),
            expected=(FAR - FAR_EMPTY).softmax(-1),
            wrong={
                "A probability is 0 in float32, and 0/0 is NaN: subtract logarithms.": (
                    not_finite
                ),
                "A number was added to p₀, or a least one set, so that nothing is "
                "divided by 0: it changes the result. Subtract logarithms.": (
                    one_of(*never_0(FAR, FAR_EMPTY))
                ),
            },
        ),
        Case(
            "several inputs without content, 300 apart",
            lambda calibrate: calibrate(FAR.clone(), FAR_EMPTY.repeat(3, 1)),
            expected=(FAR - FAR_EMPTY).softmax(-1),
            wrong={
                "A probability is 0 in float32: `logsumexp` gives the logarithm of a "
                "sum without it.": not_finite,
            },
        ),
        Case(
            "what becomes of the tensors",
            lambda calibrate: stays(calibrate, SCORES.clone(), BOTH.clone()),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "bradley_terry_loss": [
        Case(
            "two prompts of three answers",
            lambda loss: loss(RANKED.clone(), PLACES.clone()),
            expected=over_prompts(PAIRS),
            wrong={
                "The larger rank wins here: the smaller rank is better.": over_prompts(
                    of_pairs(RANKED, PLACES, lambda a, b: beats(b, a))
                ),
                "Each pair counts from both sides: only the better beats the worse.": (
                    near(BOTH_WAYS, 2 * BOTH_WAYS)
                ),
                "An answer is compared with itself.": (
                    (over_prompts(PAIRS) + math.log(2)) / 2
                ),
                "The sign is wrong: −log σ.": -over_prompts(PAIRS),
                "The logarithm is missing: −log σ.": near(CHANCE, -CHANCE, 1 - CHANCE),
                "σ is missing: a margin alone has no least value.": over_prompts(
                    of_pairs(RANKED, PLACES, lambda a, b: b - a)
                ),
                "It is a hinge: take −log σ.": over_prompts(
                    of_pairs(RANKED, PLACES, lambda a, b: max(0.0, 1 + b - a))
                ),
                "The pairs of a prompt were summed: take their mean.": summed(PAIRS),
                "All losses were summed: take the mean of each prompt, and of those.": (
                    sum(map(sum, PAIRS))
                ),
                "Divided by all answers squared, not by the number of pairs.": (
                    sum(map(sum, PAIRS)) / 18
                ),
                "The prompts were summed: take their mean.": sum(map(mean, PAIRS)),
                "Each prompt has a loss: return their mean.": (
                    lambda got: tuple(torch.as_tensor(got).shape) in ((2,), (2, 1))
                ),
                "Only neighbours were compared: every pair counts.": over_prompts(
                    of_pairs(RANKED, PLACES, chosen=lambda a, b: b - a == 1)
                ),
                "Only the best was compared with the others: every pair counts.": (
                    over_prompts(
                        of_pairs(RANKED, PLACES, chosen=lambda a, b: a == 1 < b)
                    )
                ),
                "Only the best and the worst were compared: every pair counts.": (
                    over_prompts(
                        of_pairs(RANKED, PLACES, chosen=lambda a, b: b - a == 2)
                    )
                ),
                "The best is to be the most likely of all: that is another model. Compare "
                "pairs.": against_all(RANKED, PLACES),
                "The order of the answers was taken for their rank.": over_prompts(
                    of_pairs(RANKED, torch.arange(1, 4).repeat(2, 1))
                ),
                "How far apart ranks are changes the loss: the order alone counts.": (
                    by_distance(RANKED, PLACES)
                ),
                "The difference is squared: take −log σ.": over_prompts(
                    of_pairs(RANKED, PLACES, lambda a, b: (a - b - 1) ** 2)
                ),
            },
        ),
        Case(
            "the same, with ranks that are skipped",
            lambda loss: loss(RANKED.clone(), SKIPPED.clone()),
            expected=over_prompts(PAIRS),
            wrong={
                "How far apart ranks are changes the loss: the order alone counts.": (
                    by_distance(RANKED, SKIPPED)
                ),
            },
        ),
        Case(
            "the gradient",
            lambda loss: slope(lambda leaf: loss(leaf, PLACES.clone()), RANKED),
            expected=slope(
                lambda leaf: torch.stack(
                    [
                        F.softplus(row[worse] - row[better]).mean()
                        for row, better, worse in zip(
                            leaf,
                            [[0, 0, 2], [1, 1, 0]],
                            [[2, 1, 1], [0, 2, 2]],
                            strict=True,
                        )
                    ]
                ).mean(),
                RANKED,
            ),
            wrong={
                NO_SLOPE: lambda got: not bool(got.any()),
                NO_SLOPE[:-1] + " that learn.": RuntimeError,
                NO_SLOPE[:-1] + ": it is a number now.": AttributeError,
            },
        ),
        Case(
            "a tie of two, a tie of all",
            lambda loss: loss(FEW.clone(), TIES.clone()),
            expected=over_prompts(of_pairs(FEW, TIES)),
            wrong={
                TIE: near(
                    over_prompts(of_pairs(FEW, TIES, chosen=lambda a, b: a <= b)),
                    in_an_order(),
                ),
                FLAT: pooled(of_pairs(FEW, TIES)),
                "A prompt without a pair was counted: the mean is over those that have "
                "one.": over_prompts(of_pairs(FEW, TIES)) * 2 / 3,
                "Each prompt was divided by the number that answers without ties would "
                "have: by its own number of pairs.": near(
                    *(sum(map(sum, of_pairs(FEW, TIES))) / 6 / n for n in (2, 3))
                ),
                "A prompt without a pair: 0/0 is NaN.": lambda got: math.isnan(
                    float(got)
                ),
            },
        ),
        Case(
            "answers that are missing",
            lambda loss: loss(FEW.masked_fill(GONE == 0, HOLE), GONE.clone()),
            expected=over_prompts(of_pairs(FEW, GONE)),
            wrong={
                ABSENT: near(
                    *(
                        over_prompts(
                            of_pairs(
                                FEW.masked_fill(GONE == 0, filling),
                                GONE,
                                chosen=lambda a, b: a < b,
                            )
                        )
                        for filling in (0.0, HOLE)
                    )
                ),
                FLAT: pooled(of_pairs(FEW, GONE)),
                "A prompt without a pair was counted: the mean is over those that have "
                "one.": over_prompts(of_pairs(FEW, GONE)) * 2 / 3,
                "A prompt without a pair: 0/0 is NaN.": lambda got: math.isnan(
                    float(got)
                ),
                "A reward of a missing answer came into the loss.": lambda got: (
                    float(got) > 1_000
                ),
            },
        ),
        Case(
            "missing answers with NaN: the loss",
            lambda loss: loss(FEW.masked_fill(GONE == 0, math.nan), GONE.clone()),
            expected=over_prompts(of_pairs(FEW, GONE)),
            wrong={
                "NaN of a missing answer came into the loss: NaN · 0 is NaN.": not_finite
            },
        ),
        Case(
            "missing answers with NaN: the gradient",
            lambda loss: (
                slope(
                    lambda leaf: loss(leaf, GONE.clone()),
                    FEW.masked_fill(GONE == 0, math.nan),
                )
                .isnan()
                .any()
            ),
            expected=False,
            wrong={
                "NaN of a missing answer comes back in the gradient: fill it before you "
                "subtract.": lambda got: bool(got),
                NO_SLOPE: RuntimeError,
            },
        ),
        Case(
            "rewards 5,000 apart, the wrong way round",
            lambda loss: loss(tensor([-2000.0, 3000.0]), tensor([1, 2])),
            expected=5000.0,
            wrong={
                "log(0) is −∞, or `exp` overflows: `F.logsigmoid` sees to it.": not_finite,
                "A least or a largest value was set: the loss is 5,000 here.": (
                    lambda got: 1 < float(got) < 4999
                ),
            },
        ),
        Case(
            "no pair at all",
            lambda loss: loss(RANKED.clone(), torch.tensor([[1, 1, 1], [0, 4, 0]])),
            expected=0.0,
            wrong={
                "0/0 is NaN: without any pair the loss is 0.": not_finite,
                "There may be no pair: then the loss is 0.": RuntimeError,
                "There may be no pair: the loss is 0.": ZeroDivisionError,
                "There may be no pair at all.": ValueError,
            },
        ),
        Case(
            "what becomes of the tensors",
            lambda loss: stays(loss, FEW.masked_fill(GONE == 0, HOLE), GONE.clone()),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "dpo_loss": [
        Case(
            "the loss of two pairs",
            dpo(),
            expected=number(lost(BETA * WON)),
            wrong={
                "The mean over the tokens was taken: log π(y) is their sum.": number(
                    lost(BETA * MEANS)
                ),
                "Tokens outside the mask were counted.": number(
                    lost(BETA * RATIOS.sum(-1))
                ),
                "The reference is missing: a reward is how much more likely an answer has "
                "become.": number(lost(BETA * (POLICY * OWN).sum(-1))),
                "`beta` is missing.": number(lost(WON)),
                "`beta` stands before the logarithm: it belongs inside.": BETA
                * number(lost(WON)),
                "It is divided by `beta`: multiply.": number(lost(WON / BETA)),
                "The margin has the other sign: chosen minus rejected, and policy minus "
                "reference.": number(lost(BETA * WON.flip(-1))),
                "The sign is wrong: −log σ.": -number(lost(BETA * WON)),
                "The logarithm is missing: −log σ.": near(
                    number((-lost(BETA * WON)).exp()),
                    -number((-lost(BETA * WON)).exp()),
                    1 - number((-lost(BETA * WON)).exp()),
                ),
                "σ is missing: −log σ of the margin.": -number(
                    BETA * (WON[:, 0] - WON[:, 1])
                ),
                "The pairs were summed: take their mean.": 2 * number(lost(BETA * WON)),
                "It is the hinge loss: take −log σ.": number(
                    (1 - BETA * (WON[:, 0] - WON[:, 1])).clamp(min=0)
                ),
                "It is a squared loss, as IPO has: take −log σ.": number(
                    (WON[:, 0] - WON[:, 1] - 1 / (2 * BETA)).square()
                ),
                "The probabilities were subtracted: their logarithms.": number(
                    lost(
                        BETA
                        * ((POLICY * OWN).sum(-1).exp() - (FROZEN * OWN).sum(-1).exp())
                    )
                ),
                "The loss of each pair is returned: take their mean.": (
                    lambda got: torch.as_tensor(got).ndim > 0
                ),
                "Rejected answers are missing: the margin is of both.": number(
                    F.softplus(-BETA * WON[:, 0])
                ),
                "Each answer is a case of its own: compare the two of a pair.": number(
                    F.softplus(-BETA * WON[:, 0]) + F.softplus(BETA * WON[:, 1])
                ),
                "The margin of all pairs together was taken: each pair has its own.": (
                    float(F.softplus(-MARGINS.mean()))
                ),
                "The mask is turned round: True is at the tokens of the answer.": number(
                    lost(BETA * (RATIOS * ~OWN).sum(-1))
                ),
            },
        ),
        Case(
            "the rewards of two pairs",
            rewards_with(BETA),
            expected=BETA * WON,
            wrong={
                "The rewards are without `beta`.": WON,
                "The log-probabilities of the policy alone are no rewards.": one_of(
                    (POLICY * OWN).sum(-1), BETA * (POLICY * OWN).sum(-1)
                ),
                "It is the margin: the rewards of both are due, (pairs, 2).": one_of(
                    MARGINS, MARGINS[:, None]
                ),
                "The rewards have changed places: chosen first.": BETA * WON.flip(-1),
                "The rewards are (pairs, 2), not (2, pairs).": BETA * WON.T,
                "They are probabilities: return the rewards.": one_of(
                    (BETA * WON).sigmoid(), (BETA * WON).softmax(-1)
                ),
                "The result is one tensor: a pair of loss and rewards is due.": IndexError,
                "Do not average the rewards: one for each answer.": (BETA * WON).mean(
                    0
                ),
            },
        ),
        Case(
            "beta by default, by name, and as 2",
            lambda loss: [
                loss(POLICY.clone(), FROZEN.clone(), OWN.clone())[0],
                loss(POLICY.clone(), FROZEN.clone(), OWN.clone(), beta=0.3)[0],
                loss(POLICY.clone(), FROZEN.clone(), OWN.clone(), 2.0)[0],
            ],
            expected=[number(lost(b * WON)) for b in (0.1, 0.3, 2.0)],
            wrong={
                "`beta` is 0.1 where it is not given.": lambda got: (
                    near(number(lost(0.3 * WON)))(got[1])
                    and near(number(lost(2.0 * WON)))(got[2])
                ),
                "`beta` changes nothing.": lambda got: math.isclose(
                    float(got[1]), float(got[2])
                ),
            },
        ),
        Case(
            "the gradient of the policy",
            policy_slope(),
            expected=RIGHT_SLOPE,
            wrong={
                NO_SLOPE: lambda got: not bool(got.any()),
                NO_SLOPE[:-1] + " that learn.": RuntimeError,
                "The rejected answers get no gradient: they are to become less likely.": (
                    RIGHT_SLOPE * torch.tensor([1.0, 0.0])[:, None]
                ),
                "The chosen answers get no gradient: they are to become more likely.": (
                    RIGHT_SLOPE * torch.tensor([0.0, 1.0])[:, None]
                ),
            },
        ),
        Case(
            "the gradient of the reference",
            frozen_slope,
            expected=torch.zeros_like(FROZEN),
            wrong={
                "The reference gets a gradient: it is frozen, so `detach` it.": (
                    lambda got: bool(got.any())
                ),
            },
        ),
        Case(
            "NaN and −∞ outside the answers",
            lambda loss: [
                dpo(policy=AROUND, reference=BELOW)(loss),
                dpo(policy=ALWAYS_BELOW, reference=BELOW)(loss),
            ],
            expected=[number(lost(BETA * WON))] * 2,
            wrong={OUTSIDE: lambda got: not_finite(got[0]) or not_finite(got[1])},
        ),
        Case(
            "the gradient there",
            policy_slope(ALWAYS_BELOW, BELOW),
            expected=RIGHT_SLOPE,
            wrong={
                "NaN comes back in the gradient: fill what lies outside before it is "
                "computed with.": not_finite,
            },
        ),
        Case(
            "rewards thousands apart",
            dpo(policy=THOUSANDS),
            expected=number(lost(BETA * FAR_WON)),
            wrong={
                "`exp` overflows, or log(0) is −∞: `F.logsigmoid` sees to it.": (
                    not_finite
                ),
                "A least or a largest value was set: the loss is in the thousands.": (
                    lambda got: 1 < float(got) < 900
                ),
            },
        ),
        Case(
            "the gradient of rewards thousands apart",
            policy_slope(THOUSANDS),
            expected=(
                torch.tensor([[-1.0, 1.0], [0.0, 0.0]])[..., None] * OWN * BETA / 2
            ),
            wrong={
                "The gradient is not finite: `F.logsigmoid` sees to it.": not_finite,
                "The gradient is gone where the wrong answer is far ahead: there it is "
                "needed most.": lambda got: not bool(got[0].any()),
            },
        ),
        Case(
            "one pair of one token",
            lambda loss: [
                *loss(
                    POLICY[:1, :, 1:2].clone(),
                    FROZEN[:1, :, 1:2].clone(),
                    OWN[:1, :, 1:2].clone(),
                    1.0,
                )
            ],
            expected=[number(lost(RATIOS[:1, :, 1])), RATIOS[:1, :, 1]],
            wrong={SQUEEZED: lambda got: got[1].ndim != 2},
        ),
        Case(
            "what becomes of the tensors",
            lambda loss: stays(loss, POLICY.clone(), FROZEN.clone(), OWN.clone()),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "group_advantages": [
        Case(
            "two groups of three, one after the other",
            lambda advantages: advantages(GAINS.clone(), IN_ORDER.clone()),
            expected=in_groups(GAINS, IN_ORDER),
            wrong={
                "The squares are divided by n: a sample's deviation has n − 1.": (
                    in_groups(GAINS, IN_ORDER, less=0)
                ),
                "The groups are forgotten: each answer is compared with its own.": one_of(
                    of_all(1), of_all(0), GAINS - GAINS.mean()
                ),
                "The mean is that of all answers: each group has its own.": one_of(
                    torch.cat(
                        [
                            (part - GAINS.mean()) / (part.std() + 1e-4)
                            for part in GAINS.split(3)
                        ]
                    )
                ),
                "The deviation is that of all answers: each group has its own.": one_of(
                    *(
                        in_groups(
                            GAINS,
                            IN_ORDER,
                            spread=lambda _, n=n: GAINS.std(correction=n) + 1e-4,
                        )
                        for n in (0, 1)
                    ),
                ),
                "Nothing is divided: by the deviation of the group, unless `scale` is False.": in_groups(
                    GAINS, IN_ORDER, spread=lambda _: torch.ones(())
                ),
                "Divided by the variance: by its root.": one_of(
                    in_groups(GAINS, IN_ORDER, spread=lambda g: g.var() + 1e-4),
                    in_groups(GAINS, IN_ORDER, spread=lambda g: g.var()),
                ),
                "The mean is not subtracted.": torch.cat(
                    [part / (part.std() + 1e-4) for part in GAINS.split(3)]
                ),
                "The sign is wrong: a better answer has an advantage above 0.": -in_groups(
                    GAINS, IN_ORDER
                ),
                "The median was subtracted: take the mean.": torch.cat(
                    [
                        (part - part.median()) / (part.std() + 1e-4)
                        for part in GAINS.split(3)
                    ]
                ),
                "The mean of the **others** was subtracted: the answer itself is one of "
                "its group.": one_of(
                    in_groups(GAINS, IN_ORDER) * 1.5,
                    in_groups(GAINS, IN_ORDER, spread=lambda _: torch.tensor(2 / 3)),
                ),
                "Divided by the mean absolute distance: by the standard deviation.": (
                    in_groups(
                        GAINS,
                        IN_ORDER,
                        spread=lambda g: (g - g.mean()).abs().mean() + 1e-4,
                    )
                ),
                "Divided by the range: by the standard deviation.": one_of(
                    in_groups(
                        GAINS, IN_ORDER, spread=lambda g: g.max() - g.min() + 1e-4
                    )
                ),
                "A softmax over the group: subtract the mean, and divide.": torch.cat(
                    [part.softmax(0) for part in GAINS.split(3)]
                ),
                "One result for each group: one for each answer is due.": (
                    lambda got: got.shape == (2,)
                ),
                "The result is (answers,): one row.": lambda got: got.ndim == 2,
            },
        ),
        Case(
            "groups of four and of two, mixed",
            lambda advantages: advantages(GAINS.clone(), MIXED_UP.clone()),
            expected=in_groups(GAINS, MIXED_UP),
            wrong={
                NOT_MIXED: one_of(
                    in_threes(GAINS),
                    in_groups(GAINS, torch.tensor([0, 0, 1, 1, 2, 2])),
                    in_groups(GAINS, torch.tensor([0, 1, 2, 2, 3, 4])),
                ),
                "The groups are in another order than the answers: return the advantages "
                "in the order of `rewards`.": lambda got: (
                    got.shape == (6,)
                    and same(
                        got.sort().values, in_groups(GAINS, MIXED_UP).sort().values
                    )
                ),
                "Groups may be of different sizes.": RuntimeError,
                "Prompts have any numbers: they are no places.": IndexError,
                "It holds NaN, as a group of one gives: here groups are of four and of two, "
                "and mixed.": not_finite,
            },
        ),
        Case(
            "two answers that are alone",
            lambda advantages: advantages(GAINS.clone(), ALONE.clone()),
            expected=torch.where((ALONE == 5), in_groups(GAINS, ALONE), torch.zeros(6)),
            wrong={
                "The deviation of one number is NaN: an answer that is alone gets 0.": (
                    not_finite
                ),
                "An answer that is alone is missing: it gets 0.": (
                    lambda got: got.shape == (4,)
                ),
                "An answer that is alone kept its reward: it gets 0.": (
                    lambda got: [float(got[2]), float(got[4])] == [2.0, 8.0]
                ),
            },
        ),
        Case(
            "groups of equal rewards",
            lambda advantages: advantages(EQUAL.clone(), OF_EQUAL.clone()),
            expected=in_groups(EQUAL, OF_EQUAL),
            wrong={
                "0/0 is NaN: equal rewards give advantages of 0.": not_finite,
                "Answers of equal rewards are missing: they get 0.": (
                    lambda got: len(got) < 6
                ),
            },
        ),
        Case(
            "rewards of 0, 0.00001 and 0.00003",
            lambda advantages: advantages(TINY.clone(), torch.zeros(3).long()),
            expected=in_groups(TINY, torch.zeros(3)),
            wrong={
                "`eps` is missing: it is added to the deviation.": in_groups(
                    TINY, torch.zeros(3), eps=0.0
                ),
                "`eps` is 0.0001 where it is not given.": one_of(
                    *(
                        in_groups(TINY, torch.zeros(3), eps=e)
                        for e in (1e-8, 1e-6, 1e-5, 1e-3)
                    )
                ),
                "`eps` stands under the root: it is added to the deviation.": in_groups(
                    TINY, torch.zeros(3), spread=lambda g: (g.var() + 1e-4).sqrt()
                ),
                "`eps` is a least value: it is added to the deviation.": in_groups(
                    TINY, torch.zeros(3), spread=lambda g: g.std().clamp(min=1e-4)
                ),
            },
        ),
        Case(
            "an eps of 0.5",
            lambda advantages: advantages(GAINS.clone(), IN_ORDER.clone(), eps=0.5),
            expected=in_groups(GAINS, IN_ORDER, eps=0.5),
            wrong={
                "`eps` is always the same: it may be given.": in_groups(
                    GAINS, IN_ORDER
                ),
                "`eps` stands under the root: it is added to the deviation.": in_groups(
                    GAINS, IN_ORDER, spread=lambda g: (g.var() + 0.5).sqrt()
                ),
            },
        ),
        Case(
            "scale=False",
            lambda advantages: advantages(GAINS.clone(), MIXED_UP.clone(), scale=False),
            expected=in_groups(GAINS, MIXED_UP, spread=lambda _: torch.ones(())),
            wrong={
                "`scale=False` changes nothing: then nothing is divided.": in_groups(
                    GAINS, MIXED_UP
                ),
                "With `scale=False` the mean is still subtracted.": GAINS,
            },
        ),
        Case(
            "one answer",
            lambda advantages: advantages(tensor(3.0), tensor(6)),
            expected=torch.zeros(1),
            wrong={
                SQUEEZED: lambda got: got.ndim != 1,
                "The deviation of one number is NaN: an answer that is alone gets 0.": (
                    not_finite
                ),
            },
        ),
        Case(
            "what becomes of the tensors",
            lambda advantages: stays(advantages, GAINS.clone(), MIXED_UP.clone()),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "clipped_objective": [
        Case(
            "two answers whose ratios are within the limits",
            objective(NEAR),
            expected=averaged(gains(NEAR)),
            wrong={
                "The sign is wrong: the objective is to rise, it is no loss.": -averaged(
                    gains(NEAR)
                ),
                "The ratio is turned round: now divided by then.": averaged(
                    PLUS_MINUS[:, None] / (NEAR - OLD).exp()
                ),
                "The ratio is a difference of logarithms: `exp` is missing.": near(
                    averaged((NEAR - OLD) * PLUS_MINUS[:, None]),
                    averaged(
                        torch.minimum(
                            (NEAR - OLD) * PLUS_MINUS[:, None],
                            (NEAR - OLD).clamp(0.8, 1.2) * PLUS_MINUS[:, None],
                        )
                    ),
                ),
                "The logarithms were divided: subtract them, and take `exp`.": averaged(
                    NEAR / OLD * PLUS_MINUS[:, None]
                ),
                "The ratio of the whole answer was taken: each token has its own.": (
                    averaged(
                        ((NEAR - OLD).sum(-1).exp() * PLUS_MINUS)[:, None].expand(2, 4)
                    )
                ),
                "The old log-probabilities are not used.": averaged(
                    NEAR * PLUS_MINUS[:, None]
                ),
                "The advantages are missing.": averaged((NEAR - OLD).exp()),
                "The size of the advantages is missing: not the sign alone.": averaged(
                    gains(NEAR, by=PLUS_MINUS.sign())
                ),
                "The tokens were summed: take the mean of each answer.": 4
                * averaged(gains(NEAR)),
                "The answers were summed: take their mean.": 2 * averaged(gains(NEAR)),
                "One result for each answer: take their mean.": (
                    lambda got: torch.as_tensor(got).ndim > 0
                ),
            },
        ),
        Case(
            "ratios of 0.5, 0.9, 1.1 and 1.6, with advantages of 2 and of −1",
            objective(),
            expected=averaged(gains()),
            wrong={
                "Nothing is clipped.": averaged(gains(pick=lambda free, _: free)),
                CUT_BOTH: averaged(gains(pick=lambda _, limited: limited)),
                "The larger of the two products was taken: the smaller.": averaged(
                    gains(pick=torch.maximum)
                ),
                PRODUCTS: averaged(
                    torch.minimum(MOVES, MOVES.clamp(0.8, 1.2)) * PLUS_MINUS[:, None]
                ),
                "Clipped above alone: for A below 0 the limit lies below 1.": averaged(
                    gains(
                        pick=lambda free, _: torch.minimum(
                            free, MOVES.clamp(max=1.2) * PLUS_MINUS[:, None]
                        )
                    )
                ),
                "Clipped below alone: for A above 0 the limit lies above 1.": averaged(
                    gains(
                        pick=lambda free, _: torch.minimum(
                            free, MOVES.clamp(min=0.8) * PLUS_MINUS[:, None]
                        )
                    )
                ),
                "The difference of the logarithms was clipped, to 0.2: the ratio is.": (
                    averaged(
                        gains(
                            pick=lambda free, _: torch.minimum(
                                free,
                                (NEW - OLD).clamp(-0.2, 0.2).exp()
                                * PLUS_MINUS[:, None],
                            )
                        )
                    )
                ),
                "The products were clipped: clip the ratio, then multiply.": averaged(
                    gains(
                        pick=lambda free, _: torch.minimum(free, free.clamp(0.8, 1.2))
                    )
                ),
                "Tokens beyond the limits were left out: they add what the limit gives.": (
                    averaged(
                        gains(
                            pick=lambda free, limited: torch.where(
                                free == limited, free, 0
                            )
                        )
                    )
                ),
            },
        ),
        Case(
            "limits of 0.1 below and 0.45 above",
            lambda answer: [
                objective(low=0.1, high=0.45)(answer),
                answer(
                    NEW.clone(),
                    OLD.clone(),
                    PLUS_MINUS.clone(),
                    ALL_OF.clone(),
                    0.1,
                    0.45,
                ),
                objective(high=0.45)(answer),
            ],
            expected=[
                averaged(gains(low=0.1, high=0.45)),
                averaged(gains(low=0.1, high=0.45)),
                averaged(gains(high=0.45)),
            ],
            wrong={
                "`low` and `high` have changed places.": first_is(
                    averaged(gains(low=0.45, high=0.1))
                ),
                "The limits are always the same: they may be given.": (
                    first_is(averaged(gains()))
                ),
                "One limit serves for both sides: they need not be alike.": (
                    first_is(*(averaged(gains(low=n, high=n)) for n in (0.1, 0.45)))
                ),
                "The lower limit is 1 − low, not 1/(1 + high).": first_is(
                    *(
                        averaged(gains(low=1 - 1 / (1 + n), high=0.45))
                        for n in (0.1, 0.45)
                    )
                ),
                "`low` is 0.2 where it is not given.": lambda got: all(
                    map(near(averaged(gains(low=0.1, high=0.45))), got[:2])
                ),
            },
        ),
        Case(
            "an answer of four tokens and one of two",
            objective(NEAR, SHORT),
            expected=averaged(gains(NEAR, mask=SHORT), SHORT),
            wrong={
                "Tokens outside the mask were counted.": averaged(gains(NEAR)),
                "Tokens outside the mask are in the number that you divide by.": averaged(
                    gains(NEAR, mask=SHORT)
                ),
                "All tokens have one mean: each answer has its own, and then all "
                "answers have one.": float(gains(NEAR, mask=SHORT).sum() / 6),
                "Tokens outside the mask count with a ratio of 1.": near(
                    *(
                        averaged(
                            torch.where(SHORT, gains(NEAR), PLUS_MINUS[:, None]), due
                        )
                        for due in (SHORT, ALL_OF)
                    )
                ),
            },
        ),
        Case(
            "an answer without tokens",
            objective(NEAR, NONE_OF),
            expected=averaged(gains(NEAR, mask=NONE_OF), NONE_OF),
            wrong={
                "0/0 is NaN: an answer without tokens adds 0.": not_finite,
                "An answer without tokens is counted as one of the answers.": (
                    2 * averaged(gains(NEAR, mask=NONE_OF), NONE_OF)
                ),
            },
        ),
        Case(
            "the gradient of `log_p`",
            slope_of_new,
            expected=SLOPES,
            wrong={
                NO_SLOPE: lambda got: not bool(got.any()),
                NO_SLOPE[:-1] + " that learn.": RuntimeError,
                "A clipped token has a gradient: beyond its limit nothing is to be won.": (
                    MOVES * PLUS_MINUS[:, None] / 8
                ),
                CUT_BOTH: MOVES
                * PLUS_MINUS[:, None]
                / 8
                * torch.tensor([0.0, 1.0, 1.0, 0.0]),
            },
        ),
        Case(
            "the gradients of the constants",
            slopes_of_others,
            expected=[torch.zeros(2, 4), torch.zeros(2)],
            wrong={
                "`old_log_p` gets a gradient: it is a constant, so `detach` it.": (
                    lambda got: bool(got[0].any())
                ),
                "`advantages` get a gradient: they are constants, so `detach` them.": (
                    lambda got: bool(got[1].any()) and not bool(got[0].any())
                ),
            },
        ),
        Case(
            "NaN and −∞ outside the mask",
            objective(FILLED, SHORT, OLD_FILLED),
            expected=averaged(gains(NEAR, mask=SHORT), SHORT),
            wrong={
                "What lies outside the mask came in: NaN · 0 is NaN, so fill it.": (
                    not_finite
                ),
            },
        ),
        Case(
            "the gradient there",
            lambda answer: (
                slope(
                    lambda leaf: answer(
                        leaf, OLD_FILLED.clone(), PLUS_MINUS.clone(), SHORT.clone()
                    ),
                    FILLED,
                )
                .isfinite()
                .all()
            ),
            expected=True,
            wrong={
                "NaN comes back in the gradient: fill what lies outside before `exp`.": (
                    False
                ),
            },
        ),
        Case(
            "ratios of e²⁰⁰ and of e⁻²⁰⁰",
            objective(HIGH_UP),
            expected=averaged(torch.tensor([[1.2 * 2] * 4, [-0.8] * 4])),
            wrong={
                "e²⁰⁰ is infinite: limit the difference of the logarithms before `exp`.": (
                    not_finite
                ),
            },
        ),
        Case(
            "the gradient of such ratios",
            lambda answer: slope(
                lambda leaf: answer(
                    leaf, OLD.clone(), PLUS_MINUS.clone(), ALL_OF.clone()
                ),
                HIGH_UP,
            ),
            expected=torch.zeros(2, 4),
            wrong={
                "e²⁰⁰ is infinite, and ∞ · 0 is NaN in the gradient: limit the "
                "difference of the logarithms before `exp`.": not_finite,
            },
        ),
        Case(
            "an advantage of 0, and a ratio of e²⁰⁰",
            lambda answer: answer(
                OLD + 200, OLD.clone(), torch.zeros(2), ALL_OF.clone()
            ),
            expected=0.0,
            wrong={
                "∞ · 0 is NaN: limit the difference of the logarithms before `exp`.": (
                    not_finite
                ),
            },
        ),
        Case(
            "one answer of one token",
            lambda answer: answer(
                NEAR[:1, :1].clone(),
                OLD[:1, :1].clone(),
                PLUS_MINUS[:1].clone(),
                ALL_OF[:1, :1].clone(),
            ),
            expected=1.9,
        ),
        Case(
            "what becomes of the tensors",
            lambda answer: stays(
                answer, NEW.clone(), OLD.clone(), PLUS_MINUS.clone(), SHORT.clone()
            ),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "best_of_n_gain": [
        Case(
            "the best of 3 of 5 answers, to two prompts",
            lambda gain: gain(FIRST_LIKED.clone(), FIRST_WORTH.clone(), 3),
            expected=listed(FIRST_LIKED, FIRST_WORTH, 3),
            wrong={
                "The mean of all is not subtracted: the gain is due.": listed(
                    FIRST_LIKED, FIRST_WORTH, 3
                )
                + FIRST_WORTH.mean(-1),
                "An answer was drawn twice: the n are different ones.": listed(
                    FIRST_LIKED, FIRST_WORTH, 3, back_again
                ),
                "The best of all m was taken: of n of them.": listed(
                    FIRST_LIKED, FIRST_WORTH, 5
                ),
                "The best n of all were averaged: one of n is kept.": chances(
                    FIRST_LIKED, FIRST_WORTH, 3
                ),
                "The first n answers are one choice of many: average over all.": listed(
                    FIRST_LIKED[:, :3], FIRST_WORTH[:, :3], 3
                )
                + FIRST_WORTH[:, :3].mean(-1)
                - FIRST_WORTH.mean(-1),
                "The answer with the lowest score is kept: the highest.": listed(
                    -FIRST_LIKED, FIRST_WORTH, 3
                ),
                "It is the gain in scores: the rewards are asked for.": spread_out(
                    FIRST_LIKED, FIRST_WORTH, 3
                ),
                "The answers were chosen by their rewards: the scores choose.": listed(
                    FIRST_WORTH, FIRST_WORTH, 3
                ),
                "The sign is wrong: kept minus mean.": -listed(
                    FIRST_LIKED, FIRST_WORTH, 3
                ),
                "A choice of n + 1: of n.": listed(FIRST_LIKED, FIRST_WORTH, 4),
                "A choice of n − 1: of n.": listed(FIRST_LIKED, FIRST_WORTH, 2),
                "The prompts have one mean: each has its own gain.": (
                    lambda got: torch.as_tensor(got).ndim == 0
                ),
                "Each prompt has a gain, a tensor is due.": not_a_tensor,
            },
        ),
        Case(
            "two prompts, whose scores are opposite",
            lambda gain: gain(*(part.clone() for part in TWO_PROMPTS), 3),
            expected=listed(*TWO_PROMPTS, 3),
            wrong={
                "The prompts have one mean: each has its own gain.": (
                    lambda got: torch.as_tensor(got).ndim == 0
                ),
                "The order of the first prompt was taken for all: each has its own.": (
                    one_of(listed(TWO_PROMPTS[0][:1].expand(2, 4), TWO_PROMPTS[1], 3))
                ),
                "The mean is that of all prompts: each has its own.": listed(
                    *TWO_PROMPTS, 3
                )
                + TWO_PROMPTS[1].mean(-1)
                - TWO_PROMPTS[1].mean(),
                "The gain was cut at 0: scores that mislead cost.": listed(
                    *TWO_PROMPTS, 3
                ).clamp(min=0),
                "The gain has no sign: scores that mislead cost.": listed(
                    *TWO_PROMPTS, 3
                ).abs(),
                "The answers were chosen by their rewards: the scores choose.": listed(
                    TWO_PROMPTS[1], TWO_PROMPTS[1], 3
                ),
            },
        ),
        Case(
            "n = 1, and n = 4",
            lambda gain: [plain(gain, 1), plain(gain, 4)],
            expected=[torch.zeros(1), torch.tensor([BEST])],
            wrong={
                SQUEEZED: lambda got: got[0].ndim != 1,
                "For n = 1 there is nothing to choose: the gain is 0.": (
                    lambda got: not same(got[0], torch.zeros(1))
                ),
                "For n = m the best is kept for certain.": (
                    lambda got: not same(got[1], torch.tensor([BEST]))
                ),
            },
        ),
        Case(
            "three answers with the highest score, n = 3",
            lambda gain: gain(TIED.clone(), TIED_WORTH.clone(), 3),
            expected=listed(TIED, TIED_WORTH, 3),
            wrong={
                "Of equal scores the first, or the last, is kept: each is, with the same "
                "probability.": one_of(
                    listed(TIED, TIED_WORTH, 3, last=True),
                    listed(TIED.flip(-1), TIED_WORTH.flip(-1), 3, last=True),
                    CERTAIN[0],
                    CERTAIN[2],
                ),
                "Of equal scores the best reward is kept: each is, with the same "
                "probability.": one_of(
                    listed(TIED + TIED_WORTH / 1000, TIED_WORTH, 3), CERTAIN[1]
                ),
                "Of equal scores the worst reward is kept: each is, with the same "
                "probability.": listed(TIED - TIED_WORTH / 1000, TIED_WORTH, 3),
                "Equal scores were counted once for each of them.": (
                    listed(TIED, TIED_WORTH, 3) + 2 * 3.5
                ),
            },
        ),
        Case(
            "all scores equal",
            lambda gain: gain(torch.zeros(2, 5), torch.cat([TIED, TIED_WORTH]), 2),
            expected=torch.zeros(2),
            wrong={
                "Without a difference in scores nothing is chosen: the gain is 0.": (
                    lambda got: got.shape == (2,)
                ),
            },
        ),
        Case(
            "1,100 answers, n = 500",
            lambda gain: gain(MANY_SCORES.clone(), MANY_WORTH.clone(), 500),
            expected=torch.tensor([expected_of_many(500)]),
            wrong={
                "There are more choices than a float can count: `math.comb` counts in "
                "whole numbers, and divide before you make a float of it.": OverflowError,
                "It is infinite or NaN: there are more choices than a float can count.": (
                    not_finite
                ),
                "Too much is rounded: compute with whole numbers, or in double precision.": (
                    lambda got: 0 < abs(float(got) - expected_of_many(500)) < 0.5
                ),
            },
        ),
        Case(
            "1,100 answers, n = 40",
            lambda gain: gain(MANY_SCORES.clone(), MANY_WORTH.clone(), 40),
            expected=torch.tensor([expected_of_many(40)]),
            wrong={
                "Too much is rounded: compute with whole numbers, or in double precision.": (
                    lambda got: 0 < abs(float(got) - expected_of_many(40)) < 0.5
                ),
            },
        ),
        Case(
            "one answer",
            lambda gain: gain(LIKED[:, :1].clone(), WORTH[:, :1].clone(), 1),
            expected=torch.zeros(1),
            wrong={SQUEEZED: lambda got: got.ndim != 1},
        ),
        Case(
            "what becomes of the tensors",
            lambda gain: stays(
                lambda scores, rewards: gain(scores, rewards, 2),
                TIED.clone(),
                TIED_WORTH.clone(),
            ),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
}

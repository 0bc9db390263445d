"""What a learner may run on the fine-tuning set: a case for each rule, and each teaches."""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from labkit.exercises import Case, cell_of, ruled_out

Run = Callable[..., object]

LENGTHS = [5, 9, 5, 2, 9]

STATES = torch.tensor([[[1.0, 6.0], [3.0, 2.0], [9.0, 1.0]]] * 2)
SEEN = torch.tensor([[1, 1, 0], [1, 1, 1]])
MEANS = torch.tensor([[2.0, 4.0], [13 / 3, 3.0]])

GAPS = torch.tensor([[[9.0, 1.0], [3.0, 2.0], [1.0, 6.0]]] * 2)
AROUND = torch.tensor([[0, 1, 1], [1, 0, 1]])  # padding on the left, and in between
MEANS_AROUND = torch.tensor([[2.0, 4.0], [5.0, 3.5]])


def at_padding(number: float) -> Tensor:
    """Text 0 has two tokens, text 1 none; the rest is padding."""
    states = STATES.clone()
    states[0, 2] = states[1] = number
    return states


TWO_AND_NONE = torch.tensor([[1, 1, 0], [0, 0, 0]])
MEAN_AND_ZEROS = torch.tensor([[2.0, 4.0], [0.0, 0.0]])

LOGITS = torch.tensor(
    [[[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]], [[0.0, 4.0], [1.0, 0.0], [0.0, 0.5]]]
)
EVERY = torch.tensor([[0, 0, 1], [1, 1, 0]])
LABELS = torch.tensor([[0, 0, -100], [1, -100, -100]])
UNDUE = torch.full((1, 3), -100)
LEVELS = torch.tensor([[[1000.0, 998.0], [-1000.0, -998.0], [-1000.0, 1000.0]]])


def dear(labels: Tensor) -> Tensor:
    """−ln p of the tokens that have a label, one after the other."""
    log_p = LOGITS[labels >= 0].log_softmax(-1)
    return -log_p[torch.arange(len(log_p)), labels[labels >= 0]]


def gradient(loss: Run, logits: Tensor, labels: Tensor) -> Tensor | str:
    scores = logits.clone().requires_grad_()
    found = loss(scores, labels)
    if not isinstance(found, Tensor) or not found.requires_grad:
        return "no gradient"
    found.backward()
    return "no gradient" if scores.grad is None else scores.grad


def gradient_of_mean(logits: Tensor, labels: Tensor) -> Tensor:
    due = (labels >= 0).unsqueeze(-1)
    wanted = F.one_hot(labels.clamp(0), logits.size(-1))
    return (logits.softmax(-1) - wanted) * due / max(1, int(due.sum()))


def names(loss: Run) -> str:
    """The first name in the cell that the statement rules out, or nothing."""
    return ruled_out(cell_of(loss), ["cross_entropy", "nll_"], "token_loss")


def rates(rate: Run, warmup: int, total: int = 10, peak: float = 1.0) -> list[float]:
    """Of each step, as parts of the peak."""
    return [rate(step, total, warmup, peak) / peak for step in range(1, total + 1)]


RISE, FALL = [0.25, 0.5, 0.75, 1.0], [(11 - step) / 7 for step in range(5, 11)]


def is_a_curve(got: list[float]) -> bool:
    """Right up to the top, then falling, but by steps of three sizes or more."""
    steps = [round(a - b, 6) for a, b in pairwise(got[3:])]
    return got[:4] == RISE and min(steps) > 0 and len({*steps}) > 2


def toy(layers: int) -> nn.Module:
    """Numbers: 6 in the embeddings, 6 in each layer, 4 in the pooler, 3 in the head."""
    model = nn.Module()
    model.embeddings, model.pooler = nn.Embedding(3, 2), nn.Linear(2, 2, bias=False)
    model.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(layers))
    model.head = nn.Linear(2, 1)
    return model


def learning(freeze: Run, top: int, layers: int = 3, before: bool = True) -> list:
    """For each parameter of each part, whether it learns; and the count."""
    model = toy(layers).requires_grad_(before)
    count = freeze(model, top)
    parts = [model.embeddings, *model.layers, model.pooler, model.head]
    return [[[int(p.requires_grad) for p in q.parameters()] for q in parts], count]


def flags(*learns: int) -> list[list[int]]:
    """As `learning` says it, if all parameters of a part do the same."""
    first, *layers, pooler, head = learns
    return [[first], *([x, x] for x in layers), [pooler], [head, head]]


def learns(*some: tuple[int, ...]) -> Callable[[list], bool]:
    return lambda got: got[0] in [flags(*each) for each in some]


RIGHT = flags(0, 0, 1, 1, 0, 1)

torch.manual_seed(0)
INPUTS, CLASSES = torch.randn(5, 3), torch.tensor([0, 1, -100, 1, 0])
MODEL = nn.Linear(3, 2)


def in_parts(
    accumulate: Run, size: int, before: bool = False, classes: Tensor = CLASSES
) -> list:
    """The loss, and the gradient of the weight and of the bias."""
    model = nn.Linear(3, 2)
    model.load_state_dict(MODEL.state_dict())
    if before:
        model(INPUTS).sum().backward()
    loss = accumulate(model, INPUTS, classes, size)
    return [loss, model.weight.grad, model.bias.grad]


def weighed(
    loss: list[float],
    gradient: list[float] | None = None,
    before: bool = False,
    classes: Tensor = CLASSES,
) -> list:
    """What comes of a loss, and of a gradient, in which each example has a weight."""
    each = F.cross_entropy(MODEL(INPUTS), classes, reduction="none")
    total = (each * torch.tensor(gradient or loss)).sum()
    total = total + MODEL(INPUTS).sum() * before
    slopes = torch.autograd.grad(total, [MODEL.weight, MODEL.bias])
    return [float((each.detach() * torch.tensor(loss)).sum()), *slopes]


FAIR = [1 / 4, 1 / 4, 0, 1 / 4, 1 / 4]
LAST_ONLY = torch.tensor([-100, -100, 0, 1, 0])


def memory(accumulate: Run) -> dict[str, object]:
    """How often each example was run, and how many at a time were run and kept."""
    model, runs, kept = nn.Linear(3, 2), [0] * 5, 0
    largest = most = 2  # smaller ones will do

    def back(examples: int) -> None:
        nonlocal kept
        kept -= examples

    def forward(model: nn.Module, given: tuple[Tensor], logits: Tensor) -> None:
        nonlocal kept, largest, most
        examples = len(given[0])
        for place, row in enumerate(INPUTS):
            runs[place] += int((given[0] == row).all(-1).any())
        largest, most = max(largest, examples), max(most, kept + examples)
        if logits.grad_fn is not None:
            kept += examples
            logits.register_hook(lambda slopes: back(examples))

    model.register_forward_hook(forward)
    accumulate(model, INPUTS, torch.tensor([0, 1, 1, 1, 0]), 2)
    return {"runs of each": runs, "largest part": largest, "in memory": most}


def kinds(accumulate: Run) -> list:
    """Is the loss a tensor, and did the parameters stay?"""
    model = nn.Linear(3, 2)
    model.load_state_dict(MODEL.state_dict())
    loss = accumulate(model, INPUTS, CLASSES, 2)
    stays = torch.equal(model.weight, MODEL.weight)
    return ["a tensor" if isinstance(loss, Tensor) else "a number", stays]


# [CLS], a token of the question, four of the context, three of the question
START = [0.0, 8.0, 3.0, 1.0, 5.0, 0.0, 8.0, 1.0, 1.0]
END = [-9.0, 8.0, 6.0, 0.0, 0.0, 5.0, 1.0, 8.0, 0.0]
CONTEXT = [False] * 2 + [True] * 4 + [False] * 3


def span(
    answer: Run,
    longest: int,
    start: list[float],
    end: list[float],
    context: list[bool] | None = None,
) -> list:
    """By default all but position 0 is context."""
    inside = context or [False] + [True] * (len(start) - 1)
    found = answer(*map(torch.tensor, (start, end, inside)), longest)
    return [*found] if isinstance(found, tuple | list) else found


def untouched(answer: Run) -> list:
    start, end, context = map(torch.tensor, (START, END, CONTEXT))
    answer(start, end, context, 6)
    return [start, end]


CHECKS = {
    "batches_by_length": [
        Case(
            "five texts, two in a batch",
            lambda batches: batches([*LENGTHS], 2),
            expected=[[1, 4], [0, 2], [3]],
            wrong={
                "The shortest come first: the longest are to.": [[3, 0], [2, 1], [4]],
                "Texts of the same length have changed their order.": (
                    lambda got: (
                        [type(b)(sorted(b)) for b in got] == [[1, 4], [0, 2], [3]]
                    )
                ),
                "These are lengths: the numbers of the texts are asked for.": (
                    [[9, 9], [5, 5], [2]]
                ),
                "The texts are not sorted.": [[0, 1], [2, 3], [4]],
                "The last batch is missing: it may be shorter.": [[1, 4], [0, 2]],
                "The first batch is the short one: only the last may be.": (
                    [[1], [4, 0], [2, 3]]
                ),
                "The last text was put into a full batch.": [[1, 4], [0, 2, 3]],
                "`index` finds the first text of a length: these are two.": (
                    [[1, 1], [0, 0], [3]]
                ),
                "Of texts of the same length only one is left.": [[4, 2], [3]],
                "They are in one list: cut it into batches.": [1, 4, 0, 2, 3],
                "These are floats: the number of a text is an `int`.": (
                    [[1.0, 4.0], [0.0, 2.0], [3.0]]
                ),
                "The numbers begin at 1: `lengths[0]` belongs to text 0.": (
                    [[2, 5], [1, 3], [4]]
                ),
            },
        ),
        Case(
            "texts of one length",
            lambda batches: batches([3, 3, 3], 2),
            expected=[[0, 1], [2]],
            wrong={
                "Texts of the same length have changed their order.": [[2, 1], [0]],
            },
        ),
        Case(
            "a last batch that is full",
            lambda batches: batches([3, 12, 0, 8], 2),
            expected=[[1, 3], [0, 2]],
            wrong={
                "There is an empty batch at the end.": [[1, 3], [0, 2], []],
                "The last batch is missing.": [[1, 3]],
                "The lengths were compared as words.": [[3, 0], [1, 2]],
                "A text without tokens is a text.": [[1, 3], [0]],
            },
        ),
        Case(
            "four texts, three in a batch",
            lambda batches: batches([4, 7, 5, 6], 3),
            expected=[[1, 3, 2], [0]],
            wrong={
                "The batches are of like size: all but the last are to be full.": (
                    [[1, 3], [2, 0]]
                ),
            },
        ),
        Case(
            "one text in a batch",
            lambda batches: batches([4, 7, 5], 1),
            expected=[[1], [2], [0]],
        ),
        Case(
            "room for more texts than there are",
            lambda batches: batches([4, 7], 5),
            expected=[[1, 0]],
            wrong={"The last batch is missing: it may be shorter.": []},
        ),
        Case(
            "no texts",
            lambda batches: batches([], 2),
            expected=[],
            wrong={"Without texts there is no batch, not an empty one.": [[]]},
        ),
        Case(
            "`lengths` afterwards",
            lambda batches: [given := [5, 9, 2], batches(given, 2)][0],
            expected=[5, 9, 2],
            wrong={
                "The list that was given has changed: sort a copy.": (
                    lambda got: got != [5, 9, 2]
                ),
            },
        ),
    ],
    "mean_pool": [
        Case(
            "two texts, one with padding",
            lambda pool: pool(STATES.clone(), SEEN.clone()),
            expected=MEANS,
            wrong={
                "Padding counts as a token.": STATES.mean(1),
                "Padding is not in the sum, but in the number that you divide by.": (
                    torch.stack([MEANS[0] * 2 / 3, MEANS[1]])
                ),
                "Each text has its own number of tokens to divide by, not all texts'.": (
                    torch.stack([MEANS[0] * 2, MEANS[1] * 3]) / 5
                ),
                "It is the first token: the mean is asked for.": STATES[:, 0],
                "It is the last token: the mean is asked for.": (
                    torch.stack([STATES[0, 1], STATES[1, 2]])
                ),
                "It is the largest of each number: the mean is asked for.": (
                    torch.stack([STATES[0, :2].amax(0), STATES[1].amax(0)])
                ),
                "It is the largest of each number, and that of padding.": (
                    STATES.amax(1)
                ),
                "It is the sum: divide by the number of tokens.": torch.stack(
                    [MEANS[0] * 2, MEANS[1] * 3]
                ),
                "It is the mean over the batch: over the tokens.": STATES.mean(0),
            },
        ),
        Case(
            "padding on the left, and in between",
            lambda pool: pool(GAPS.clone(), AROUND.clone()),
            expected=MEANS_AROUND,
            wrong={
                "These are the first tokens: which count, the mask says.": (
                    GAPS[:, :2].mean(1)
                ),
                "These are all tokens from the first to the last: padding may stand "
                "in between.": torch.stack([MEANS_AROUND[0], GAPS[1].mean(0)]),
            },
        ),
        Case(
            "NaN at padding",
            lambda pool: pool(at_padding(math.nan), TWO_AND_NONE.clone())[0],
            expected=MEANS[0],
            wrong={
                "NaN · 0 is NaN: fill, do not multiply.": lambda got: bool(
                    got.isnan().any()
                )
            },
        ),
        Case(
            "infinity at padding",
            lambda pool: pool(at_padding(math.inf), TWO_AND_NONE.clone())[0],
            expected=MEANS[0],
            wrong={
                "∞ · 0 is NaN: fill, do not multiply.": lambda got: bool(
                    got.isnan().any()
                )
            },
        ),
        Case(
            "a text without tokens",
            lambda pool: pool(at_padding(7.0), TWO_AND_NONE.clone()),
            expected=MEAN_AND_ZEROS,
            wrong={
                "0/0 is NaN: a text without tokens gets zeros.": lambda got: bool(
                    got[1].isnan().all()
                ),
                "Padding was taken for tokens, where there are none.": torch.tensor(
                    [[2.0, 4.0], [7.0, 7.0]]
                ),
                "The text without tokens is missing: it gets zeros.": MEANS[:1],
            },
        ),
        Case(
            "a text without tokens, and NaN at padding",
            lambda pool: pool(at_padding(math.nan), TWO_AND_NONE.clone()),
            expected=MEAN_AND_ZEROS,
            wrong={
                "NaN · 0 is NaN: its zeros must not come from what stands at padding.": (
                    lambda got: bool(got[1].isnan().all())
                ),
            },
        ),
        Case(
            "one text of one token",
            lambda pool: pool(torch.tensor([[[3.0]]]), torch.tensor([[1]])),
            expected=torch.tensor([[3.0]]),
            wrong={
                "`squeeze` took more than the dimension of the tokens: the result is "
                "(batch, size), also where these are 1.": (
                    lambda got: got.numel() == 1 and got.ndim < 2
                ),
            },
        ),
        Case(
            "two texts of vectors of one number",
            lambda pool: pool(STATES[..., :1].clone(), SEEN.clone()),
            expected=MEANS[:, :1],
            wrong={
                "`squeeze` took the dimension of the vector too: each sum was divided by "
                "each number of tokens.": torch.tensor([[2.0, 6.5], [4 / 3, 13 / 3]]),
            },
        ),
        Case(
            "`hidden_states` afterwards",
            lambda pool: [given := STATES.clone(), pool(given, SEEN.clone())][0],
            expected=STATES,
            wrong={
                "What was given has changed: an underscore, as in `masked_fill_`, and "
                "an index on the left of = write into it.": (
                    lambda got: not torch.equal(got, STATES)
                ),
            },
        ),
    ],
    "token_loss": [
        Case(
            "the names in its cell",
            names,
            expected="",
            wrong={
                "PyTorch's own loss is named: write it out.": lambda name: (
                    "crossentropy" in name.lower().replace("_", "")
                    or "nll" in name.lower()
                ),
                "This name is no part of tensors, arrays or plain Python, and might lead "
                "to PyTorch's own loss: do without it.": lambda name: (
                    name and "entropy" not in name.lower() and "nll" not in name.lower()
                ),
            },
        ),
        Case(
            "a label for each token",
            lambda loss: loss(LOGITS.clone(), EVERY.clone()),
            expected=dear(EVERY).mean(),
            wrong={
                "It is the sum of the losses: the mean is asked for.": dear(
                    EVERY
                ).sum(),
                "The sign is wrong: a loss is −ln p.": -dear(EVERY).mean(),
                "These are the losses of the tokens: their mean is asked for.": (
                    dear(EVERY).view(2, 3)
                ),
                "It has no logarithm: the loss is −ln p.": -(-dear(EVERY)).exp().mean(),
                "The mean runs over the classes too: each token needs that of its label.": (
                    -LOGITS.log_softmax(-1).mean()
                ),
                "The softmax runs over the tokens: over the classes.": (
                    -(LOGITS.log_softmax(1) * F.one_hot(EVERY, 2)).sum() / 6
                ),
                "0 is a class: only −100 is not due.": dear(EVERY)[[2, 3, 4]].mean(),
                "The loss has a dimension: one number is asked for.": (
                    lambda got: got.ndim > 0 and got.numel() == 1
                ),
            },
        ),
        Case(
            "three labels in two texts",
            lambda loss: loss(LOGITS.clone(), LABELS.clone()),
            expected=dear(LABELS).mean(),
            wrong={
                "Tokens that are not due count in the mean.": dear(LABELS).sum() / 6,
                "It is the mean of the texts' means: each token counts alike.": (
                    (dear(LABELS)[:2].mean() + dear(LABELS)[2]) / 2
                ),
                "0 is a class: only −100 is not due.": dear(LABELS)[2],
                "−100 is no index: it is not a class.": RuntimeError,
                "−100 is no index, and counts from the end.": IndexError,
                "−100 was taken for class 0, and counted.": dear(
                    LABELS.clamp(min=0)
                ).mean(),
            },
        ),
        Case(
            "its gradient",
            lambda loss: gradient(loss, LOGITS, LABELS.clone()),
            expected=gradient_of_mean(LOGITS, LABELS),
            wrong={
                "The loss does not lead back to the logits: `item`, `float` and `detach` "
                "cut the way.": "no gradient",
            },
        ),
        Case(
            "logits of ±1,000",
            lambda loss: loss(LEVELS[:, :2].clone(), torch.tensor([[0, 1]])),
            expected=torch.tensor(math.log(1 + math.exp(-2))),
            wrong={
                "e^1000 overflows, and e^−1000 is 0, whose logarithm is −∞: "
                "`log_softmax` takes neither.": lambda got: not math.isfinite(got),
            },
        ),
        Case(
            "a label with a logit of −1,000 beside one of 1,000",
            lambda loss: loss(LEVELS.clone(), torch.tensor([[0, 1, 0]])),
            expected=torch.tensor((2000 + 2 * math.log(1 + math.exp(-2))) / 3),
            wrong={
                "The probability is 0 in float32, and its logarithm −∞.": (
                    lambda got: not math.isfinite(got)
                ),
                "The loss is 2,000 here: a small number inside the logarithm, or a limit "
                "on the logits, hides it.": lambda got: 0 < float(got) < 300,
            },
        ),
        Case(
            "its gradient there",
            lambda loss: gradient(loss, LEVELS, torch.tensor([[0, 1, 0]])),
            expected=gradient_of_mean(LEVELS, torch.tensor([[0, 1, 0]])),
        ),
        Case(
            "no label at all",
            lambda loss: loss(LOGITS[:1].clone(), UNDUE.clone()),
            expected=torch.tensor(0.0),
            wrong={
                "0/0 is NaN: without a label the loss is 0.": lambda got: bool(
                    torch.as_tensor(got).isnan()
                ),
            },
        ),
        Case(
            "the gradient of no label at all",
            lambda loss: gradient(
                lambda *given: loss(*given) + 0 * given[0].sum(), LOGITS[:1], UNDUE
            ),
            expected=torch.zeros(1, 3, 2),
            wrong={
                "The loss is 0, but its gradient is NaN: 0/0 was computed, and then "
                "passed over.": lambda got: bool(got.isnan().any()),
            },
        ),
        Case(
            "one text of one token",
            lambda loss: loss(LOGITS[:1, :1].clone(), torch.tensor([[1]])),
            expected=-LOGITS[0, 0].log_softmax(-1)[1],
        ),
        Case(
            "two texts of one token",
            lambda loss: loss(LOGITS[:, :1].clone(), EVERY[:, :1].clone()),
            expected=dear(EVERY)[[0, 3]].mean(),
            wrong={
                "`squeeze` took the dimension of the tokens in one factor and not in the "
                "other: each loss was multiplied with each label.": (
                    dear(EVERY)[[0, 3]].sum()
                ),
            },
        ),
        Case(
            "one class",
            lambda loss: loss(LOGITS[..., :1].clone(), EVERY * 0),
            expected=torch.tensor(0.0),
        ),
        Case(
            "`labels` afterwards",
            lambda loss: [given := LABELS.clone(), loss(LOGITS.clone(), given)][0],
            expected=LABELS,
            wrong={
                "The labels that were given have changed: write into a copy.": (
                    lambda got: not torch.equal(got, LABELS)
                ),
            },
        ),
    ],
    "learning_rate": [
        Case(
            "ten steps, four of warm-up",
            lambda rate: rates(rate, 4),
            expected=[*RISE, *FALL],
            wrong={
                "It begins at 0, so the first step learns nothing: step 1 is one "
                "part of the way up.": lambda got: got[0] == 0,
                "The top comes one step late: it is at step `warmup`.": (
                    lambda got: [round(5 * x, 6) for x in got[:5]] == [1, 2, 3, 4, 5]
                ),
                "After the warm-up it stays at the top: let it fall.": (
                    [*RISE, *[1.0] * 6]
                ),
                "It reaches 0 in the last step, which then learns nothing: one step "
                "later.": [*RISE, *((10 - step) / 6 for step in range(5, 11))],
                "It never rises: where is the warm-up?": (
                    lambda got: all(a > b for a, b in pairwise(got))
                ),
                "It falls from step 1 on, not from the top.": (
                    [*RISE, *((11 - step) / 10 for step in range(5, 11))]
                ),
                "It falls in a curve: a straight line is asked for.": is_a_curve,
                "It rises in a curve: a straight line is asked for.": (
                    lambda got: (
                        [
                            round(x - y, 6)
                            for x, y in zip(got[3:], [1, *FALL], strict=True)
                        ]
                        == [0] * 7
                    )
                ),
            },
        ),
        Case(
            "another peak",
            lambda rate: rates(rate, 4, peak=0.004),
            expected=[*RISE, *FALL],
            wrong={
                "The peak is `peak`, not always 1.": [250 * x for x in [*RISE, *FALL]],
                "The peak is `peak` on the way down too.": (
                    [*RISE, *(250 * x for x in FALL)]
                ),
            },
        ),
        Case(
            "a peak above 1",
            lambda rate: rates(rate, 4, peak=5.0),
            expected=[*RISE, *FALL],
            wrong={"A rate may be larger than 1.": lambda got: max(got) == 0.2},
        ),
        Case(
            "without warm-up",
            lambda rate: rates(rate, 0),
            expected=[(11 - step) / 10 for step in range(1, 11)],
            wrong={
                "Without warm-up there is no part of it to divide by: step 1 is at "
                "the top.": ZeroDivisionError,
                "The top lies before step 1, where no step is: step 1 is at the top.": (
                    [(11 - step) / 11 for step in range(1, 11)]
                ),
                "Without warm-up it falls too.": [1.0] * 10,
            },
        ),
        Case(
            "one step of warm-up",
            lambda rate: rates(rate, 1, total=5),
            expected=[1.0, 0.8, 0.6, 0.4, 0.2],
            wrong={
                "A warm-up of one step is at the top at step 1.": lambda got: got[0] < 1
            },
        ),
        Case(
            "warm-up to the last step",
            lambda rate: rates(rate, 4, total=4),
            expected=RISE,
            wrong={
                "Between steps `warmup` and `total` + 1 lies one step, not none.": (
                    ZeroDivisionError
                ),
                "It rises to the end: the last step is at the top.": [1.0] * 4,
            },
        ),
        Case(
            "one step in all, without warm-up",
            lambda rate: rates(rate, 0, total=1),
            expected=[1.0],
        ),
        Case(
            "one step in all, and it is warm-up",
            lambda rate: rates(rate, 1, total=1),
            expected=[1.0],
        ),
    ],
    "freeze": [
        Case(
            "the upper two of three layers",
            lambda freeze: learning(freeze, 2),
            expected=[RIGHT, 15],
            wrong={
                "Nothing is frozen: set `requires_grad` of the parameters, for that of a "
                "module does nothing.": [flags(1, 1, 1, 1, 1, 1), 31],
                "The count is right, but all parameters of `model` itself still learn.": (
                    [flags(1, 1, 1, 1, 1, 1), 15]
                ),
                "The lower layers learn: the uppermost are the last.": (
                    learns((0, 1, 1, 0, 0, 1))
                ),
                "The embeddings still learn: they lie below the layers.": (
                    learns((1, 0, 1, 1, 0, 1), (1, 0, 1, 1, 1, 1))
                ),
                "Another module still learns, here `pooler`: only the uppermost layers "
                "and the head do.": learns((0, 0, 1, 1, 1, 1)),
                "The head is frozen: nothing can be learnt without it.": (
                    learns((0, 0, 1, 1, 0, 0))
                ),
                "What should learn is frozen, and the other way round.": (
                    learns((1, 1, 0, 0, 1, 0))
                ),
                "All is frozen: let the uppermost layers and the head learn.": (
                    learns((0, 0, 0, 0, 0, 0))
                ),
                "No layer learns: count from the last of `model.layers`.": (
                    learns((0, 0, 0, 0, 0, 1))
                ),
                "One layer too few learns.": learns((0, 0, 0, 1, 0, 1)),
                "One layer too many learns.": learns((0, 1, 1, 1, 0, 1)),
                "Biases are parameters too: they still learn.": lambda got: (
                    got[0] == [[0], [0, 1], [1, 1], [1, 1], [0], [1, 1]]
                ),
                "Biases are parameters too: switch them on.": lambda got: (
                    got[0] == [[0], [0, 0], [1, 0], [1, 0], [0], [1, 0]]
                ),
                "Tensors were counted: how many numbers are in them?": [RIGHT, 6],
                "All numbers were counted: only those that learn.": [RIGHT, 31],
                "The frozen numbers were counted.": [RIGHT, 16],
                "The head's numbers learn too: count them.": [RIGHT, 12],
                "It is a float: a number of numbers is an `int`.": [RIGHT, 15.0],
                "`return` is missing.": lambda got: got[0] == RIGHT and got[1] is None,
            },
        ),
        Case(
            "no layer",
            lambda freeze: learning(freeze, 0),
            expected=[flags(0, 0, 0, 0, 0, 1), 3],
            wrong={
                "`layers[-0:]` is the whole list: with 0 no layer learns.": (
                    learns((0, 1, 1, 1, 0, 1))
                ),
                "With 0 the head still learns.": learns((0, 0, 0, 0, 0, 0)),
                "Two layers learn, whatever `top` says.": learns((0, 0, 1, 1, 0, 1)),
            },
        ),
        Case(
            "all layers of a model that was frozen before",
            lambda freeze: learning(freeze, 3, before=False),
            expected=[flags(0, 1, 1, 1, 0, 1), 21],
            wrong={
                "What was frozen before stays frozen: switch it on.": learns(
                    (0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 1), (0, 1, 1, 1, 0, 0)
                ),
                "Biases are parameters too: switch them on.": lambda got: (
                    got[0] == [[0], *[[1, 0]] * 3, [0], [1, 0]]
                ),
            },
        ),
        Case(
            "the upper one of five layers",
            lambda freeze: learning(freeze, 1, layers=5),
            expected=[flags(0, 0, 0, 0, 0, 1, 0, 1), 9],
            wrong={
                "There are not always three layers: ask `len(model.layers)`.": (
                    learns((0, 0, 0, 1, 0, 0, 0, 1), (0, 0, 0, 1, 1, 1, 0, 1))
                ),
                "Two layers learn, whatever `top` says.": (
                    learns((0, 0, 0, 0, 1, 1, 0, 1))
                ),
            },
        ),
    ],
    "accumulate": [
        Case(
            "five examples in one part",
            lambda accumulate: in_parts(accumulate, 5),
            expected=weighed(FAIR),
            wrong={
                "It is the sum of the losses: the mean of the labels that count.": (
                    weighed([1, 1, 0, 1, 1])
                ),
                "The label −100 counts in the mean.": weighed([1 / 5] * 5),
                "There is no gradient: call `backward`.": lambda got: got[1] is None,
                "The loss is the mean, but the gradient that of the sum.": (
                    weighed(FAIR, [1, 1, 0, 1, 1])
                ),
                "There is a gradient, but all of it is 0: it was cleared afterwards.": (
                    lambda got: not got[1].any() and not got[2].any()
                ),
            },
        ),
        Case(
            "in parts of two",
            lambda accumulate: in_parts(accumulate, 2),
            expected=weighed(FAIR),
            wrong={
                "It is the mean of the parts' means: parts with fewer labels then "
                "weigh too much.": weighed([1 / 6, 1 / 6, 0, 1 / 3, 1 / 3]),
                "It is the sum of the parts' means: it grows with the parts.": (
                    weighed([1 / 2, 1 / 2, 0, 1, 1])
                ),
                "A part weighs by its examples: by its labels that count.": (
                    weighed([1 / 5, 1 / 5, 0, 2 / 5, 1 / 5])
                ),
                "Only the last part's gradient is left: clear once, before the first.": (
                    weighed(FAIR, [0, 0, 0, 0, 1 / 4])
                ),
                "Only one part's loss is returned: it is the last's.": (
                    weighed([0, 0, 0, 0, 1 / 4], FAIR)
                ),
                "Only one part's loss is returned: it is the first's.": (
                    weighed([1 / 4, 1 / 4, 0, 0, 0], FAIR)
                ),
                "The last part is missing: it may be smaller.": (
                    weighed([1 / 4, 1 / 4, 0, 1 / 4, 0])
                ),
            },
        ),
        Case(
            "a part whose labels are all −100",
            lambda accumulate: in_parts(accumulate, 2, classes=LAST_ONLY),
            expected=weighed([0, 0, 1 / 3, 1 / 3, 1 / 3], classes=LAST_ONLY),
            wrong={
                "The mean of no label is 0/0, NaN, also times 0: take the sum of a "
                "part, or leave that part out.": lambda got: bool(
                    torch.as_tensor(got[0]).isnan() or got[1].isnan().any()
                ),
            },
        ),
        Case(
            "parts of one",
            lambda accumulate: in_parts(accumulate, 1),
            expected=weighed(FAIR),
        ),
        Case(
            "room for more examples than there are",
            lambda accumulate: in_parts(accumulate, 8),
            expected=weighed(FAIR),
            wrong={
                "No part was run: it may be smaller.": (
                    lambda got: not got[0] and got[1] is None
                ),
            },
        ),
        Case(
            "with a gradient from before",
            lambda accumulate: in_parts(accumulate, 2, before=True),
            expected=weighed(FAIR),
            wrong={
                "The gradient from before counts: clear it first.": (
                    weighed(FAIR, before=True)
                ),
                "The gradient from before counts: the bias has one too.": lambda got: (
                    torch.allclose(got[1], weighed(FAIR)[1], atol=1e-4)
                    and torch.allclose(got[2], weighed(FAIR, before=True)[2], atol=1e-4)
                ),
            },
        ),
        Case(
            "what runs, and what is in memory at a time",
            memory,
            expected={"runs of each": [1] * 5, "largest part": 2, "in memory": 2},
            wrong={
                "The whole batch ran in one go: at most `part_size` examples at a time "
                "do.": {"runs of each": [1] * 5, "largest part": 5, "in memory": 5},
                "All parts are in memory at a time: each part's `backward` comes before "
                "the next part runs.": (
                    {"runs of each": [1] * 5, "largest part": 2, "in memory": 5}
                ),
                "A part is larger than `part_size`.": (
                    lambda got: 2 < got["largest part"] < 5
                ),
                "An example ran more than once.": lambda got: (
                    max(got["runs of each"]) > 1
                ),
            },
        ),
        Case(
            "the kind of the loss, and whether the parameters stay",
            kinds,
            expected=["a number", True],
            wrong={
                "The loss is a tensor: a `float` is asked for, as `item` gives it.": (
                    ["a tensor", True]
                ),
                "The parameters have changed: a step of the optimizer is not asked for.": (
                    lambda got: not got[1]
                ),
            },
        ),
    ],
    "best_span": [
        Case(
            "nine tokens, a context of four",
            lambda best: span(best, 4, START, END, CONTEXT),
            expected=[4, 5],
            wrong={
                "These are floats: the number of a token is an `int`.": [4.0, 5.0],
                "Start and end are swapped.": [5, 4],
                "The end is not in it: both are inclusive.": [4, 6],
                "This counts from the context's first token, not from the text's.": (
                    [2, 3]
                ),
                "The end lies before the start.": [4, 2],
                "The ends were chosen one after the other, the last first: it is their "
                "sum that counts.": [2, 2],
                "There is an answer, and its score is higher than that of position 0.": (
                    [0, 0]
                ),
                "A token outside the context was chosen: both ends lie in it.": (
                    lambda got: not (CONTEXT[got[0]] and CONTEXT[got[1]])
                ),
            },
        ),
        Case(
            "at most two tokens",
            lambda best: span(best, 2, [0, 6, 0, 4, 1.0], [-9, 0, 1, 3, 4.0]),
            expected=[3, 4],
            wrong={
                "The text ends before `longest` tokens do.": IndexError,
                "The span is too long: it has four tokens.": [1, 4],
                "The span is too long, by one token.": [1, 3],
                "Two tokens are allowed, also the last two.": [3, 3],
                "The ends were chosen one after the other: it is their sum that "
                "counts.": [1, 2],
            },
        ),
        Case(
            "a span of one token",
            lambda best: span(best, 3, [0, 5, 1, 1.0], [-9, 6, 1, 0.0]),
            expected=[1, 1],
            wrong={
                "One token is a span too.": [1, 2],
                "The first token of the context counts.": [2, 2],
            },
        ),
        Case(
            "at most one token",
            lambda best: span(best, 1, [0, 5, 1, 3.0], [-9, 0, 6, 3.0]),
            expected=[2, 2],
            wrong={"The span is too long, by one token.": [1, 2]},
        ),
        Case(
            "an answer at the end, and room for more",
            lambda best: span(best, 9, [0, 5, 1, 1.0], [-9, 0, 1, 6.0]),
            expected=[1, 3],
            wrong={
                "The text ends before `longest` tokens do.": IndexError,
                "The last token of the text counts.": [1, 2],
            },
        ),
        Case(
            "scores far below 0",
            lambda best: span(
                best, 3, [-2e6, -5e5, -5.1e5], [-2e6, -5.2e5, -5e5], [False, True, True]
            ),
            expected=[1, 2],
            wrong={
                "A score below 0 is a score too: begin with −∞, and mask with −∞.": (
                    lambda got: got[0] == 0 or got[1] < got[0]
                ),
            },
        ),
        Case(
            "no context",
            lambda best: span(best, 2, [-9, 1, 2.0], [-9, 1, 2.0], [False] * 3),
            expected=[0, 0],
            wrong={
                "Where no span is allowed, there is no answer: (0, 0).": (
                    lambda got: len(got) == 2 and got != [0, 0]
                ),
                "Where no span is allowed, there is nothing to take the largest of: "
                "that is (0, 0).": ValueError,
            },
        ),
        Case(
            "a high score for no answer",
            lambda best: span(best, 2, [7, 1, 2.0], [7, 1, 2.0]),
            expected=[0, 0],
            wrong={
                '"No answer" had the higher score: compare with position 0.': [2, 2],
            },
        ),
        Case(
            "no answer, by the score of its end",
            lambda best: span(best, 2, [-3, 1, 2.0], [8, 1, 2.0]),
            expected=[0, 0],
            wrong={
                "start[0] + end[0] is 5, more than the best span's 4.": [2, 2],
            },
        ),
        Case(
            "an answer, in spite of the start of none",
            lambda best: span(best, 2, [8, 1, 2.0], [-5, 1, 2.0]),
            expected=[2, 2],
            wrong={
                "start[0] + end[0] is 3, less than the best span's 4.": [0, 0],
                "A token outside the context was chosen: both ends lie in it.": (
                    lambda got: got in ([0, 1], [0, 2])
                ),
            },
        ),
        Case(
            "an answer, in spite of the end of none",
            lambda best: span(best, 2, [-5, 1, 2.0], [8, 1, 2.0]),
            expected=[2, 2],
            wrong={
                "start[0] + end[0] is 3, less than the best span's 4.": [0, 0],
            },
        ),
        Case(
            "as likely as no answer",
            lambda best: span(best, 2, [3, 1, 2.0], [1, 1, 2.0]),
            expected=[2, 2],
            wrong={
                "Only a larger score means that there is no answer: this one is as "
                "large.": [0, 0],
            },
        ),
        Case(
            "`start` and `end` afterwards",
            untouched,
            expected=[torch.tensor(START), torch.tensor(END)],
            wrong={
                "The scores that were given have changed: write into a copy.": (
                    lambda got: (
                        not torch.equal(got[0], torch.tensor(START))
                        or not torch.equal(got[1], torch.tensor(END))
                    )
                ),
            },
        ),
    ],
}

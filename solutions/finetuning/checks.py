"""What a learner may run on the fine-tuning set: few points, and each teaches."""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from labkit.checks import Case, calls

LENGTHS = [5, 9, 5, 2, 9]

STATES = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]] * 2)
SEEN = torch.tensor([[1, 1, 0], [1, 1, 1]])
MEANS = torch.tensor([[2.0, 4.0], [13 / 3, 17 / 3]])
BROKEN = STATES.clone()
BROKEN[0, 2] = math.nan

LOGITS = torch.tensor(
    [[[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]], [[0.0, 4.0], [1.0, 0.0], [0.0, 0.0]]]
)
LABELS = torch.tensor([[0, 0, -100], [0, -100, -100]])
OWN = [float(-LOGITS[i, j].log_softmax(-1)[0]) for i, j in ((0, 0), (0, 1), (1, 0))]
UNDUE = torch.full((1, 3), -100)


def rates(learning_rate: object, warmup: int) -> list[float]:
    return [learning_rate(step, 10, warmup, 1.0) for step in range(1, 11)]


FALL = [(11 - step) / 7 for step in range(5, 11)]


class Toy(nn.Module):
    """Parameters: 6 in the embeddings, 4 in each of three layers, 2 in the head."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(3, 2)
        self.layers = nn.ModuleList(nn.Linear(2, 2, bias=False) for _ in range(3))
        self.head = nn.Linear(2, 1, bias=False)


def learning(freeze: object, top: int, frozen: bool = False) -> list[object]:
    model = Toy().requires_grad_(not frozen)
    count = freeze(model, top)
    parts = [model.embeddings, *model.layers, model.head]
    return [[int(next(p.parameters()).requires_grad) for p in parts], count]


torch.manual_seed(0)
INPUTS, CLASSES = torch.randn(5, 3), torch.tensor([0, 1, -100, 1, 0])
MODEL = nn.Linear(3, 2)


def whole(
    reduction: str = "mean", classes: torch.Tensor = CLASSES
) -> tuple[float, torch.Tensor]:
    model = nn.Linear(3, 2)
    model.load_state_dict(MODEL.state_dict())
    found = F.cross_entropy(model(INPUTS), classes, reduction=reduction)
    found.backward()
    return [found.item(), model.weight.grad]


def in_parts(accumulate: object, size: int, before: bool = False) -> list[object]:
    model = nn.Linear(3, 2)
    model.load_state_dict(MODEL.state_dict())
    if before:
        model(INPUTS).sum().backward()
    loss = accumulate(model, INPUTS, CLASSES, size)
    return [loss, model.weight.grad]


MEAN_OF_PARTS = torch.stack(
    [
        F.cross_entropy(MODEL(INPUTS[i : i + 2]), CLASSES[i : i + 2]).detach()
        for i in (0, 2, 4)
    ]
)


def loss_is(value: float) -> object:
    return lambda got: abs(float(got[0]) - value) < 1e-4


START = torch.tensor([0.0, 1.0, 5.0, 0.0, 4.0, 0.0])
END = torch.tensor([0.0, 6.0, 0.0, 3.0, 2.0, 5.0])
CONTEXT = torch.tensor([False, False, True, True, True, True])


def called(loss: object) -> list[str]:
    names = calls(lambda: loss(LOGITS, LABELS))
    return sorted(n for n in names if "cross_entropy" in n or "nll_loss" in n)


CHECKS = {
    "batches_by_length": [
        Case(
            "five texts, two in a batch",
            lambda batches: batches(LENGTHS, 2),
            expected=[[1, 4], [0, 2], [3]],
            wrong={
                "The shortest come first: the longest are to.": [[3, 0], [2, 1], [4]],
                "Texts of the same length have changed their order.": (
                    lambda got: [sorted(b) for b in got] == [[1, 4], [0, 2], [3]]
                ),
                "These are lengths: the numbers of the texts are asked for.": (
                    [[9, 9], [5, 5], [2]]
                ),
                "The texts are not sorted.": [[0, 1], [2, 3], [4]],
                "The last batch is missing: it may be shorter.": [[1, 4], [0, 2]],
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
    ],
    "mean_pool": [
        Case(
            "two texts, one with padding",
            lambda pool: pool(STATES, SEEN),
            expected=MEANS,
            wrong={
                "Padding counts as a token.": STATES.mean(1),
                "Padding is not in the sum, but in the number that you divide by.": (
                    torch.stack([MEANS[0] * 2 / 3, MEANS[1]])
                ),
                "It is the first token: the mean is asked for.": STATES[:, 0],
                "It is the largest of each number: the mean is asked for.": (
                    lambda got: (
                        got.shape == (2, 2)
                        and bool((got[1] == STATES[1].amax(0)).all())
                    )
                ),
                "It is the sum: divide by the number of tokens.": torch.stack(
                    [MEANS[0] * 2, MEANS[1] * 3]
                ),
                "It is the mean over the batch: over the tokens.": (
                    lambda got: got.shape == (3, 2)
                ),
            },
        ),
        Case(
            "NaN at padding",
            lambda pool: pool(BROKEN, SEEN),
            expected=MEANS,
            wrong={
                "NaN · 0 is NaN: fill, do not multiply.": lambda got: bool(
                    got.isnan().any()
                )
            },
        ),
    ],
    "token_loss": [
        Case(
            "the functions that it calls",
            called,
            expected=[],
            wrong={"PyTorch's own loss was called: write it out.": bool},
        ),
        Case(
            "three labels in two texts",
            lambda loss: loss(LOGITS, LABELS),
            expected=torch.tensor(sum(OWN) / 3),
            wrong={
                "Tokens that are not due count in the mean.": torch.tensor(
                    sum(OWN) / 6
                ),
                "It is the sum of the losses.": torch.tensor(sum(OWN)),
                "It is the mean of the texts' means: each token counts alike.": (
                    torch.tensor((sum(OWN[:2]) / 2 + OWN[2]) / 2)
                ),
                "The sign is wrong: a loss is −ln p.": torch.tensor(-sum(OWN) / 3),
                "−100 is no index: it is not a class.": RuntimeError,
                "−100 is no index, and counts from the end.": IndexError,
                "−100 was taken for class 0, and counted.": (
                    lambda got: (
                        float(got) > 0
                        and abs(
                            float(got) - float(-LOGITS.log_softmax(-1)[..., 0].mean())
                        )
                        < 1e-4
                    )
                ),
            },
        ),
        Case(
            "no label at all",
            lambda loss: loss(LOGITS[:1], UNDUE),
            expected=torch.tensor(0.0),
            wrong={
                "0/0 is NaN: without a label the loss is 0.": lambda got: bool(
                    torch.as_tensor(got).isnan()
                ),
            },
        ),
    ],
    "learning_rate": [
        Case(
            "ten steps, four of warm-up",
            lambda rate: rates(rate, 4),
            expected=[0.25, 0.5, 0.75, 1.0, *FALL[:6]],
            wrong={
                "It begins at 0, so the first step learns nothing: step 1 is one "
                "part of the way up.": lambda got: got[0] == 0,
                "After the warm-up it stays at the top: let it fall.": (
                    lambda got: got[3] == got[-1] == 1
                ),
                "It reaches 0 in the last step, which then learns nothing: one step "
                "later.": lambda got: abs(got[-1]) < 1e-9,
                "It never rises: where is the warm-up?": lambda got: got[0] > got[1],
                "It falls from step 1 on, not from the top.": (
                    lambda got: abs(got[4] - 0.6) < 1e-6
                ),
                "It falls in a curve: a straight line is asked for.": (
                    lambda got: abs((got[5] - got[6]) - (got[8] - got[9])) > 1e-6
                ),
            },
        ),
        Case(
            "without warm-up",
            lambda rate: rates(rate, 0),
            expected=[(11 - step) / 10 for step in range(1, 11)],
            wrong={
                "Without warm-up there is no part of it to divide by: step 1 is at "
                "the top.": ZeroDivisionError,
                "Step 1 is at the top, and falls already at step 2.": (
                    lambda got: got[0] != 1
                ),
            },
        ),
    ],
    "freeze": [
        Case(
            "the upper two of three layers",
            lambda freeze: learning(freeze, 2),
            expected=[[0, 0, 1, 1, 1], 10],
            wrong={
                "The lower layers learn: the uppermost are the last.": (
                    lambda got: got[0] == [0, 1, 1, 0, 1]
                ),
                "The embeddings still learn: they lie below the layers.": (
                    lambda got: got[0] == [1, 0, 1, 1, 1]
                ),
                "The head is frozen: nothing can be learnt without it.": (
                    lambda got: got[0] == [0, 0, 1, 1, 0]
                ),
                "What should learn is frozen, and the other way round.": (
                    lambda got: got[0] == [1, 1, 0, 0, 0]
                ),
                "Tensors were counted: how many numbers are in them?": (
                    lambda got: got[1] == 3
                ),
                "All numbers were counted: only those that learn.": (
                    lambda got: got[1] == 20
                ),
                "The frozen numbers were counted.": lambda got: (
                    got
                    == [
                        [0, 0, 1, 1, 1],
                        10,
                    ]
                ),
            },
        ),
        Case(
            "no layer",
            lambda freeze: learning(freeze, 0),
            expected=[[0, 0, 0, 0, 1], 2],
            wrong={
                "`layers[-0:]` is the whole list: with 0 no layer learns.": (
                    lambda got: got[0] == [0, 1, 1, 1, 1]
                ),
            },
        ),
        Case(
            "a model that was frozen before",
            lambda freeze: learning(freeze, 3, frozen=True),
            expected=[[0, 1, 1, 1, 1], 14],
            wrong={
                "What was frozen before stays frozen: switch it on.": (
                    lambda got: got[1] < 14
                ),
            },
        ),
    ],
    "accumulate": [
        Case(
            "five examples in one part",
            lambda accumulate: in_parts(accumulate, 5),
            expected=whole(),
            wrong={
                "It is the sum of the losses: the mean of the labels that count.": (
                    whole("sum")
                ),
                "The label −100 counts in the mean.": (
                    lambda got: loss_is(whole("sum")[0] / 5)(got)
                ),
                "There is no gradient: call `backward`.": lambda got: got[1] is None,
            },
        ),
        Case(
            "in parts of two",
            lambda accumulate: in_parts(accumulate, 2),
            expected=whole(),
            wrong={
                "It is the mean of the parts' means: parts with fewer labels then "
                "weigh too much.": loss_is(float(MEAN_OF_PARTS.mean())),
                "It is the sum of the parts' means: it grows with the parts.": loss_is(
                    float(MEAN_OF_PARTS.sum())
                ),
                "Only the last part's gradient is left: clear once, before the "
                "first.": lambda got: loss_is(whole()[0])(got),
                "Only one part's loss is returned.": lambda got: True,
            },
        ),
        Case(
            "with a gradient from before",
            lambda accumulate: in_parts(accumulate, 2, before=True),
            expected=whole(),
            wrong={
                "The gradient from before counts: clear it first.": lambda got: loss_is(
                    whole()[0]
                )(got),
            },
        ),
    ],
    "best_span": [
        Case(
            "six tokens, a context of four",
            lambda span: list(span(START, END, CONTEXT, 6)),
            expected=[2, 5],
            wrong={
                "A token before the context was chosen: both ends lie in it.": (
                    lambda got: got[0] == 1 or got[1] == 1
                ),
                "The end lies before the start.": lambda got: got[1] < got[0],
                "The end is not in it: both are inclusive.": [2, 6],
                "Start and end are swapped.": [5, 2],
            },
        ),
        Case(
            "the same, at most two tokens",
            lambda span: list(span(START, END, CONTEXT, 2)),
            expected=[4, 5],
            wrong={
                "The span is too long.": lambda got: got[1] - got[0] > 1,
                "Two tokens are allowed, also the span from the fifth to the last.": (
                    lambda got: got[0] == got[1]
                ),
                "The ends were chosen one after the other: it is their sum that "
                "counts.": [2, 3],
            },
        ),
        Case(
            "an answer that is less likely than none",
            lambda span: list(span(START + 9 * (START == 0), END, CONTEXT * False, 2)),
            expected=[0, 0],
            wrong={
                "Where no span is allowed, there is no answer: (0, 0).": lambda got: (
                    True
                ),
            },
        ),
        Case(
            "a high score for no answer",
            lambda span: list(
                span(
                    torch.tensor([7.0, 1, 2]),
                    torch.tensor([7.0, 1, 2]),
                    torch.tensor([False, True, True]),
                    2,
                )
            ),
            expected=[0, 0],
            wrong={
                '"No answer" had the higher score: compare with position 0.': [2, 2],
            },
        ),
    ],
}

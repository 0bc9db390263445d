"""What only the grader runs on the fine-tuning set."""

import torch
import torch.nn.functional as F  # noqa: N812
from numpy.random import Generator

from labkit import training
from labkit.grading import ByHand, Check, Exercise, normal


def lengths_and_size(random: Generator) -> tuple:
    count = int(random.integers(20, 40))
    return random.integers(3, 12, size=count).tolist(), int(random.integers(3, 8))


def by_insertion(lengths, batch_size):
    left = [*enumerate(lengths)]
    batches = []
    while left:
        batch = []
        while left and len(batch) < batch_size:
            longest = max(left, key=lambda pair: (pair[1], -pair[0]))
            left.remove(longest)
            batch.append(longest[0])
        batches.append(batch)
    return batches


def states(random: Generator, padding: float = 3.0) -> tuple:
    batch, length, size = random.permutation(range(3, 9))[:3].tolist()
    ends = random.integers(1, length, size=batch)
    seen = torch.arange(length) < torch.from_numpy(ends)[:, None]
    values = normal(random, batch, length, size) + 1
    return values.masked_fill(~seen[..., None], padding), seen.long()


def states_with_nan(random: Generator) -> tuple:
    return states(random, padding=float("nan"))


def a_text_without_tokens(random: Generator) -> tuple:
    hidden_states, seen = states(random)
    seen[int(random.integers(len(seen)))] = 0
    return hidden_states, seen


def pooled(hidden_states, attention_mask):
    rows = []
    for row, seen in zip(hidden_states, attention_mask.bool(), strict=True):
        kept = row[seen]
        rows.append(kept.mean(0) if len(kept) else torch.zeros(row.size(-1)))
    return torch.stack(rows)


def logits_and_labels(random: Generator, scale: float = 2.0) -> tuple:
    batch, length, classes = random.permutation(range(3, 9))[:3].tolist()
    labels = torch.from_numpy(random.integers(0, classes, size=(batch, length)))
    hidden = torch.from_numpy(random.random((batch, length)) < 0.5)
    hidden[0, 0] = False
    return normal(random, batch, length, classes, scale=scale), labels.masked_fill(
        hidden, -100
    )


def large_logits(random: Generator) -> tuple:
    return logits_and_labels(random, scale=1_000.0)


def some_and_none(random: Generator) -> tuple:
    logits, labels = logits_and_labels(random)
    return logits, torch.full_like(labels, -100), labels


def run_by_hand(answer, logits, labels):
    from torch.overrides import TorchFunctionMode

    used = set()

    class Watch(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            name = getattr(function, "__name__", "")
            if "cross_ent" in name or "nll_" in name:
                used.add(name)
            return function(*args, **(kwargs or {}))

    given = logits.clone().requires_grad_()
    with Watch():
        loss = answer(given, labels)
    loss.backward()
    return [loss, given.grad, len(used)]


def run_none_due(answer, logits, undue, labels):
    given = logits.clone().requires_grad_()
    nothing = answer(given, undue)
    (nothing + answer(given, labels)).backward()
    return [nothing, given.grad]


def mean_loss(logits, labels):
    if (labels == -100).all():
        return logits.sum() * 0
    due = labels != -100
    log_p = logits[due] - logits[due].logsumexp(-1, keepdim=True)
    return -(log_p * F.one_hot(labels[due], logits.size(-1))).sum() / due.sum()


def steps(random: Generator) -> tuple:
    total = int(random.integers(20, 60))
    warmup = int(random.integers(3, total // 2))
    return total, warmup, float(random.uniform(1e-3, 1))


def steps_without_warmup(random: Generator) -> tuple:
    total, _, peak = steps(random)
    return total, 0, peak


def run_rates(answer, total, warmup, peak):
    return [answer(step, total, warmup, peak) / peak for step in range(1, total + 1)]


def rate(step, total, warmup, peak):
    return peak * training.schedule(step, total, warmup / total)


def model_and_top(random: Generator) -> tuple:
    layers = int(random.integers(3, 8))
    sizes = random.integers(3, 9, size=layers + 2).tolist()
    before = random.integers(0, 2, size=layers + 2).tolist()
    return sizes, int(random.integers(1, layers + 1)), before


def model_and_nothing(random: Generator) -> tuple:
    sizes, _, before = model_and_top(random)
    return sizes, 0, before


def run_frozen(answer, sizes, top, before):
    model = torch.nn.Module()
    model.embeddings = torch.nn.Embedding(sizes[0], 2)
    layers = [torch.nn.Linear(2, size) for size in sizes[1:-1]]
    model.layers = torch.nn.ModuleList(layers)
    model.head = torch.nn.Linear(sizes[-1], 2)
    parts = [model.embeddings, *layers, model.head]
    for part, learns in zip(parts, before, strict=True):
        part.requires_grad_(bool(learns))
    count = answer(model, top)
    return [
        count,
        [[int(p.requires_grad) for p in part.parameters()] for part in parts],
    ]


def thaw(model, top):
    learning = {"head"} | {
        f"layers.{i}" for i in range(len(model.layers)) if len(model.layers) - i <= top
    }
    count = 0
    for name, parameter in model.named_parameters():
        learns = name.rpartition(".")[0] in learning
        parameter.requires_grad = learns
        count += parameter.numel() * learns
    return count


def batch_and_size(random: Generator) -> tuple:
    examples, size, classes = int(random.integers(11, 20)), 4, 3
    labels = torch.from_numpy(random.integers(0, classes, size=examples))
    weights = normal(random, classes, size), normal(random, classes)
    part = int(random.integers(2, 6))
    return normal(random, examples, size), labels, part, *weights


def unevenly_ignored(random: Generator) -> tuple:
    inputs, labels, part, *weights = batch_and_size(random)
    hidden = torch.from_numpy(random.random(len(labels)) < 0.4)
    hidden[: part - 1], hidden[part] = True, False
    return inputs, labels.masked_fill(hidden, -100), part, *weights


def run_accumulated(answer, inputs, labels, part, weight, bias):
    model = torch.nn.Linear(*reversed(weight.shape))
    model.load_state_dict({"weight": weight, "bias": bias})
    loss = answer(model, inputs, labels, part)
    return [loss, model.weight.grad, model.bias.grad]


def run_after_another(answer, inputs, labels, part, weight, bias):
    sizes, counts, events = [], [], []
    labelled = inputs[labels != -100]  # a part without any may be passed over

    class Model(torch.nn.Linear):
        def forward(self, given):
            sizes.append(len(given))
            same = (given[:, None] == labelled).all(-1)  # (given, labelled)
            counts.append(int(same.any(-1).sum()))
            logits = super().forward(given)
            if logits.requires_grad:
                events.append("forward")
                logits.register_hook(lambda gradient: events.append("backward"))
            return logits

    model = Model(*reversed(weight.shape))
    model.load_state_dict({"weight": weight, "bias": bias})
    torch.nn.functional.linear(inputs, model.weight, model.bias).sum().backward()
    loss = answer(model, inputs, labels, part)
    pairs = [(events[i], events[i + 1]) for i in range(len(events) - 1)]
    in_a_row = pairs.count(("backward", "backward"))  # parts that were kept in memory
    gradient = [model.weight.grad, model.bias.grad]
    return [loss, gradient, max(part, *sizes), sum(counts), in_a_row]


def at_once(model, inputs, labels, part_size):
    for parameter in model.parameters():
        parameter.grad = None
    parts = zip(inputs.split(part_size), labels.split(part_size), strict=True)
    weights = (labels != -100).float() / (labels != -100).sum()
    total = 0.0
    for (some, their), weight in zip(parts, weights.split(part_size), strict=True):
        log_p = model(some).log_softmax(-1)
        own = log_p[torch.arange(len(their)), their.clamp(min=0)]
        loss = -(own * weight).sum()
        loss.backward()
        total += float(loss)
    return total


def scores(random: Generator, none: float = -20.0) -> tuple:
    length = int(random.integers(14, 24))
    start, end = normal(random, length, scale=3), normal(random, length, scale=3)
    start[0] = end[0] = none
    begins = int(random.integers(4, 7))
    context = torch.arange(length) >= begins
    context[-1] = False
    start[1:begins] += 6  # the question looks like an answer
    end[1:begins] += 6
    return start, end, context, int(random.integers(2, 6))


def short_spans(random: Generator) -> tuple:
    """In every other text the likeliest span is one token too long."""
    inputs = [scores(random) for _ in range(6)]
    for number, (start, end, context, longest) in enumerate(inputs):
        begins, length = int(context.nonzero()[0]), len(context)
        first = int(random.integers(begins, length - 1 - longest))
        start[first] += 8
        end[first + longest - 1 + number % 2] += 8
    return (inputs,)


def long_spans(random: Generator) -> tuple:
    start, end, context, _ = scores(random)
    return start, end, context, 30


def maybe_none(random: Generator) -> tuple:
    inputs = [scores(random) for _ in range(6)]
    for start, end, context, longest in inputs:
        first, last = search(start, end, context, longest)
        off = float(random.uniform(0.05, 0.5)) * int(random.choice([-1, 1]))
        start[0], end[0] = off, start[first] + end[last]
    inputs[0][2][:] = False
    start, end, context, longest = inputs[1]  # as good as no answer, to the last bit
    for scored in (start, end):
        scored.mul_(1024).round_().div_(1024)
    first, last = search(start.index_fill(0, torch.tensor(0), -99), end, *inputs[1][2:])
    start[0], end[0] = 0.0, start[first] + end[last]
    return (inputs,)


def run_all(answer, inputs):
    return [list(answer(*given)) for given in inputs]


def search(start, end, context, longest):
    best, where = float(start[0] + end[0]), (0, 0)
    places = [i for i, inside in enumerate(context.tolist()) if inside]
    found = [
        (float(start[i] + end[j]), (i, j))
        for i in places
        for j in places
        if i <= j < i + longest
    ]
    if found and max(found)[0] >= best:
        where = max(found)[1]
    return where


EXERCISES = [
    Exercise(
        "batches_by_length",
        by_insertion,
        [Check("texts of all lengths, many alike", 3, lengths_and_size, cases=10)],
    ),
    Exercise(
        "mean_pool",
        pooled,
        [
            Check("texts with padding", 1, states),
            Check("NaN at padding", 1, states_with_nan),
            Check("a text without tokens", 1, a_text_without_tokens),
        ],
    ),
    Exercise(
        "token_loss",
        mean_loss,
        [
            Check("labels here and there", 2, logits_and_labels, run_by_hand),
            Check("its gradient, for logits of 1,000", 1, large_logits, run_by_hand),
            Check("no label at all", 1, some_and_none, run_none_due),
        ],
    ),
    Exercise(
        "learning_rate",
        rate,
        [
            Check("with warm-up", 2, steps, run_rates),
            Check("without", 1, steps_without_warmup, run_rates),
        ],
    ),
    Exercise(
        "freeze",
        thaw,
        [
            Check("some layers", 3, model_and_top, run_frozen, cases=10),
            Check("no layer", 1, model_and_nothing, run_frozen),
        ],
    ),
    Exercise(
        "accumulate",
        at_once,
        [
            Check("parts of any size", 2, batch_and_size, run_accumulated),
            Check(
                "labels of −100, unevenly spread", 2, unevenly_ignored, run_accumulated
            ),
            Check(
                "a gradient from before, and no part too large",
                2,
                unevenly_ignored,
                run_after_another,
            ),
        ],
    ),
    Exercise(
        "best_span",
        search,
        [
            Check("short spans", 2, short_spans, run_all),
            Check("spans of any length", 2, long_spans, cases=5),
            Check("no answer, or barely one", 2, maybe_none, run_all),
        ],
    ),
    ByHand(
        "explain_baseline",
        3,
        "1 point: a score means something only beside what is easily had. 1 point: the "
        "same examples, else the difference measures the data too. 1 point: if it wins, "
        "look for a fault (learning rate, padding, labels), else take it.",
    ),
]

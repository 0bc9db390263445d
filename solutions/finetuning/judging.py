"""What only the grader runs on the fine-tuning set.

A draw gives a list of inputs, and a harness runs them all: each plants one rule of the
statement, so that who breaks it fails every time.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from numpy.random import Generator

from labkit.grading import ByHand, Check, Exercise, normal
from labkit.training import schedule


def many_alike(random: Generator) -> tuple:
    """A last batch that is full, one of a single text, and too many texts for luck."""
    size = int(random.integers(3, 8))
    inputs = []
    for count in (4 * size, 5 * size + 1, 40 * size):
        lengths = random.integers(0, 13, size=count)
        lengths[:4] = 12, 9, 2, 12  # as words, "9" is larger than "12"
        inputs.append((random.permutation(lengths).tolist(), size))
    return (inputs,)


def batches_at_limits(random: Generator) -> tuple:
    """One text a batch, one batch, room for more, and no text."""
    others = random.permutation([0, *random.integers(1, 9, size=5)]).tolist()
    lengths = [0, 9, *others]  # neither rises nor falls
    sizes = 1, len(lengths), len(lengths) + 3
    return ([*((lengths, size) for size in sizes), ([], 4)],)


def run_batches(answer, inputs):
    return [answer(lengths, size) for lengths, size in inputs]


def run_batches_and_look(answer, inputs):
    return [[answer(lengths, size), lengths] for lengths, size in inputs]


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
    """Four texts: padded on the right, on the left, in between, and not at all."""
    length, size = random.permutation(range(5, 9))[:2].tolist()
    seen = torch.ones(4, length, dtype=torch.long)
    seen[0, int(random.integers(1, 3)) :] = 0
    seen[1, : int(random.integers(1, 4))] = 0
    seen[2, 1 : int(random.integers(3, length))] = 0
    seen = seen[torch.from_numpy(random.permutation(4))]
    values = normal(random, 4, length, size) + 1
    return values.masked_fill(seen[..., None] == 0, padding), seen


def texts(random: Generator) -> tuple:
    hidden_states, seen = states(random)
    one_token = hidden_states[:, :1], torch.ones_like(seen[:, :1])
    one_number = hidden_states[..., :1], seen
    alone = [(hidden_states[i : i + 1], seen[i : i + 1]) for i in range(4)]
    return ([(hidden_states, seen), one_token, one_number, *alone],)


def anything_at_padding(random: Generator) -> tuple:
    return ([states(random, float(padding)) for padding in ("nan", "inf", "-inf")],)


def texts_without_tokens(random: Generator) -> tuple:
    """One of four, and one alone; what it holds is a number, or NaN."""
    inputs = []
    for padding in (3.0, float("nan")):
        hidden_states, seen = states(random, padding)
        empty = int(random.integers(4))
        seen[empty] = 0
        hidden_states[empty] = padding
        alone = slice(empty, empty + 1)
        inputs += [(hidden_states, seen), (hidden_states[alone], seen[alone])]
    return (inputs,)


def run_pooled(answer, inputs):
    return [answer(hidden_states, seen) for hidden_states, seen in inputs]


def run_pooled_and_look(answer, inputs):
    return [[answer(hidden, seen), hidden] for hidden, seen in inputs]


def pooled(hidden_states, attention_mask):
    rows = []
    for row, seen in zip(hidden_states, attention_mask.bool(), strict=True):
        kept = row[seen]
        rows.append(kept.mean(0) if len(kept) else torch.zeros(row.size(-1)))
    return torch.stack(rows)


def labelled(random: Generator, scale: float = 2.0) -> tuple:
    """Three texts: one with one label, a dear one; one with all; and one with none."""
    length, classes = random.permutation(range(4, 9))[:2].tolist()
    logits = normal(random, 3, length, classes, scale=scale)
    labels = torch.from_numpy(random.integers(0, classes, size=(3, length)))
    labels[1, 0], labels[1, -1] = 0, classes - 1
    kept = int(random.integers(length))
    for row, place, less in ((0, kept, 12), (1, 0, 4), (1, length - 1, 4)):
        own = labels[row, place]
        logits[row, place, own] = logits[row, place].min() - less
    labels[0, :kept] = labels[0, kept + 1 :] = labels[2] = -100
    order = torch.from_numpy(random.permutation(3))
    return logits[order], labels[order]


def logits_and_labels(random: Generator) -> tuple:
    """Also one text, one token, one class."""
    inputs = [labelled(random)]
    for batch, length, classes in ((1, 4, 3), (4, 1, 3), (2, 3, 1), (1, 1, 3)):
        labels = random.integers(0, classes, size=(batch, length))
        inputs.append((normal(random, batch, length, classes), torch.tensor(labels)))
    return (inputs,)


def large_logits(random: Generator) -> tuple:
    """Tokens whose logits are all near 1,000, all near −1,000, or both."""
    logits, labels = labelled(random)
    levels = torch.full(labels.shape, 1_000.0)
    levels[:, ::2] = -1_000
    logits += levels[..., None]
    full = int((labels != -100).sum(1).argmax())
    own = labels[full, 1]
    logits[full, 1] = 1_000
    logits[full, 1, own] = -1_000
    return ([(logits, labels)],)


def some_and_none(random: Generator) -> tuple:
    logits, labels = labelled(random)
    return logits, torch.full_like(labels, -100), labels


def run_losses_and_look(answer, inputs):
    return [run_losses(answer, inputs), [labels for _, labels in inputs]]


def run_losses(answer, inputs):
    found = []
    for logits, labels in inputs:
        given = logits.clone().requires_grad_()
        loss = answer(given, labels)
        loss.backward()
        found.append([loss, given.grad])
    return found


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


def plans(random: Generator, *lengths: tuple) -> tuple:
    """Steps in all and of warm-up, each with a peak of another size."""
    peaks = [random.uniform(1, 9) * 10.0 ** (-i) for i in range(len(lengths))]
    return ([(*ab, float(peak)) for ab, peak in zip(lengths, peaks, strict=True)],)


def steps(random: Generator) -> tuple:
    """Warm-up over some steps, all but one, all, one of many, and one of one."""
    total = int(random.integers(12, 20))
    some = int(random.integers(3, total // 2))
    short = int(random.integers(4, 9))
    limits = [(short, short - 1), (short, short), (short + 1, 1), (1, 1)]
    return plans(random, (total, some), *limits)


def steps_without_warmup(random: Generator) -> tuple:
    return plans(random, (int(random.integers(6, 20)), 0), (2, 0), (1, 0))


def run_rates(answer, plans):
    return [
        [answer(step, total, warmup, peak) / peak for step in range(1, total + 1)]
        for total, warmup, peak in plans
    ]


def rate(step, total, warmup, peak):
    return peak * schedule(step, total, warmup / total)


def toy(random: Generator, layers: int, top: int, *learning: int) -> tuple:
    """A model's sizes, how many layers are to learn, and what learns before."""
    sizes = random.integers(3, 9, size=layers + 3).tolist()
    before = random.choice(learning, size=layers + 3).tolist()
    return sizes, top, before


def models_and_top(random: Generator) -> tuple:
    """Some of the layers, all, and the only one."""
    layers = int(random.integers(3, 6))
    models = [
        toy(random, layers, int(random.integers(1, layers)), 0),
        toy(random, layers + 1, layers - 1, 1),
        toy(random, layers + 2, 1, 0, 1),
        toy(random, layers, layers, 0),
        toy(random, 1, 1, 0),
    ]
    return (models,)


def models_and_nothing(random: Generator) -> tuple:
    layers = int(random.integers(2, 6))
    before = [(0,), (1,), (0, 1)]
    return ([toy(random, layers + i, 0, *kinds) for i, kinds in enumerate(before)],)


def run_frozen(answer, models):
    found = []
    for (first, *inside, pooled, last), top, before in models:
        nn, model = torch.nn, torch.nn.Module()
        model.embeddings = nn.Embedding(first, 2)
        layers = [nn.Sequential(nn.Linear(2, n), nn.Linear(n, 2)) for n in inside]
        model.layers = nn.ModuleList(layers)
        model.pooler = nn.Linear(2, pooled)
        model.head = nn.Linear(pooled, last)
        parts = [model.embeddings, *layers, model.pooler, model.head]
        for part, learns in zip(parts, before, strict=True):
            part.requires_grad_(bool(learns))
        count = answer(model, top)
        flags = [[int(p.requires_grad) for p in part.parameters()] for part in parts]
        found.append([count, flags])
    return found


def thaw(model, top):
    lowest = len(model.layers) - top
    count = 0
    for name, parameter in model.named_parameters():
        first, second, *_ = name.split(".")
        in_layers = first == "layers" and int(second) >= lowest
        parameter.requires_grad = learns = in_layers or first == "head"
        count += parameter.numel() * learns
    return count


def batch(random: Generator, examples: int) -> tuple:
    size, classes = 4, 3
    labels = torch.from_numpy(random.integers(0, classes, size=examples))
    weights = normal(random, classes, size), normal(random, classes)
    return normal(random, examples, size), labels, *weights


def parts_of_any_size(random: Generator) -> tuple:
    """Parts that fit, one example left over, one at a time, all, and room for more."""
    part = int(random.integers(3, 6))
    few = int(random.integers(3, 6))
    sizes = [(3 * part, part), (2 * part + 1, part), (few, 1), (few, few)]
    sizes += [(few, few + 2), (1, 1)]
    return ([(*batch(random, examples), part) for examples, part in sizes],)


def some_ignored(random: Generator) -> tuple:
    """Of the first part one label counts, of the second none, of the third all."""
    inputs = []
    for left_over in (0, 1):
        part = int(random.integers(3, 6))
        examples, labels, *weights = batch(random, 3 * part + left_over)
        labels[1 : 2 * part] = -100
        inputs.append((examples, labels, *weights, part))
    return (inputs,)


def run_accumulated(answer, inputs):
    found = []
    for examples, labels, weight, bias, part in inputs:
        model = torch.nn.Linear(*reversed(weight.shape))
        model.load_state_dict({"weight": weight, "bias": bias})
        loss = answer(model, examples, labels, part)
        found.append([loss, model.weight.grad, model.bias.grad])
    return found


def run_and_look(answer, inputs):
    found = []
    for examples, labels, weight, bias, part in inputs:
        model = torch.nn.Linear(*reversed(weight.shape))
        model.load_state_dict({"weight": weight, "bias": bias})
        loss = answer(model, examples, labels, part)
        found.append([loss, isinstance(loss, torch.Tensor), model.weight, model.bias])
    return found


def unevenly_ignored(random: Generator) -> tuple:
    """In the first two parts one label counts; more parts than a part has examples."""
    part = int(random.integers(3, 5))
    inputs, labels, *weights = batch(random, part * part + 2)
    labels[1:part] = labels[part + 1 : 2 * part] = -100
    return inputs, labels, part, *weights


class Top(torch.nn.Module):
    """The last layer, which stays with us: it sees each part go up and come down."""

    def __init__(self, weight, due):
        super().__init__()
        self.weight, self.due = weight, due  # due: the rows that have labels
        self.sizes, self.counts, self.events = [], [], []

    def forward(self, states):
        self.sizes.append(len(states))
        same = torch.isclose(states[:, None], self.due, atol=1e-4).all(-1)
        self.counts.append(int(same.any(-1).sum()))
        logits = torch.tanh(states) @ self.weight
        if logits.requires_grad:
            self.events.append("forward")
            logits.register_hook(lambda gradient: self.events.append("backward"))
        return logits


def with_a_top(random: Generator) -> tuple:
    inputs, labels, part, weight, bias = unevenly_ignored(random)
    return inputs, labels, part, weight, bias, normal(random, len(bias), len(bias))


def run_after_another(answer, inputs, labels, part, weight, bias, top):
    below = torch.nn.Linear(*reversed(weight.shape))
    below.load_state_dict({"weight": weight, "bias": bias})
    below(inputs).sum().backward()  # a gradient from before
    above = Top(top, below(inputs[labels != -100]).detach())
    loss = answer(torch.nn.Sequential(below, above), inputs, labels, part)
    events = above.events
    pairs = [(events[i], events[i + 1]) for i in range(len(events) - 1)]
    in_a_row = pairs.count(("backward", "backward"))  # parts that were kept in memory
    gradient = [below.weight.grad, below.bias.grad]
    return [loss, gradient, max(part, *above.sizes), sum(above.counts), in_a_row]


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
        total += float(loss.detach())
    return total


def text(
    random: Generator,
    stretch: tuple[int, int, int],
    longest: int,
    starts: dict[int, int],
    ends: dict[int, int],
    level: float = 0.0,
) -> tuple:
    """Scores that no rounding decides: noise is 2 in a sum, and what is planted apart 4.

    Args:
        stretch: Tokens before the context, in it, and after it.
        starts, ends: From a place in the context to what is added to its score.
    """
    before, inside, after = stretch
    noise = random.integers(-16, 17, size=(2, 1 + before + inside + after)) / 16
    start, end = torch.from_numpy(noise).float()
    context = torch.zeros(len(start), dtype=torch.bool)
    context[1 + before : 1 + before + inside] = True
    for scored, planted in ((start, starts), (end, ends)):
        scored[~context] += 30  # the question looks like an answer
        for place, more in planted.items():
            scored[1 + before + place] += more
    start[0], end[0] = 45.0, -95.0  # together less than any span, apart not
    return start + level, end + level, context, longest


def one_too_long(random: Generator, more: int) -> tuple:
    """The likeliest span has `more` tokens than are allowed; another is alone."""
    longest, first = int(random.integers(2, 5)), int(random.integers(2, 5))
    last = first + longest - 1 + more
    stretch = int(random.integers(1, 5)), last + 3, int(random.integers(1, 5))
    starts, ends = {0: 9, first: 12}, {0: 9, last: 12}
    return text(random, stretch, longest, starts, ends)


def high_alone(random: Generator, longest: int, level: float = 0.0) -> tuple:
    """The highest end comes first, the highest start last; the best span lies between."""
    first = int(random.integers(2, 5))
    stretch = int(random.integers(0, 4)), first + 5, int(random.integers(0, 4))
    starts, ends = {first: 12, first + 4: 14}, {0: 14, first + 1: 12}
    return text(random, stretch, longest, starts, ends, level)


def to_the_edges(random: Generator, longest: int) -> tuple:
    """From the first token after [CLS] to the last of the text."""
    inside = int(random.integers(4, 9))
    return text(random, (0, inside, 0), longest, {0: 12}, {inside - 1: 12})


def short_spans(random: Generator) -> tuple:
    inputs = [one_too_long(random, more) for more in (0, 1, 1, 2)]
    inputs += [
        text(random, (2, 5, 1), 1, {2: 12, 4: 9}, {3: 12, 4: 9}),
        text(random, (1, 7, 0), 2, {5: 12, 0: 9}, {2: 12, 0: 9}),  # end before start
        high_alone(random, 2),
        text(random, (3, 1, 2), 2, {}, {}),
    ]
    return (inputs,)


def long_spans(random: Generator) -> tuple:
    inputs = [high_alone(random, 30), to_the_edges(random, 8), to_the_edges(random, 30)]
    inputs += [high_alone(random, 30, level) for level in (-40.0, -500_000.0)]
    return (inputs,)


def maybe_none(random: Generator) -> tuple:
    """No answer is a little likelier, or less, by its start or by its end; or as."""
    inputs = []
    for off in (-0.5, 0.0, 0.5):
        for shift in (-30, 30):
            start, end, context, longest = given = high_alone(random, 5)
            first, last = search(*given)
            best = start[first] + end[last]
            start[0], end[0] = best + shift + off, -shift
            inputs.append((start, end, context, longest))
    nowhere = text(random, (3, 0, 2), 3, {}, {})
    alone = text(random, (0, 0, 0), 3, {}, {})
    return ([*inputs, nowhere, alone],)


def run_spans(answer, inputs):
    return [list(answer(*given)) for given in inputs]


def run_spans_and_look(answer, inputs):
    return [[list(answer(*given)), *given[:2]] for given in inputs]


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
        [
            Check("texts of all lengths, many alike", 2, many_alike, run_batches),
            Check(
                "one text a batch, one batch, no text, and `lengths` afterwards",
                1,
                batches_at_limits,
                run_batches_and_look,
            ),
        ],
    ),
    Exercise(
        "mean_pool",
        pooled,
        [
            Check(
                "padding anywhere, sizes of 1, and the input afterwards",
                1,
                texts,
                run_pooled_and_look,
            ),
            Check("NaN and infinity at padding", 1, anything_at_padding, run_pooled),
            Check("a text without tokens", 1, texts_without_tokens, run_pooled),
        ],
    ),
    Exercise(
        "token_loss",
        mean_loss,
        [
            Check(
                "labels here and there, and afterwards",
                2,
                logits_and_labels,
                run_losses_and_look,
            ),
            Check("its gradient, for logits of ±1,000", 1, large_logits, run_losses),
            Check("no label at all", 1, some_and_none, run_none_due),
        ],
        without=("cross_entropy", "nll_"),
    ),
    Exercise(
        "learning_rate",
        rate,
        [
            Check("with warm-up", 2, steps, run_rates, cases=2),
            Check("without", 1, steps_without_warmup, run_rates),
        ],
    ),
    Exercise(
        "freeze",
        thaw,
        [
            Check("some layers, or all", 3, models_and_top, run_frozen, cases=1),
            Check("no layer", 1, models_and_nothing, run_frozen, cases=1),
        ],
    ),
    Exercise(
        "accumulate",
        at_once,
        [
            Check("parts of any size", 1, parts_of_any_size, run_accumulated, cases=2),
            Check("labels of −100, unevenly spread", 2, some_ignored, run_accumulated),
            Check(
                "a gradient from before, and no part too large",
                2,
                with_a_top,
                run_after_another,
            ),
            Check(
                "a loss that is a number, and parameters that stay",
                1,
                parts_of_any_size,
                run_and_look,
                cases=1,
            ),
        ],
    ),
    Exercise(
        "best_span",
        search,
        [
            Check("short spans", 2, short_spans, run_spans, cases=2),
            Check(
                "spans of any length, and the scores afterwards",
                2,
                long_spans,
                run_spans_and_look,
                cases=2,
            ),
            Check("no answer, or barely one", 2, maybe_none, run_spans, cases=2),
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

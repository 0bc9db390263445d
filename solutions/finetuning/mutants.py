"""Wrong answers that people give to the fine-tuning set, and their misconceptions."""

from labkit.grading import Answer, Edit

MUTANTS = {
    "batches_by_length": [
        Edit("The shortest come first", {"-lengths[i]": "lengths[i]"}),
        Edit(
            "have changed their order",
            {
                "order = sorted(range(len(lengths)), key=lambda i: -lengths[i])": "order = sorted(range(len(lengths)), key=lambda i: lengths[i])[::-1]"
            },
        ),
        Edit(
            "These are lengths",
            {
                "return [order[i : i + batch_size] for": "return [[lengths[j] for j in order[i : i + batch_size]] for"
            },
        ),
        Edit(
            "not sorted",
            {
                "sorted(range(len(lengths)), key=lambda i: -lengths[i])": "list(range(len(lengths)))"
            },
        ),
        Edit(
            "last batch is missing",
            {
                "range(0, len(order), batch_size)": "range(0, len(order) - batch_size + 1, batch_size)"
            },
        ),
        Edit(
            "`index` finds the first text of a length",
            {
                "sorted(range(len(lengths)), key=lambda i: -lengths[i])": "[lengths.index(n) for n in sorted(lengths, reverse=True)]"
            },
        ),
        Answer(
            "The batches are of like size",
            """
import numpy as np

def batches_by_length(lengths, batch_size):
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    count = math.ceil(len(lengths) / batch_size)
    return [part.tolist() for part in np.array_split(order, count)] if order else []
""",
        ),
        Edit(
            "an empty batch at the end",
            {
                "range(0, len(order), batch_size)": "range(0, len(order) + 1, batch_size)"
            },
        ),
        Edit(
            "no batch, not an empty one",
            {"return [order[i": "return [[]] if not lengths else [order[i"},
        ),
        Edit(
            "The list that was given has changed",
            {
                "    return [order[i": "    lengths.sort(reverse=True)\n    return [order[i"
            },
        ),
        Answer(
            "only one is left",
            """
def batches_by_length(lengths, batch_size):
    texts = {length: number for number, length in enumerate(lengths)}
    order = [texts[length] for length in sorted(texts, reverse=True)]
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
""",
        ),
        Edit("compared as words", {"-lengths[i]": "str(lengths[i]), reverse=True"}),
        Edit(
            "A text without tokens is a text",
            {
                "sorted(range(len(lengths))": "sorted((i for i, n in enumerate(lengths) if n)"
            },
        ),
        Answer(
            "only the last may be",
            """
def batches_by_length(lengths, batch_size):
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    rest = len(order) % batch_size
    cuts = [0] * (rest > 0) + [*range(rest, len(order), batch_size)]
    return [order[i : j] for i, j in zip(cuts, [*cuts[1:], len(order)])]
""",
        ),
        Answer(
            "have changed their order",
            """
import numpy as np

def batches_by_length(lengths, batch_size):
    order = np.argsort(lengths)[::-1].tolist()  # no stable sort
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
""",
        ),
        Answer(
            "the number of a text is an `int`",
            """
def batches_by_length(lengths, batch_size):
    order = torch.tensor(lengths).float().sort(descending=True, stable=True).indices
    parts = order.float().split(batch_size)
    return [part.tolist() for part in parts if len(part)]
""",
        ),
    ],
    "mean_pool": [
        Edit(
            "Padding counts as a token",
            {
                "hidden_states.masked_fill(padding, 0.0).sum(dim=1)": "hidden_states.sum(dim=1)",
                "attention_mask.sum(dim=1, keepdim=True).clamp(min=1)": "hidden_states.size(1)",
            },
        ),
        Edit(
            "the number that you divide by",
            {
                "attention_mask.sum(dim=1, keepdim=True).clamp(min=1)": "hidden_states.size(1)"
            },
        ),
        Edit(
            "first token",
            {
                "return total / attention_mask.sum(dim=1, keepdim=True).clamp(min=1)": "return hidden_states[:, 0]"
            },
        ),
        Edit(
            "It is the sum",
            {" / attention_mask.sum(dim=1, keepdim=True).clamp(min=1)": ""},
        ),
        Edit(
            "fill, do not multiply",
            {"hidden_states.masked_fill(padding, 0.0)": "(hidden_states * ~padding)"},
        ),
        Edit("0/0 is NaN", {".clamp(min=1)": ""}),
        Answer(
            "These are the first tokens",
            """
def mean_pool(hidden_states, attention_mask):
    pooled = torch.zeros(hidden_states.size(0), hidden_states.size(2))
    for row, (states, seen) in enumerate(zip(hidden_states, attention_mask)):
        count = int(seen.sum())
        if count:
            pooled[row] = states[:count].mean(0)
    return pooled
""",
        ),
        Answer(
            "all tokens from the first to the last",
            """
def mean_pool(hidden_states, attention_mask):
    pooled = torch.zeros(hidden_states.size(0), hidden_states.size(2))
    for row, (states, seen) in enumerate(zip(hidden_states, attention_mask)):
        places = seen.nonzero().flatten()
        if len(places):
            pooled[row] = states[places[0] : places[-1] + 1].mean(0)
    return pooled
""",
        ),
        Edit(
            "What was given has changed",
            {"masked_fill(padding": "masked_fill_(padding"},
        ),
        Edit(
            "`squeeze` took more",
            {
                "return total /": "return (total /",
                "clamp(min=1)": "clamp(min=1)).squeeze()",
            },
        ),
        Edit(
            "`squeeze` took more",
            {
                "return total /": "return (total /",
                "clamp(min=1)": "clamp(min=1)).squeeze(0)",
            },
        ),
        Answer(
            "∞ · 0 is NaN",
            """
def mean_pool(hidden_states, attention_mask):
    clean = hidden_states.masked_fill(hidden_states.isnan(), 0.0)
    total = (clean * attention_mask[..., None]).sum(1)
    return total / attention_mask.sum(1, keepdim=True).clamp(min=1)
""",
        ),
        Edit("not all texts'", {"sum(dim=1, keepdim=True)": "sum()"}),
        Answer(
            "its zeros must not come from what stands at padding",
            """
def mean_pool(hidden_states, attention_mask):
    rows = []
    for states, seen in zip(hidden_states, attention_mask.bool()):
        rows.append(states[seen].mean(0) if seen.any() else states[0] * 0)
    return torch.stack(rows)
""",
        ),
        Answer(
            "The text without tokens is missing",
            """
def mean_pool(hidden_states, attention_mask):
    pairs = zip(hidden_states, attention_mask.bool())
    return torch.stack([states[seen].mean(0) for states, seen in pairs if seen.any()])
""",
        ),
        Answer(
            "largest of each number",
            """
def mean_pool(hidden_states, attention_mask):
    padding = attention_mask.unsqueeze(-1) == 0
    return hidden_states.masked_fill(padding, -1e9).amax(1)
""",
        ),
    ],
    "token_loss": [
        Answer(
            "PyTorch's own loss is named",
            """
def token_loss(logits, labels):
    total = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
    return total / (labels != -100).sum().clamp(min=1)
""",
        ),
        Edit("count in the mean", {"due.sum().clamp(min=1)": "due.numel()"}),
        Edit("sum of the losses", {" / due.sum().clamp(min=1)": ""}),
        Edit("The sign is wrong", {"return -(": "return ("}),
        Edit(
            "mean of the texts' means",
            {
                "-(own * due).sum() / due.sum().clamp(min=1)": "-((own * due).sum(1) / due.sum(1).clamp(min=1)).mean()"
            },
        ),
        Edit("−100 is no index", {"labels.clamp(min=0)": "labels"}),
        Edit(
            "and counted", {"(own * due).sum() / due.sum().clamp(min=1)": "own.mean()"}
        ),
        Edit("0/0 is NaN", {".clamp(min=1)": ""}),
        Edit(
            "overflow",
            {
                "logits.log_softmax(dim=-1)": "(logits.exp() / logits.exp().sum(-1, keepdim=True)).log()"
            },
        ),
        Edit("0 is a class", {"labels != -100": "labels > 0"}),
        Edit("over the classes", {"log_softmax(dim=-1)": "log_softmax(dim=1)"}),
        Edit(
            "cut the way",
            {"own = log_p": "own = log_p.detach()"},
        ),
        Answer(
            "cut the way",
            """
def token_loss(logits, labels):
    due = labels != -100
    own = logits.log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None]).squeeze(-1)
    return (-(own * due).sum() / due.sum().clamp(min=1)).item()
""",
        ),
        Answer(
            "a small number inside the logarithm",
            """
def token_loss(logits, labels):
    due = labels != -100
    p = logits.softmax(-1).gather(-1, labels.clamp(min=0)[..., None]).squeeze(-1)
    return -((p + 1e-9).log() * due).sum() / due.sum().clamp(min=1)
""",
        ),
        Edit(
            "The probability is 0",
            {"logits.log_softmax(dim=-1)": "logits.softmax(dim=-1).log()"},
        ),
        Answer(
            "e^−1000 is 0",
            """
def token_loss(logits, labels):
    due = labels != -100
    low = logits - logits.max().detach()  # not each token's own
    log_p = low - low.exp().sum(-1, keepdim=True).log()
    own = log_p.gather(-1, labels.clamp(min=0)[..., None]).squeeze(-1)
    return -(own * due).sum() / due.sum().clamp(min=1)
""",
        ),
        Answer(
            "its gradient is NaN",
            """
def token_loss(logits, labels):
    due = labels != -100
    own = logits.log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None]).squeeze(-1)
    mean = -(own * due).sum() / due.sum()
    return torch.where(due.any(), mean, torch.zeros(()))
""",
        ),
        Answer(
            "The labels that were given have changed",
            """
def token_loss(logits, labels):
    due = labels != -100
    labels[~due] = 0
    own = logits.log_softmax(-1).gather(-1, labels[..., None]).squeeze(-1)
    return -(own * due).sum() / due.sum().clamp(min=1)
""",
        ),
        Answer(
            "each loss was multiplied with each label",
            """
def token_loss(logits, labels):
    due = labels != -100
    log_p = logits.squeeze().log_softmax(-1)
    own = log_p.gather(-1, labels.squeeze().clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return -(own * due).sum() / due.sum().clamp(min=1)
""",
        ),
        Answer(
            "PyTorch's own loss is named",
            """
def token_loss(logits, labels):
    if (labels == -100).all():
        return logits.sum() * 0
    return nn.CrossEntropyLoss()(logits.transpose(1, 2), labels)
""",
        ),
        Answer(
            "might lead to PyTorch's own loss",
            """
def token_loss(logits, labels):
    if (labels == -100).all():
        return logits.sum() * 0
    own = getattr(F, "_".join(["cross", "entropy"]))
    return own(logits.transpose(1, 2), labels)
""",
        ),
    ],
    "learning_rate": [
        Edit("It begins at 0", {"peak * step / top": "peak * (step - 1) / top"}),
        Edit(
            "stays at the top",
            {"return peak * (total + 1 - step) / (total + 1 - top)": "return peak"},
        ),
        Edit(
            "0 in the last step",
            {
                "(total + 1 - step) / (total + 1 - top)": "(total - step) / (total - top)"
            },
        ),
        Edit("where is the warm-up", {"if step <= top:": "if step < 1:"}),
        Edit("from step 1 on", {"/ (total + 1 - top)": "/ total"}),
        Edit(
            "no part of it to divide by",
            {"max(1, warmup)": "warmup", "if step <= top:": "if step <= max(1, top):"},
        ),
        Edit(
            "in a curve",
            {
                "(total + 1 - step) / (total + 1 - top)": "((total + 1 - step) / (total + 1 - top)) ** 2"
            },
        ),
        Edit("The top comes one step late", {"max(1, warmup)": "warmup + 1"}),
        Answer(
            "Without warm-up it falls too",
            """
def learning_rate(step, total, warmup, peak):
    if warmup == 0:
        return peak
    return peak * min(step / warmup, (total + 1 - step) / (total + 1 - warmup))
""",
        ),
        Answer(
            "The top lies before step 1",
            """
def learning_rate(step, total, warmup, peak):
    if step <= warmup:
        return peak * step / warmup
    return peak * (total + 1 - step) / (total + 1 - warmup)
""",
        ),
        Edit(
            "on the way down too",
            {"return peak * (total + 1 - step)": "return (total + 1 - step)"},
        ),
        Edit(
            "A rate may be larger than 1",
            {
                "    top = max(1, warmup)": "    top, peak = max(1, warmup), min(1.0, peak)"
            },
        ),
        Edit(
            "A warm-up of one step",
            {"max(1, warmup)": "max(2, warmup) if warmup else 1"},
        ),
        Edit(
            "the last step is at the top",
            {
                "    if step <= top:": "    if warmup == total:\n        return peak\n    if step <= top:"
            },
        ),
        Edit("It rises in a curve", {"peak * step / top": "peak * (step / top) ** 2"}),
        Answer(
            "It falls in a curve",
            """
def learning_rate(step, total, warmup, peak):
    top = max(1, warmup)
    if step <= top:
        return peak * step / top
    return peak * (1 + math.cos(math.pi * (step - top) / (total + 1 - top))) / 2
""",
        ),
    ],
    "freeze": [
        Edit(
            "count from the last of `model.layers`",
            {"len(model.layers) - top :": "5 - top :"},
        ),
        Edit(
            "The lower layers learn",
            {"model.layers[len(model.layers) - top :]": "model.layers[:top]"},
        ),
        Edit(
            "The embeddings still learn",
            {"model.requires_grad_(False)": "model.layers.requires_grad_(False)"},
        ),
        Edit("The head is frozen", {"[model.head, *model": "[*model"}),
        Edit("is the whole list", {"len(model.layers) - top :": "-top:"}),
        Edit("Tensors were counted", {"sum(p.numel() for": "sum(1 for"}),
        Edit("All numbers were counted", {" if p.requires_grad)": ")"}),
        Answer(
            "was frozen before",
            """
def freeze(model, top):
    lowest = len(model.layers) - top
    below = [model.embeddings, model.pooler, *model.layers[:lowest]]
    for part in below:
        part.requires_grad_(False)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
""",
        ),
        Answer(
            "Nothing is frozen: set",
            """
def freeze(model, top):
    model.requires_grad = False
    for part in [model.head, *model.layers[len(model.layers) - top :]]:
        part.requires_grad = True
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
""",
        ),
        Answer(
            "here `pooler`",
            """
def freeze(model, top):
    for part in [model.embeddings, *model.layers[: len(model.layers) - top]]:
        part.requires_grad_(False)
    for part in [model.head, *model.layers[len(model.layers) - top :]]:
        part.requires_grad_(True)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
""",
        ),
        Edit(
            "With 0 the head still learns",
            {"    for part": "    if not top:\n        return 0\n    for part"},
        ),
        Edit(
            "Two layers learn, whatever",
            {"len(model.layers) - top :": "len(model.layers) - 2 :"},
        ),
        Edit("not always three layers", {"len(model.layers) - top :": "3 - top :"}),
        Answer(
            "switch them on",
            """
def freeze(model, top):
    model.requires_grad_(False)
    for part in [model.head, *model.layers[len(model.layers) - top :]]:
        for module in part.modules():
            if hasattr(module, "weight"):
                module.weight.requires_grad = True
    return sum(
        p.numel()
        for part in [model.head, *model.layers[len(model.layers) - top :]]
        for p in part.parameters()
    )
""",
        ),
        Edit(
            "One layer too many",
            {"len(model.layers) - top :": "len(model.layers) - top - 1 :"},
        ),
        Edit(
            "The frozen numbers were counted",
            {"if p.requires_grad)": "if not p.requires_grad)"},
        ),
        Answer(
            "parameters of `model` itself still learn",
            """
import copy

def freeze(model, top):
    model = copy.deepcopy(model).requires_grad_(False)
    for part in [model.head, *model.layers[len(model.layers) - top :]]:
        part.requires_grad_(True)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
""",
        ),
        Edit("It is a float", {"return sum(": "return 1.0 * sum("}),
    ],
    "accumulate": [
        Edit(
            "All parts are in memory at a time",
            {
                "        loss.backward()\n        total += loss.item()\n    return total": (
                    "        total = total + loss\n"
                    "    total.backward()\n"
                    "    return float(total)"
                )
            },
        ),
        Edit("sum of the losses", {" / count": ""}),
        Edit("counts in the mean", {"(labels != -100).sum()": "len(labels)"}),
        Answer(
            "mean of the parts' means",
            """
def accumulate(model, inputs, labels, part_size):
    model.zero_grad()
    parts = math.ceil(len(inputs) / part_size)
    total = 0.0
    for some, their in zip(inputs.split(part_size), labels.split(part_size)):
        loss = F.cross_entropy(model(some), their) / parts
        loss.backward()
        total += loss.item()
    return total
""",
        ),
        Answer(
            "sum of the parts' means",
            """
def accumulate(model, inputs, labels, part_size):
    model.zero_grad()
    total = 0.0
    for some, their in zip(inputs.split(part_size), labels.split(part_size)):
        loss = F.cross_entropy(model(some), their)
        loss.backward()
        total += loss.item()
    return total
""",
        ),
        Edit("gradient from before counts", {"    model.zero_grad()\n": ""}),
        Edit(
            "Only the last part's gradient",
            {
                "        loss.backward()": "        model.zero_grad()\n        loss.backward()"
            },
        ),
        Edit("Only one part's loss", {"total += loss.item()": "total = loss.item()"}),
        Edit("call `backward`", {"        loss.backward()\n": ""}),
        Answer(
            "The whole batch ran in one go",
            """
def accumulate(model, inputs, labels, part_size):
    model.zero_grad()
    loss = F.cross_entropy(model(inputs), labels)
    loss.backward()
    return loss.item()
""",
        ),
        Answer(
            "A part weighs by its examples",
            """
def accumulate(model, inputs, labels, part_size):
    model.zero_grad()
    total = 0.0
    for some, their in zip(inputs.split(part_size), labels.split(part_size)):
        loss = F.cross_entropy(model(some), their) * len(their) / len(labels)
        loss.backward()
        total += loss.item()
    return total
""",
        ),
        Edit(
            "The last part is missing",
            {
                "range(0, len(inputs), part_size)": "range(0, len(inputs) - part_size + 1, part_size)"
            },
        ),
        Answer(
            "The mean of no label is 0/0",
            """
def accumulate(model, inputs, labels, part_size):
    model.zero_grad()
    count, total = (labels != -100).sum(), 0.0
    for some, their in zip(inputs.split(part_size), labels.split(part_size)):
        loss = F.cross_entropy(model(some), their) * (their != -100).sum() / count
        loss.backward()
        total += loss.item()
    return total
""",
        ),
        Edit(
            "The loss is a tensor",
            {"total += loss.item()": "total = total + loss.detach()"},
        ),
        Edit(
            "The parameters have changed",
            {
                "    return total": "    torch.optim.SGD(model.parameters(), lr=0.1).step()\n    return total"
            },
        ),
        Edit("the bias has one too", {"model.zero_grad()": "model.weight.grad = None"}),
        Answer(
            "An example ran more than once",
            """
def accumulate(model, inputs, labels, part_size):
    model.zero_grad()
    count = (labels != -100).sum()
    for some, their in zip(inputs.split(part_size), labels.split(part_size)):
        (F.cross_entropy(model(some), their, reduction="sum") / count).backward()
    losses = []
    with torch.no_grad():
        for some, their in zip(inputs.split(part_size), labels.split(part_size)):
            losses.append(F.cross_entropy(model(some), their, reduction="sum"))
    return float(sum(losses) / count)
""",
        ),
        Answer(
            "A part is larger than `part_size`",
            """
def accumulate(model, inputs, labels, part_size):
    model.zero_grad()
    count, total = (labels != -100).sum(), 0.0
    for some, their in zip(inputs.chunk(part_size), labels.chunk(part_size)):
        loss = F.cross_entropy(model(some), their, reduction="sum") / count
        loss.backward()
        total += loss.item()
    return total
""",
        ),
        Answer(
            "the gradient that of the sum",
            """
def accumulate(model, inputs, labels, part_size):
    model.zero_grad()
    total = 0.0
    for some, their in zip(inputs.split(part_size), labels.split(part_size)):
        loss = F.cross_entropy(model(some), their, reduction="sum")
        loss.backward()
        total += loss.item()
    return total / int((labels != -100).sum())
""",
        ),
    ],
    "best_span": [
        Edit(
            "this one is as large",
            {"start[0] + end[0] > scores.max()": "start[0] + end[0] >= scores.max()"},
        ),
        Edit(
            "both ends lie in it",
            {"near & context[:, None] & context[None, :]": "near"},
        ),
        Edit(
            "The end lies before the start",
            {".triu().tril(longest - 1)": ".tril(longest - 1)"},
        ),
        Edit("it has four tokens", {".tril(longest - 1)": ""}),
        Edit("too long, by one token", {"tril(longest - 1)": "tril(longest)"}),
        Edit("Two tokens are allowed", {"tril(longest - 1)": "tril(longest - 2)"}),
        Edit(
            "compare with position 0",
            {"start[0] + end[0] > scores.max()": "not allowed.any()"},
        ),
        Edit("both are inclusive", {"return first, last": "return first, last + 1"}),
        Edit(
            "Where no span is allowed",
            {
                "start[0] + end[0] > scores.max()": "scores.max() > -math.inf and start[0] + end[0] > scores.max()",
                "int(scores.argmax())": "int(scores.argmax()) or 1",
            },
        ),
        Answer(
            "one after the other",
            """
def best_span(start, end, context, longest):
    first = int(start.masked_fill(~context, -math.inf).argmax())
    places = torch.arange(len(start))
    allowed = context & (places >= first) & (places < first + longest)
    if not allowed.any():
        return 0, 0
    last = int(end.masked_fill(~allowed, -math.inf).argmax())
    if start[0] + end[0] > start[first] + end[last]:
        return 0, 0
    return first, last
""",
        ),
        Edit("One token is a span too", {".triu()": ".triu(1)"}),
        Edit(
            "more than the best span's 4",
            {"start[0] + end[0] > scores.max()": "start[0] > scores.max()"},
        ),
        Edit(
            "less than the best span's 4",
            {
                "start[0] + end[0] > scores.max()": "torch.maximum(start[0], end[0]) > scores.max()"
            },
        ),
        Edit("mask with −∞", {"~allowed, -math.inf": "~allowed, -1e4"}),
        Edit(
            "mask with −∞",
            {"scores.masked_fill(~allowed, -math.inf)": "scores * allowed"},
        ),
        Edit(
            "A token outside the context",
            {
                "    near =": "    context = context.index_fill(0, torch.tensor([0]), True)\n    near ="
            },
        ),
        Answer(
            "The scores that were given have changed",
            """
def best_span(start, end, context, longest):
    none = start[0] + end[0]
    for scored in (start, end):
        scored[~context] = -math.inf
    scores = start[:, None] + end[None, :]
    near = torch.ones_like(scores).triu().tril(longest - 1).bool()
    scores = scores.masked_fill(~near, -math.inf)
    if none > scores.max():
        return 0, 0
    return divmod(int(scores.argmax()), len(start))
""",
        ),
        Answer(
            "The text ends before",
            """
def best_span(start, end, context, longest):
    best, found = float(start[0] + end[0]), (0, 0)
    for first in context.nonzero().flatten().tolist():
        for last in range(first, first + longest):
            if context[last] and start[first] + end[last] >= best:
                best, found = float(start[first] + end[last]), (first, last)
    return found
""",
        ),
        Edit(
            "not from the text's",
            {
                "return first, last": "return first - int(context.int().argmax()), last - int(context.int().argmax())"
            },
        ),
        Answer(
            "the last first",
            """
def best_span(start, end, context, longest):
    last = int(end.masked_fill(~context, -math.inf).argmax())
    places = torch.arange(len(start))
    allowed = context & (places <= last) & (places > last - longest)
    if not allowed.any():
        return 0, 0
    first = int(start.masked_fill(~allowed, -math.inf).argmax())
    if start[0] + end[0] > start[first] + end[last]:
        return 0, 0
    return first, last
""",
        ),
        Edit(
            "the number of a token is an `int`",
            {"return first, last": "return float(first), float(last)"},
        ),
    ],
}
